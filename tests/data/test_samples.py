import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgekit.data.calibration import calibration
from edgekit.data.check import check_data
from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples, prepared, split, stratified
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec

LABELS = st.lists(st.integers(0, 5), min_size=5, max_size=200).map(np.array)


def spec(source="random", shape=(1,), dtype="float32", classes=6, seed=1, **preprocessing):
    inputs = (TensorSpec("x", (1, *shape), dtype),)
    return DataSpec(str(source), "", Preprocessing(**preprocessing), inputs, classes, seed)


def numbered(y):
    """Samples that can be told apart: each holds its own number."""
    return Samples((np.arange(len(y)).reshape(-1, 1),), y)


class TestStratified:
    @given(LABELS, st.data())
    def test_it_is_so_many_different_samples(self, y, data):
        count = data.draw(st.integers(0, len(y)))
        chosen = stratified(y, len(y), count, seed=data.draw(st.integers(0, 9)))
        assert len(chosen) == count == len(set(chosen.tolist()))
        assert all(0 <= row < len(y) for row in chosen)

    @given(LABELS, st.data())
    def test_each_class_has_its_share_to_within_one_sample(self, y, data):
        count = data.draw(st.integers(0, len(y)))
        chosen = y[stratified(y, len(y), count, seed=1)]
        for label in np.unique(y):
            assert abs((chosen == label).sum() - (y == label).sum() * count / len(y)) < 1

    @given(st.integers(1, 100), st.data())
    def test_without_labels_it_is_so_many_different_samples(self, total, data):
        count = data.draw(st.integers(0, total))
        chosen = stratified(None, total, count, seed=1)
        assert len(set(chosen.tolist())) == count and all(0 <= row < total for row in chosen)

    @given(LABELS)
    def test_the_seed_decides(self, y):
        y = np.resize(y, 200)
        picks = [stratified(y, len(y), 20, seed).tolist() for seed in (1, 1, 2)]
        assert picks[0] == picks[1] != picks[2]


class TestSplit:
    @given(LABELS, st.integers(0, 9), st.data())
    def test_calibration_and_evaluation_never_share_a_sample(self, y, seed, data):
        dataset = split(numbered(y), seed)
        train, test = (set(part.x[0].ravel().tolist()) for part in dataset[:2])
        assert not train & test and train | test == set(range(len(y)))
        assert len(test) == round(0.2 * len(y))
        count = data.draw(st.integers(0, len(train)))
        [chosen] = calibration(dataset, count, spec(seed=seed))
        assert len(chosen) == count and set(chosen.ravel().tolist()) <= train

    @given(LABELS, st.integers(0, 9))
    def test_labels_stay_with_their_samples(self, y, seed):
        for part in split(numbered(y), seed)[:2]:
            assert np.array_equal(part.y, y[part.x[0].ravel()])


class TestArrays:
    @pytest.fixture
    def npz(self, tmp_path):
        def write(**arrays):
            np.savez(tmp_path / "d.npz", **arrays)
            return tmp_path / "d.npz"

        return write

    def test_the_layout_of_keras_datasets(self, npz):
        file = npz(x_train=[[1], [2]], y_train=[0, 1], x_test=[[3]], y_test=[1], more=[9])
        train, test, _ = read_dataset(spec(file))
        assert (train.x[0].tolist(), train.y.tolist()) == ([[1], [2]], [0, 1])
        assert (test.x[0].tolist(), test.y.tolist()) == ([[3]], [1])

    def test_one_set_is_split(self, npz):
        train, test, _ = read_dataset(spec(npz(x=np.arange(50).reshape(50, 1), y=np.arange(50) % 5)))
        assert (len(train.x[0]), len(test.x[0])) == (40, 10)
        assert np.bincount(test.y).tolist() == [2] * 5

    @pytest.mark.parametrize(
        "y", [np.eye(6)[[2, 0, 5]], np.array([[2], [0], [5]]), np.array([2.0, 0.0, 5.0]), np.array([2, 0, 5], np.uint8)]
    )
    def test_labels_in_any_usual_form(self, npz, y):
        train, _, _ = read_dataset(spec(npz(x_train=np.zeros((3, 1)), y_train=y, x_test=np.zeros((1, 1)))))
        assert train.y.tolist() == [2, 0, 5] and train.y.dtype == np.int64

    @pytest.mark.parametrize(
        ("y", "classes"), [(np.array([0.5, 1.2, 3.1]), 1), (np.random.default_rng(0).random((3, 6)), 6)]
    )
    def test_targets_of_a_regression_are_no_labels(self, npz, y, classes):
        train, _, _ = read_dataset(
            spec(npz(x_train=np.zeros((3, 1)), y_train=y, x_test=np.zeros((1, 1))), classes=classes)
        )
        assert train.y is None and train.targets is not None

    def test_without_labels_the_report_says_what_replaces_accuracy(self, npz, tmp_path):
        facts = check_data.run(str(tmp_path), spec(npz(x_train=np.zeros((3, 1)), x_test=np.zeros((2, 1)))))
        assert (facts.train, facts.evaluation, facts.labelled) == (3, 2, False)
        assert "agreement with the float model" in " ".join(facts.notes)

    def test_pickled_objects_are_not_opened(self, npz, tmp_path):
        class Evil:
            def __reduce__(self):
                return (os.mkdir, (str(tmp_path / "evil"),))

        with pytest.raises(DataError, match="pickled"):
            read_dataset(spec(npz(x_train=np.array([Evil()], object), x_test=np.zeros(1))))
        assert not (tmp_path / "evil").exists()


