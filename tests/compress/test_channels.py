import re

import channels_probe as probe
import numpy as np
import pytest
from slow_part import all_but

from edgekit.errors import RecipeError

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
    "attention": 1,
    "sequential": 2,
}
"""How many sets of channels each model has that can be removed, counted by hand."""


@pytest.fixture
def remove(process):
    return lambda name="plain", untrained=(), **settings: process.call(
        probe.remove,
        {"sparsity": 0.5, "epochs": 0, "protect": (), "by": "l2"} | settings,
        name,
        untrained,
        returns=dict,
    )


class TestTheSmallerModel:
    @pytest.mark.parametrize("name", all_but([*GROUPS, "DenseNet"], [*GROUPS, "MobileNetV2", "DenseNet"]))
    def test_answers_as_the_larger_one_with_the_channels_at_zero(self, process, name):
        found = process.call(probe.exactness, name, returns=dict[str, float])
        assert found["error"] <= 1e-5 * max(1, found["signal"])
        assert found["signal"] > 1e-3
        assert found["after"] < 0.8 * found["before"]
        assert found["after"] == found["predicted"]
        assert found["flat"]
        assert found["groups"] == GROUPS.get(name, found["groups"])


class TestWidths:
    def test_a_layer_keeps_as_many_channels_as_is_said(self, remove):
        found = remove(sparsity=0.0, widths={"hidden": 3})
        assert found["channels"] == {"hidden": [12, 3]}

    def test_a_pattern_that_fits_no_layer_is_refused(self, remove):
        with pytest.raises(RecipeError, match=r'recipe.channels.widths: no layer with weights matches "convx"'):
            remove(sparsity=0.0, widths={"convx": 3})


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

    @pytest.mark.parametrize("of", ["parameters", "macs", "bytes"])
    def test_a_share_of_the_cost_and_what_the_hardware_likes(self, remove, of):
        found = remove(sparsity=0.5, of=of, multiple_of=4)
        assert all(after % 4 == 0 for _, after in found["channels"].values())
        if of != "bytes":
            assert found[of][1] <= 0.5 * found[of][0]

    def test_channels_that_layers_make_together_go_as_the_most_careful_of_them_says(self, remove):
        assert remove("residual", sparsity=0.0, layers={"conv2d*": 0.5, "last_of_three": 0.25})["channels"] == {
            name: [8, 6] for name in remove("residual")["channels"]
        }

    def test_step_by_step_down_to_a_single_channel_as_another_tensor_has(self, remove):
        assert list(remove("attention", sparsity=0.99, by="taylor")["channels"].values()) == [[8, 1]]

    def test_a_shared_layer_computes_in_each_place(self, remove):
        conv1x1, shared = 16 * 16 * 3 * 8, (16 * 16 + 8 * 8) * 9 * 8 * 8
        assert remove("shared layer on other sizes", sparsity=0.0)["macs"][0] == conv1x1 + shared + 16 * 3

    def test_nothing_changes_without_a_share(self, remove):
        found = remove(sparsity=0.0)
        assert found["channels"] == {} and found["parameters"][0] == found["parameters"][1]

    def test_the_outputs_stay(self, remove):
        assert remove("u-net")["output"] == [64, 32, 32, 1]


def test_the_same_seed_gives_the_same_weights(remove):
    first, again = (remove(by="taylor", epochs=1)["weights"] for _ in range(2))
    assert first == again


def test_layers_that_do_not_train_count_by_taylor(remove):
    trained, untrained = (remove(by="taylor", untrained=names)["weights"] for names in ([], ["conv", "hidden"]))
    assert trained == untrained


class TestWhatIsLeftAlone:
    def test_is_said_of_layers_that_are_not_known(self, remove):
        [note] = remove("before an LSTM")["notes"]
        assert re.fullmatch(r"channels stay, 8 of conv1d\w*: LSTM is not taken apart", note)

    def test_is_said_of_constants_that_no_bias_takes(self, remove):
        [note] = remove("shared layer on other constants")["notes"]
        assert re.fullmatch(
            r"channels stay, 8 of dense\w*, 8 of dense\w*: dense\w* reads them in several places, where they leave "
            "different constants",
            note,
        )

    def test_is_said_of_what_goes_with_a_protected_layer(self, remove):
        notes = remove("inverted residual", protect=("first",))["notes"]
        assert len(notes) == 1 and re.search(r"8 of conv2d\w*: they go with those of conv2d\w*, which is not", notes[0])

    def test_is_said_of_what_is_not_ranked(self, remove):
        [note] = remove("no scale or no center", by="batchnorm")["notes"]
        assert 'by = "batchnorm" does not rank them' in note and note.count(" of conv2d") == 4

    def test_is_said_if_nothing_goes(self, remove):
        found = remove(sparsity=0.3, multiple_of=16)
        assert found["channels"] == {}
        assert found["notes"] == [
            "no channel is removed: what stays of each layer, rounded up to a multiple of 16, is all of it; "
            "raise the sparsity"
        ]

    def test_is_said_if_no_block_goes(self, remove):
        [note] = remove("residual", blocks=0.1)["notes"]
        assert note == "no residual block is removed: 0.1 of them is less than one; raise recipe.channels.blocks"

    def test_nothing_is_said_of_inputs_and_outputs(self, remove):
        assert remove("u-net")["notes"] == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"of": "macs", "sparsity": 0.99}, r"99 % of the macs is asked for, but \d\d % is the most"),
        ({"by": "batchnorm"}, "no layer is followed by a BatchNormalization"),
        ({"blocks": 0.5}, "has no residual block"),
        ({"layers": {"flatten": 0.5}}, 'no layer with weights matches "flatten"'),
        ({"exclude": ("convv",)}, 'did you mean "conv"'),
        ({"exclude": ("*",)}, "no channel can be removed: no layer that may be narrowed makes any"),
    ],
)
def test_what_cannot_be_done_is_refused(remove, settings, words):
    with pytest.raises(RecipeError, match=words):
        remove(**settings)


@pytest.mark.parametrize(
    ("kind", "blocks", "gone"),
    [
        ("projection", [], []),
        ("broadcast", [], []),
        ("nested", [["inner", "before"], ["outer", "start"]], None),
        ("shared", [["add", "shared"]], ["add"]),
        ("split", [["add", "tf.split"]], ["add"]),
        ("operator", [["tf.__operators__.add", "start"]], ["tf.__operators__.add"]),
    ],
)
def test_odd_blocks(process, kind, blocks, gone):
    found = process.call(probe.odd_blocks, kind, returns=dict)
    assert found["blocks"] == blocks
    assert found["error"] < 1e-6
    assert found["all"] in ([gone] if gone is not None else (["outer"], ["inner", "outer"]))


def test_a_sequence_of_layers_has_no_blocks_but_repeats(process, remove):
    with pytest.raises(RecipeError, match="has no residual block"):
        remove("sequential", blocks=0.5)
    assert process.call(probe.student_of_a_sequence, returns=list[str]) == ["InputLayer", "Conv2D", "Flatten", "Dense"]


def test_the_block_goes_that_adds_least(process):
    found = process.call(probe.block_removal, returns=dict)
    assert found["blocks"] == [["after_loud", "start"], ["after_quiet", "after_loud"]]
    assert found["gone"] == ["after_quiet"]
    assert not {"quiet", "after_quiet"} & set(found["names"]) and "loud" in found["names"]
    assert found["error"] < 1e-4
