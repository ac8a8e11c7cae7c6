"""Groups of samples stay whole, and no calibration sample is an evaluation sample."""

import numpy as np
import pytest

from edgekit.data.arrays import from_arrays
from edgekit.data.calibration import calibration_rows
from edgekit.data.check import check_data
from edgekit.data.groups import whole_groups
from edgekit.data.overlap import overlap
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec


def spec(path="d.npz", shape=(1,), group="", held_out=False, seed=0, classes=10):
    inputs = (TensorSpec("x", (1, *shape), "float32"),)
    return DataSpec(str(path), "", Preprocessing(), inputs, classes, seed, held_out, group=group)


@pytest.mark.parametrize(
    ("file", "group", "shape"), [("watch_activity", "subject", (100, 6)), ("spoken_digits", "speaker", (8000,))]
)
def test_real_subjects_are_in_one_part_only(shared, file, group, shape, tmp_path):
    data = spec(shared / f"{file}.npz", shape, group)
    train, evaluation, _ = read_dataset(data)
    assert not set(train.group) & set(evaluation.group)
    assert 0.1 < evaluation.number / (train.number + evaluation.number) < 0.3
    assert set(train.y) == set(evaluation.y)  # every class in both
    parted = read_dataset(spec(data.source, shape, group, held_out=True))
    rows, _ = calibration_rows(parted, 128, 0)
    assert len(rows) == 128 and not set(parted.train.group) & set(parted.held_out.group)
    assert not set(parted.held_out.group) & set(evaluation.group)
    assert {*parted.train.group, *parted.held_out.group} == {*train.group}
    assert f"split by {group}: " in " ".join(check_data.run(tmp_path, data).remarks)
    assert f'write group = "{group}"' in " ".join(check_data.run(tmp_path, spec(data.source, shape)).notes)


def test_an_array_group_needs_no_word():
    x = np.arange(60.0).reshape(60, 1)
    arrays = {"x": x, "group": np.repeat([f"s{n}" for n in range(6)], 10)}
    train, evaluation, _ = from_arrays(arrays, spec())
    assert not set(train.group) & set(evaluation.group) and {*train.group, *evaluation.group} == {*arrays["group"]}
    parts = {"x_train": x, "x_test": x[:5] + 100, "group_train": np.arange(60) % 3, "group_test": np.arange(5) % 2}
    assert from_arrays(parts, spec()).evaluation.group.tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("arrays", "group", "words"),
    [
        ({"group": np.zeros(20, int)}, "", ["one group"]),
        ({"group": np.zeros(19, int)}, "", ["group: 19", "20 samples"]),
        ({"group": np.zeros((20, 2), int)}, "", ["20x2"]),
        ({"group": np.int64(1)}, "", ["a single value"]),
        ({"subject": np.full(20, np.nan)}, "subject", ["subject", "none missing"]),
        ({"subject": np.zeros(20, complex)}, "subject", ["subject", "complex"]),
        ({}, "subject", ["subject is missing"]),
    ],
)
def test_groups_that_are_none_are_refused(arrays, group, words):
    with pytest.raises(DataError) as refused:
        from_arrays({"x": np.zeros((20, 1))} | arrays, spec(group=group))
    assert str(refused.value).startswith("d.npz: ") and all(word in str(refused.value) for word in words), refused.value


def test_groups_of_a_split_of_its_own_that_are_in_both_parts_are_told(tmp_path):
    x = np.arange(40.0).reshape(40, 1)
    arrays = {"x_train": x[:30], "x_test": x[30:], "who_train": np.arange(30) % 5, "who_test": np.arange(10) % 6}
    np.savez(tmp_path / "d.npz", **arrays)
    assert "who: 5 of 6" in " ".join(check_data.run(str(tmp_path), spec(tmp_path / "d.npz", group="who")).notes)


def test_of_each_class_about_the_same_share():
    rng = np.random.default_rng(0)
    groups, y = rng.integers(0, 20, 2000), rng.integers(0, 4, 2000)
    test = whole_groups(groups, y, 0.2, 0)
    shares = [test[y == label].mean() for label in range(4)]
    assert max(abs(share - 0.2) for share in shares) < 0.05
    assert np.array_equal(test, whole_groups(groups, y, 0.2, 0))


def test_calibration_draws_others_for_samples_that_are_evaluated_too():
    rng = np.random.default_rng(0)
    x, y = rng.random((1000, 3)), np.arange(1000) % 4
    arrays = {"x_train": x, "y_train": y, "x_test": rng.random((200, 3)), "y_test": y[:200]}
    alone = from_arrays(arrays, spec(shape=(3,)))
    plain, none = calibration_rows(alone, 100, 0)
    assert none == 0 and np.bincount(y[plain]).tolist() == [25] * 4
    test = alone.evaluation.x[0].copy()
    test[:4] = x[plain[:4]]
    dataset = from_arrays(arrays | {"x_test": test}, spec(shape=(3,)))
    rows, replaced = calibration_rows(dataset, 100, 0)
    assert replaced == 4 and len(set(rows)) == 100 and len(set(rows) & set(plain)) == 96
    assert overlap(dataset.train.take(rows), dataset.evaluation) == 0
    most = from_arrays({"x_train": x[:50], "x_test": x[:45]}, spec(shape=(3,)))
    assert sorted(calibration_rows(most, 20, 0)[0]) == [45, 46, 47, 48, 49]
    for labels in ({}, {"y_train": y, "y_test": y}):
        same = from_arrays({"x_train": x, "x_test": x} | labels, spec(shape=(3,)))
        assert len(calibration_rows(same, 1000, 0)[0]) == 0
