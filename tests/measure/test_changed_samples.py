"""Which samples of the evaluation set a report shows, and of which outputs it has none to show."""

import numpy as np
import pytest

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.measure.samples import differences
from edgekit.types import TensorSpec

LABELS = np.array([0, 1, 2, 0, 1, 2])
BEFORE = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 2, 2]]
AFTER = np.eye(3, dtype=np.float32)[[0, 2, 2, 1, 1, 2]]


@pytest.fixture
def compare(tmp_path):
    def compared(y=LABELS, before=BEFORE, after=AFTER, most=12, metric="accuracy", classes=3):
        x = np.random.default_rng(0).random((len(after), 8, 8, 1), np.float32)
        answers = {} if y is None else {"y_train": y, "y_test": y}
        np.savez(tmp_path / "data.npz", x_train=x, x_test=x, **answers)
        for name, values in (("before", before), ("after", after)):
            np.save(tmp_path / f"{name}.npy", values)
        data = DataSpec(
            str(tmp_path / "data.npz"),
            "",
            Preprocessing(),
            (TensorSpec("x", (1, 8, 8, 1), "float32"),),
            classes,
            1,
            outputs=(TensorSpec("y", (1, after.shape[1]), "float32"),),
            metric=metric,
        )
        return differences.run(tmp_path, str(tmp_path / "after.npy"), str(tmp_path / "before.npy"), data, most)

    return compared


def test_those_that_were_right_come_first_with_what_they_are(compare):
    found = compare()
    assert (found.count, found.samples) == (3, 6)
    assert [(s.index, s.label, s.before, s.after) for s in found.shown] == [(1, 1, 1, 2), (3, 0, 0, 1), (4, 1, 2, 1)]
    assert all(s.kind == "picture" and s.picture for s in found.shown)
    assert found.confusion.matrix == [[1, 1, 0], [0, 1, 1], [0, 0, 2]]


def test_none_are_kept_where_none_are_asked_for(compare):
    found = compare(most=0)
    assert found.count == 3 and found.shown == [] and found.confusion


def test_without_labels_probabilities_have_classes_and_no_matrix(compare):
    found = compare(y=None)
    assert found.count == 3 and found.confusion is None and found.shown[0].label is None


def test_numbers_are_no_classes(compare):
    values = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    assert compare(y=None, before=values, after=values + 1) is None
    assert compare(y=values, before=values, after=values[::-1], metric="mse") is None


def test_an_output_for_many_places_is_no_class_of_the_sample(compare):
    places = np.tile(BEFORE, 4)
    assert compare(y=None, before=places, after=places[::-1]) is None


def test_logits_with_labels_have_classes(compare):
    found = compare(before=10 * BEFORE - 4, after=10 * AFTER - 4)
    assert found.count == 3 and found.confusion.matrix[1] == [0, 1, 1]
