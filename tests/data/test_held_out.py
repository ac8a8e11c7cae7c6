"""What judges on the way trains and calibrates nothing, whatever the dataset is."""

import numpy as np
import pytest
from msgspec.structs import replace

from edgekit.compress.channels import Channels
from edgekit.compress.cluster import Cluster
from edgekit.compress.distil import Distil
from edgekit.compress.prune import Prune
from edgekit.data.calibration import calibration_rows
from edgekit.data.check import check_data
from edgekit.data.held_out import MOST, hold_out
from edgekit.data.overlap import digests, overlap
from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.profile.recipe import Recipe
from edgekit.quantize.qat import Qat
from edgekit.quantize.settings import Quantize
from edgekit.types import TensorSpec

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(400, 3)).astype("float32"), np.arange(400) % 4
GROUP = np.arange(400) // 20
DATASETS = {
    "no labels": {"x": X},
    "labels": {"x": X, "y": Y},
    "a split of its own": {"x_train": X[:300], "y_train": Y[:300], "x_test": X[300:], "y_test": Y[300:]},
    "groups": {"x": X, "y": Y, "group": GROUP},
    "groups without labels": {"x": X, "group": GROUP},
    "groups in a split of its own": {"x_train": X, "x_test": X[:9] + 9, "group_train": GROUP, "group_test": GROUP[:9]},
    "twins": {"x_train": np.concatenate([X[:300], X[:150]]), "x_test": X[300:]},
}


def spec(path, **settings):
    return DataSpec(str(path), "", Preprocessing(), (TensorSpec("x", (1, 3), "float32"),), 4, 1, **settings)


@pytest.fixture(params=DATASETS)
def data(request, tmp_path):
    np.savez(tmp_path / "d.npz", **DATASETS[request.param])
    return spec(tmp_path / "d.npz", held_out=True)


def test_no_sample_and_no_group_is_in_two_parts(data):
    train, evaluation, held_out = read_dataset(data)
    assert held_out.number and not any(overlap(a, b) for a, b in ((train, held_out), (train, evaluation)))
    assert not overlap(held_out, evaluation)
    if train.group is not None:
        assert not set(train.group) & set(held_out.group)
    whole = read_dataset(replace(data, held_out=False))
    assert set(digests(whole.train)) == {*digests(train), *digests(held_out)}, "all others train"
    assert digests(whole.evaluation) == digests(evaluation)
    assert 0.05 < held_out.number / whole.train.number < 0.25
    if held_out.y is not None:
        assert max(abs((held_out.y == label).mean() - 0.25) for label in range(4)) < 0.05
    rows, _ = calibration_rows(read_dataset(data), 1000, 1)
    assert len(rows) == train.number, "the calibration set is of what trains"


def test_every_stage_of_a_build_finds_the_same(data):
    first, again, judging = read_dataset(data), read_dataset(data), read_dataset(replace(data, judged_by="held_out"))
    assert digests(first.held_out) == digests(again.held_out) == digests(judging.evaluation)
    assert digests(first.train) == digests(judging.train)
    assert digests(read_dataset(replace(data, seed=2)).held_out) != digests(first.held_out)
    note = " ".join(check_data.run("", data).remarks)
    assert (
        f"{first.held_out.number} of {read_dataset(replace(data, held_out=False)).train.number} training samples are"
        in note
    )


def test_a_reserve_chooses_nothing_and_trains_nothing(data):
    kept = replace(data, reserve=True)
    train, evaluation, held_out = read_dataset(kept)
    reserve = read_dataset(replace(kept, judged_by="reserve")).evaluation
    parts = [train, evaluation, held_out, reserve]
    assert all(part.number for part in parts)
    assert not any(overlap(a, b) for n, a in enumerate(parts) for b in parts[:n])
    if train.group is not None:
        assert not {*reserve.group} & {*held_out.group, *train.group}


def test_of_groups_too_few_to_halve_another_one_is_reserved(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=X, group_train=np.arange(len(X)) % 4, x_test=X[:2] + 1)
    kept = spec(tmp_path / "d.npz", held_out=True, reserve=True)
    train, _, held_out = read_dataset(kept)
    reserve = read_dataset(replace(kept, judged_by="reserve")).evaluation
    assert (len({*held_out.group}), len({*reserve.group}), len({*train.group})) == (1, 1, 2)


def test_most_of_a_large_dataset_trains():
    rest, judges = hold_out(Samples((np.arange(60_000).reshape(-1, 1),), None), 1, "d.npz")
    assert (rest.number, judges.number) == (60_000 - MOST, MOST)


def test_where_there_are_only_twins_they_judge_and_it_is_said(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=np.tile(X[:2], (50, 1)), x_test=X[2:9])
    assert read_dataset(spec(tmp_path / "d.npz", held_out=True)).held_out.number == 20
    assert "(each the same as one that trains)" in " ".join(
        check_data.run("", spec(tmp_path / "d.npz", held_out=True)).remarks
    )


@pytest.mark.parametrize(
    ("train", "words"),
    [({"x_train": X[:1]}, "1 training samples are too few"), ({"x_train": X, "group_train": Y * 0}, "of one group")],
)
def test_what_cannot_be_parted_is_refused(tmp_path, train, words):
    group = {"group_test": [1] * 9} if "group_train" in train else {}
    np.savez(tmp_path / "d.npz", x_test=X[:9], **train, **group)
    with pytest.raises(DataError, match=words) as refused:
        read_dataset(spec(tmp_path / "d.npz", held_out=True))
    assert "qat" in str(refused.value) and read_dataset(spec(tmp_path / "d.npz")).train.number


def test_a_copy_of_a_folder_is_not_parted_twice(tmp_path):
    from PIL import Image

    for n in range(40):
        (tmp_path / "images" / f"{n % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 3), n, np.uint8)).save(tmp_path / "images" / f"{n % 2}" / f"{n}.png")
    inputs = (TensorSpec("x", (1, 3, 3, 1), "float32"),)
    data = DataSpec(str(tmp_path / "images"), "", Preprocessing(), inputs, 2, 1, held_out=True)
    check_data.run(str(tmp_path), data)
    copy = read_dataset(replace(data, source=str(tmp_path / "samples.npz")))
    assert [part.number for part in copy] == [part.number for part in read_dataset(data)] == [26, 8, 6]


FREE = {"channels": Channels(sparsity=0.5), "prune": Prune(sparsity=0.5), "cluster": Cluster(), "distil": Distil()}


@pytest.mark.parametrize(
    ("parts", "graph", "keras"),
    [
        (FREE | {"quantize": Quantize()}, False, False),
        ({"qat": Qat()}, False, True),
        ({"quantize": Quantize(rescue=True)}, True, True),
        *(({name: replace(part, patience=1)}, False, True) for name, part in FREE.items()),
    ],
)
def test_samples_are_held_out_only_where_something_is_chosen(parts, graph, keras):
    recipe = Recipe(**parts)
    assert (recipe.judges(trainable=False), recipe.judges(trainable=True)) == (graph, keras)
