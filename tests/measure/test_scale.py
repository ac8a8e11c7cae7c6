"""The scale that a model was trained on answers best; labels in another order are met by none."""

import numpy as np
import pytest

from edgekit.data.samples import Samples
from edgekit.measure.scale import ValueRange, fitted
from edgekit.stages.preprocess import usual

LABELS = np.array([0, 1, 2, 0, 1, 2])


def answers(sure, labels=LABELS):
    logits = np.zeros((len(labels), 3), np.float32)
    logits[np.arange(len(labels)), labels] = sure
    return logits


def of(predictions, labels=LABELS):
    return fitted(predictions, Samples((np.zeros((len(labels), 1)),), labels, labels))


def test_right_answers_fit_better_the_surer_they_are():
    slightly, surely = of(answers(0.5)), of(answers(5.0))
    assert slightly.accuracy == surely.accuracy == 100
    assert surely.score > slightly.score > slightly.chance and surely.knows


def test_wrong_answers_fit_worse_the_surer_they_are():
    wrong = (LABELS + 1) % 3
    assert of(answers(5.0, wrong)).score < of(answers(0.5, wrong)).score < of(answers(0.0)).score
    assert not of(answers(0.5, wrong)).knows


def test_probabilities_and_logits_are_the_same_answers():
    logits = answers(2.0)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert of(logits).score == pytest.approx(of(shares).score, abs=1e-5)


def test_a_single_output_is_the_probability_of_yes():
    labels = np.array([0, 1, 1, 0])
    assert of(np.array([[0.1], [0.9], [0.8], [0.2]], np.float32), labels).knows
    assert not of(np.array([[0.9], [0.1], [0.2], [0.8]], np.float32), labels).knows


def test_values_that_are_not_finite_are_no_good_fit():
    assert not of(np.full((6, 3), np.nan, np.float32)).knows


def test_numbers_are_explained_or_not():
    targets = np.linspace(0, 1, 50, dtype=np.float32)
    samples = Samples((np.zeros((50, 1)),), None, targets)
    near, far = (fitted((targets * by)[:, None], samples) for by in (1.02, 255))
    assert near.kind == "numbers" and near.knows and not far.knows
    assert fitted(np.zeros((50, 3), np.float32), Samples(samples.x, None)).kind == "none"


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0, 255, [(0, 1), (-1, 1)]),
        (0, 65535, [(0, 1), (-1, 1)]),
        (0, 1, [(0, 255), (-1, 1)]),
        (-1, 1, [(0, 255), (0, 1)]),
        (-20, 20, []),
        (0, 1e6, []),
    ],
)
def test_the_usual_scales_of_values(low, high, ends):
    found = usual(ValueRange(low, high)).values()
    scaled = [(p.scale * low + p.offset, p.scale * high + p.offset) for p in found]
    assert scaled == [pytest.approx(pair) for pair in ends]