class TestPrepared:
    @given(st.floats(-10, 10, width=32), st.floats(-10, 10, width=32))
    def test_it_is_scaled_and_moved_in_float32(self, scale, offset):
        stored = np.array([[0], [128], [255]], np.uint8)
        [found] = prepared(Samples((stored,), None), spec(scale=scale, offset=offset))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, stored * scale + offset, rtol=1e-5, atol=1e-5)

    def test_grey_images_get_their_channel(self):
        [found] = prepared(Samples((np.zeros((2, 4, 4), np.uint8),), None), spec(shape=(4, 4, 1)))
        assert found.shape == (2, 4, 4, 1)

    def test_integers_stay_as_they_are(self):
        [found] = prepared(Samples((np.array([[7], [9]]),), None), spec(dtype="int32", scale=0.5))
        assert found.tolist() == [[7], [9]] and found.dtype == np.int32


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path):
        """Ten images of each of two classes; the brightness is the class, in several formats and sizes."""
        for name, value in (("cat", 40), ("dog", 200)):
            (tmp_path / name).mkdir()
            for number in range(10):
                image = Image.new("RGB", (8 + number, 8), (value,) * 3)
                image.save(tmp_path / name / f"{number}.{('png', 'bmp')[number % 2]}")
        (tmp_path / "readme.txt").write_text("not an image")
        return tmp_path

    @pytest.mark.parametrize("channels", [1, 3])
    def test_folders_are_classes_and_images_get_the_model_s_size(self, folder, channels):
        train, test, _ = read_dataset(spec(folder, shape=(6, 5, channels), classes=2))
        assert train.x[0].shape == (16, 6, 5, channels) and test.x[0].shape == (4, 6, 5, channels)
        for part in (train, test):
            assert part.x[0].dtype == np.uint8
            assert [int(image.max()) for image in part.x[0]] == [40 if label == 0 else 200 for label in part.y]

    def test_they_are_kept_as_arrays_so_that_no_stage_reads_them_again(self, folder, tmp_path_factory):
        kept = tmp_path_factory.mktemp("kept")
        images = spec(folder, shape=(6, 5, 1), classes=2)
        facts = check_data.run(str(kept), images)
        assert (facts.train, facts.evaluation, facts.labelled) == (16, 4, True)
        for before, after in zip(
            read_dataset(images)[:2],
            read_dataset(spec(kept / "samples.npz", shape=(6, 5, 1), classes=2))[:2],
            strict=True,
        ):
            assert np.array_equal(before.x[0], after.x[0]) and np.array_equal(before.y, after.y)

    def test_a_model_that_takes_no_images_is_named(self, folder):
        with pytest.raises(DataError, match=r"takes \(7,\)"):
            read_dataset(spec(folder, shape=(7,)))


class TestFunctions:
    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        def write(name, body):
            (tmp_path / f"{name}.py").write_text(f"import numpy as np\ndef load():\n    {body}\n")
            return f"{name}:load"

        return write

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("as_keras", "return (np.ones((3, 1)), np.array([0, 1, 2])), (np.zeros((2, 1)), np.array([1, 1]))"),
            ("as_names", "return dict(x_train=np.ones((3, 1)), y_train=[0, 1, 2], x_test=[[0], [0]], y_test=[1, 1])"),
        ],
    )
    def test_what_a_function_returns(self, module, name, body):
        train, test, _ = read_dataset(spec(module(name, body)))
        assert (train.x[0].tolist(), train.y.tolist()) == ([[1], [1], [1]], [0, 1, 2])
        assert (test.x[0].tolist(), test.y.tolist()) == ([[0], [0]], [1, 1])

    def test_what_it_raises_is_told_in_one_line(self, module):
        with pytest.raises(DataError, match=r"^raising:load: raised OSError: no network$"):
            read_dataset(spec(module("raising", "raise OSError('no\\n network')")))


class TestRandom:
    @pytest.mark.parametrize(("dtype", "shape"), [("float32", (4, 4, 1)), ("int32", (9,))])
    def test_the_seed_decides(self, dtype, shape):
        first, again, other = (read_dataset(spec(shape=shape, dtype=dtype, seed=s)).train.x[0] for s in (1, 1, 2))
        assert first.shape[1:] == shape and 0 <= first.min() < first.max() <= 1
        assert np.array_equal(first, again) and not np.array_equal(first, other)

    def test_it_has_no_labels_and_is_told(self, tmp_path):
        facts = check_data.run(str(tmp_path), spec())
        assert not facts.labelled and "accuracy is skipped" in " ".join(facts.notes)
