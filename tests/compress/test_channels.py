import channels_probe as probe
import numpy as np
import pytest

from edgekit.errors import RecipeError
from edgekit.worker import Worker

GROUPS = {
    "plain": 2,
    "residual": 1,
    "constants that are not zero": 3,
    "inverted residual": 2,
    "concatenation": 4,
    "squeeze and excite": 2,
    "u-net": 4,
    "separable": 2,
    "shared layer": 1,
    "two outputs": 2,
    "before an LSTM": 1,
    "nested": 2,
    "two inputs": 1,
    "shared layer on other constants": 2,
    "shared layer on other sizes": 2,
    "shared reshape": 1,
    "shared slopes": 2,
    "no scale or no center": 5,
}
"""How many sets of channels each model has that can be removed, counted by hand."""


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Worker(tmp_path_factory.mktemp("log") / "log") as process:
        yield process


@pytest.fixture
def remove(process):
    return lambda name="plain", **settings: process.call(
        probe.remove, {"sparsity": 0.5, "epochs": 0, "protect": (), "by": "l2"} | settings, name, returns=dict
    )


class TestTheSmallerModel:
    @pytest.mark.parametrize("name", [*GROUPS, "MobileNetV2", "DenseNet121"])
    def test_answers_as_the_larger_one_with_the_channels_at_zero(self, process, name):
        found = process.call(probe.exactness, name, returns=dict[str, float])
        assert found["error"] <= 1e-5 * max(1, found["signal"])
        assert found["signal"] > 1e-3
        assert found["after"] < 0.8 * found["before"]
        assert found["after"] == found["predicted"]
        assert found["flat"]
        assert found["groups"] == GROUPS.get(name, found["groups"])


class TestRanking:
    """Weights of a channel [w, w] with w = 1, -2, 3; gamma 0.5, -1.5, 1; read by 5, 1, 1."""

    def test_by_l1_and_l2(self, process):
        assert process.call(probe.ranks, "l1", returns=list[float]) == pytest.approx([2, 4, 6])
        assert process.call(probe.ranks, "l2", returns=list[float]) == pytest.approx(np.sqrt([2, 8, 18]).tolist())

    def test_by_batchnorm_and_connectivity(self, process):
        assert process.call(probe.ranks, "batchnorm", returns=list[float]) == pytest.approx([0.5, 1.5, 1.0])
        assert process.call(probe.ranks, "connectivity", returns=list[float]) == pytest.approx([5, 1, 1])

    def test_by_taylor(self, process):
        # The output is (2.5 + 3 + 3) x = 8.5 x, the loss its square. In a batch of one sample, dL/dw times w is 2 y p
        # for the kernel and again for gamma, and 0 for beta, with p the channel's part of the output.
        parts = np.array([2.5, 3.0, 3.0])
        by_hand = [np.mean([(2 * (2 * 8.5 * x) * (part * x)) ** 2 for x in (1, 2)]) for part in parts]
        assert process.call(probe.ranks, "taylor", returns=list[float]) == pytest.approx(by_hand, rel=1e-4)

    def test_at_random_by_the_seed(self, process):
        first, again = (process.call(probe.ranks, "random", returns=list[float]) for _ in range(2))
        assert first == again and len(set(first)) == 3


class TestHowManyGo:
    def test_a_share_of_each_layer(self, remove):
        assert remove()["channels"] == {"conv": [8, 4], "hidden": [12, 6]}

    def test_rounded_up_to_what_the_hardware_likes(self, remove):
        assert remove(sparsity=0.6, multiple_of=4)["channels"] == {"conv": [8, 4], "hidden": [12, 8]}

    def test_layers_of_their_own(self, remove):
        assert remove(layers={"conv*": 0.25, "hidden": 0.0})["channels"] == {"conv": [8, 6]}

    def test_layers_that_are_excluded_or_protected(self, remove):
        assert remove(exclude=("hidden",))["channels"] == {"conv": [8, 4]}
        assert remove(protect=("first", "last"))["channels"] == {"hidden": [12, 6]}

    def test_over_the_whole_model(self, remove):
        counts = remove(scope="model")["channels"]
        assert sum(after for _, after in counts.values()) == 10

    def test_one_always_stays(self, remove):
        assert remove(sparsity=0.99)["channels"] == {"conv": [8, 1], "hidden": [12, 1]}

    @pytest.mark.parametrize(("of", "index"), [("parameters", "parameters"), ("macs", "macs")])
    def test_a_share_of_the_cost(self, remove, of, index):
        before, after = remove(sparsity=0.6, of=of)[index]
        assert 0.35 * before < after <= 0.4 * before

    def test_a_share_of_the_bytes(self, remove):
        before, after = remove(sparsity=0.6, of="bytes")["parameters"]
        assert after < 0.45 * before

    def test_in_rounds_as_many_in_the_end(self, remove):
        assert remove(rounds=3)["channels"] == remove()["channels"]

    def test_nothing_changes_without_a_share(self, remove):
        found = remove(sparsity=0.0)
        assert found["channels"] == {} and found["parameters"][0] == found["parameters"][1]

    def test_the_outputs_stay(self, remove):
        assert remove("u-net")["output"] == [64, 32, 32, 1]


def test_the_same_seed_gives_the_same_weights(remove):
    first, again = (remove(by="taylor", epochs=1)["weights"] for _ in range(2))
    assert first == again


def test_what_is_left_alone_is_said(remove):
    assert any("LSTM" in note for note in remove("before an LSTM")["notes"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"of": "macs", "sparsity": 0.99}, r"99 % of the macs is asked for, but \d\d % is the most"),
        ({"by": "batchnorm"}, "no layer is followed by a BatchNormalization"),
        ({"blocks": 0.5}, "has no residual block"),
        ({"layers": {"flatten": 0.5}}, 'no layer with weights matches "flatten"'),
        ({"exclude": ("convv",)}, 'did you mean "conv"'),
    ],
)
def test_what_cannot_be_done_is_refused(remove, settings, words):
    with pytest.raises(RecipeError, match=words):
        remove(**settings)


def test_the_block_goes_that_adds_least(process):
    found = process.call(probe.block_removal, returns=dict)
    assert found["blocks"] == [["after_loud", "start"], ["after_quiet", "after_loud"]]
    assert found["gone"] == ["after_quiet"]
    assert not {"quiet", "after_quiet"} & set(found["names"]) and "loud" in found["names"]
    assert found["error"] < 1e-4
