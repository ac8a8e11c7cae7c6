import distil_probe as probe
import numpy as np
import pytest

from edgekit.compress.distil import Distil
from edgekit.compress.student import Student
from edgekit.errors import RecipeError

SHORT = {"epochs": 6, "batch_size": 16, "learning_rate": 0.003}


@pytest.fixture
def teach(process):
    def run(outputs="softmax", labels=True, pruned=False, **settings):
        return process.call(probe.teach, Distil(**(SHORT | settings)), outputs, labels, pruned, returns=dict)

    return run


class TestSoftLoss:
    """Against the formulas, in NumPy."""

    TAUGHT, GIVEN = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]

    @staticmethod
    def softened(p, temperature):
        powers = np.array(p) ** (1 / temperature)  # the softmax of log(p) / T
        return powers / powers.sum(axis=1, keepdims=True)

    @pytest.mark.parametrize("temperature", [1.0, 4.0])
    def test_of_probabilities_is_the_divergence_times_the_temperature_squared(self, process, temperature):
        wanted, had = (self.softened(p, temperature) for p in (self.TAUGHT, self.GIVEN))
        by_hand = temperature**2 * (wanted * np.log(wanted / had)).sum(axis=1).mean()
        loss = process.call(probe.soft, "softmax", temperature, self.TAUGHT, self.GIVEN, returns=float)
        assert loss == pytest.approx(by_hand, rel=1e-4)

    def test_of_logits_is_that_of_their_softmax(self, process):
        logits = [np.log(p).tolist() for p in (self.TAUGHT, self.GIVEN)]
        one = process.call(probe.soft, "logits", 4.0, *logits, returns=float)
        assert one == pytest.approx(process.call(probe.soft, "softmax", 4.0, self.TAUGHT, self.GIVEN, returns=float))

    def test_of_one_probability_is_that_of_both_sides(self, process):
        one = process.call(probe.soft, "sigmoid", 1.0, [[0.9], [0.2]], [[0.6], [0.3]], returns=float)
        both = [[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.3, 0.7]]]
        assert one == pytest.approx(process.call(probe.soft, "softmax", 1.0, *both, returns=float), rel=1e-4)

    def test_of_numbers_is_the_mean_squared_error(self, process):
        assert process.call(probe.soft, "values", 9.0, [[1.0, 2.0]], [[2.0, 4.0]], returns=float) == 2.5

    @pytest.mark.parametrize("of", ["softmax", "values"])
    def test_of_equals_is_zero(self, process, of):
        same = [self.TAUGHT, self.TAUGHT]
        assert process.call(probe.soft, of, 4.0, *same, returns=float) == pytest.approx(0, abs=1e-6)


def test_hinge_by_hand(process):
    assert process.call(probe.hinge_of, [2.0, 0.5, -1.0], 1.0, returns=float) == pytest.approx((0 + 0.5 + 2) / 3)


def test_attention_by_hand(process):
    """Two places with channels (3, 4) and (0, 0): all strength is at the first."""
    features = [[[[3.0, 4.0], [0.0, 0.0]]], [[[1.0, 1.0], [1.0, -1.0]]]]
    assert process.call(probe.map_of, features, returns=list) == [
        pytest.approx([1, 0]),
        pytest.approx([2**-0.5, 2**-0.5]),
    ]


class TestSmallerCopy:
    def test_has_fewer_channels_but_the_same_ends(self, process):
        found = process.call(probe.copy, 0.5, 1.0, 1, returns=dict)
        assert found["channels"] == {"stem": 4, "inner0": 4, "inner1": 4}
        assert found["shapes"] == found["teacher"]

    def test_has_fewer_blocks(self, process):
        found = process.call(probe.copy, 1.0, 0.5, 1, returns=dict)
        assert found["repeats"] == [["add0", "stem"], ["add1", "add0"]]
        assert set(found["layers"]) >= {"stem", "inner0", "pool", "class"} and "inner1" not in found["layers"]

    def test_the_seed_decides_its_weights(self, process):
        sums = [process.call(probe.copy, 0.5, 1.0, seed, returns=dict)["sum"] for seed in (1, 1, 2)]
        assert sums[0] == sums[1] != sums[2]

    def test_of_a_public_architecture(self, process):
        found = process.call(probe.copy, 0.5, 1.0, 1, "MobileNetV2", returns=dict)
        assert found["parameters"][0] < 0.4 * found["parameters"][1]
        assert found["shapes"] == found["teacher"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param({"soft": 1.0, "hard": 0.0}, marks=pytest.mark.slow),
        {"soft": 0.0, "hard": 1.0},
        {"features": 1.0, "pairs": {"add1": "add1", "stem": "stem"}},
        pytest.param({"attention": 10.0, "pairs": {"add0": "add1"}}, marks=pytest.mark.slow),
        pytest.param({"adversarial": 0.1}, marks=pytest.mark.slow),
        pytest.param({"rounds": 2}, marks=pytest.mark.slow),
        {"assistants": (Student(width=0.75),)},
        {"student": "model"},
        {"student": "distil_probe:tiny"},
    ],
    ids=lambda settings: ", ".join(settings) or "default",
)
def test_the_student_comes_closer_to_its_teacher(teach, settings):
    found = teach(**({"student": Student(width=0.5)} | settings))
    assert found["after"] < 0.8 * found["before"]
    wanted = {"features", "attention", "adversarial"} & set(settings)
    assert wanted <= set(found["losses"])


@pytest.mark.parametrize("outputs", ["numbers", "both"])
def test_outputs_that_are_no_classes(teach, outputs):
    found = teach(outputs, student=Student(width=0.5), features=0.1, pairs={"add1": "add1"})
    assert found["after"] < 0.8 * found["before"]


def test_without_labels_the_answers_are_enough(teach):
    assert (found := teach(labels=False))["after"] < 0.8 * found["before"]


def test_the_same_seed_gives_the_same_student(teach):
    settings = {"student": Student(width=0.5), "adversarial": 0.1}
    assert teach(**settings)["sum"] == teach(**settings)["sum"]


def test_zeros_of_a_pruned_student_stay(teach):
    assert teach(pruned=True)["zeros"] == 36


def test_an_assistant_is_told(teach):
    found = teach(student=Student(width=0.5), assistants=(Student(width=0.75),))
    assert found["notes"] == ["assistant 1 of 741 parameters"]


@pytest.mark.parametrize(
    ("settings", "labels", "words"),
    [
        ({"student": "distil_probe:wrong"}, True, r"its outputs are 2, the teacher's 3; they must be alike"),
        ({"features": 1.0, "pairs": {"adds1": "add1"}}, True, 'the teacher has no layer "adds1"; did you mean "add1"'),
        ({"features": 1.0, "pairs": {"add1": "stam"}}, True, 'the student has no layer "stam"; did you mean "stem"'),
        ({"features": 1.0, "pairs": {"add1": "pool"}}, True, r"'add1' and 'pool' differ in size, \(8, 8\) and \(\)"),
        ({"features": 1.0}, True, r"recipe\.distil\.pairs: features and attention compare layers"),
        ({"soft": 0.0, "hard": 1.0}, False, "only hard labels count, but the data has none"),
    ],
)
def test_what_cannot_be_taught_is_refused(teach, settings, labels, words):
    with pytest.raises(RecipeError, match=words):
        teach(labels=labels, **settings)
