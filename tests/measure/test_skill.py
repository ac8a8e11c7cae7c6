"""Wrong labels or a wrong preprocessing leave a model at chance, which is said; one that knows anything passes."""

import numpy as np
import pytest

from edgekit.measure.judge import implied, verdict
from edgekit.measure.limits import Budget
from edgekit.measure.skill import skill
from edgekit.stages.reference import _at_chance

RNG = np.random.default_rng(0)
COUNT = 1000


def classifier(y, classes, right):
    """Scores whose class is the label for a share of the samples, else another one by chance."""
    said = np.where(RNG.random(COUNT) < right, y, RNG.integers(0, classes, COUNT))
    return np.eye(classes)[said]


Y = RNG.integers(0, 10, COUNT)
RARE = (RNG.random(COUNT) < 0.03).astype(int)
NUMBERS = RNG.normal(50, 10, COUNT)
CASES = {
    # labels, targets, predictions, verdict
    "a good classifier": (Y, None, classifier(Y, 10, 0.9), "pass"),
    "a poor one": (Y, None, classifier(Y, 10, 0.1), "pass"),
    "labels in another order": (RNG.permutation(10)[Y], None, classifier(Y, 10, 0.95), None),
    "labels one off": ((Y + 1) % 10, None, classifier(Y, 10, 0.95), "fail"),
    "labels of other samples": (RNG.permutation(Y), None, classifier(Y, 10, 0.95), "inconclusive"),
    "one class for all": (Y, None, np.eye(10)[np.full(COUNT, 3)], "inconclusive"),
    "the most frequent class": (RARE, None, np.eye(2)[np.zeros(COUNT, int)], "inconclusive"),
    "a detector of what is rare": (RARE, None, np.eye(2)[np.where(RNG.random(COUNT) < 0.04, 1, RARE)], "pass"),
    "a probability": (RARE, None, np.where(RARE, 0.7, 0.2)[:, None], "pass"),
    "a regression": (None, NUMBERS, (NUMBERS + RNG.normal(0, 3, COUNT))[:, None], "pass"),
    "a poor regression": (None, NUMBERS, (50 + 0.2 * (NUMBERS - 50) + RNG.normal(0, 1, COUNT))[:, None], "pass"),
    "the mean": (None, NUMBERS, np.full((COUNT, 1), NUMBERS.mean()), "inconclusive"),
    "targets of other samples": (None, RNG.permutation(NUMBERS), NUMBERS[:, None], "fail"),
    "targets in another unit": (None, NUMBERS / 100, NUMBERS[:, None], "fail"),
    "several numbers": (None, np.stack([NUMBERS, Y], 1), np.stack([NUMBERS + 1, Y], 1), "pass"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_model_knows_of_the_labels(case):
    y, targets, predictions, wanted = CASES[case]
    found = skill(predictions.astype(np.float32), y, targets, "")
    assert found.low <= found.value <= found.high
    lines = implied(Budget(), [found], "tflm")
    said = verdict(lines, [found], "tflm")
    assert said == wanted if wanted else said != "pass", found
    assert bool(_at_chance(found)) == (said != "pass")
    assert implied(Budget(levels={"skill": "off"}), [found], "tflm") == []


@pytest.mark.parametrize(
    ("y", "targets"),
    [(None, None), (None, np.zeros((COUNT, 7))), (None, np.full(COUNT, 3.0)), (None, np.zeros((COUNT, 2, 2)))],
)
def test_where_nothing_can_be_told_nothing_is(y, targets):
    assert skill(np.zeros((COUNT, 1), np.float32), y, targets, "") is None
