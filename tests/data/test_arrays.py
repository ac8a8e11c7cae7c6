"""Arrays of every kind under the names of a dataset: taken as they are meant, or refused by name with the reason."""

import numpy as np
import pytest

from edgekit.data.check import check_data
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec

N = 12
X = np.random.default_rng(0).integers(0, 9, (N, 3, 2))
FLOATS, WORDS = TensorSpec("x", (1, 3, 2), "float32"), TensorSpec("words", (1, 3, 2), "int32")
IMAGE, NUMBER = TensorSpec("image", (1, 3, 2, 1), "float32"), TensorSpec("number", (1,), "float32")


def spec(path, *inputs):
    return DataSpec(str(path), "", Preprocessing(), inputs, 4, 0)


@pytest.fixture
def saved(tmp_path):
    """A function that writes an `.npz` and describes it."""

    def write(arrays, *inputs):
        np.savez(tmp_path / "d.npz", **arrays)
        return spec(tmp_path / "d.npz", *inputs)

    return write


def both(x):
    return {"x_train": x, "x_test": x[:5]}


GOOD = {
    "float32": (both(X.astype("f4")), FLOATS),
    "float64": (both(X.astype("f8")), FLOATS),
    "half precision": (both(X.astype("f2")), FLOATS),
    "big endian": (both(X.astype(">f4")), FLOATS),
    "big endian integers": (both(X.astype(">i2")), WORDS),
    "in Fortran's order": (both(np.asfortranarray(X.astype("f4"))), FLOATS),
    "every second row": (both(np.repeat(X, 2, axis=0)[::2].astype("f4")), FLOATS),
    "bytes": (both(X.astype("u1")), FLOATS),
    "64-bit integers for words": (both(X.astype("i8")), WORDS),
    "unsigned": (both(X.astype("u8")), WORDS),
    "images without the axis of channels": (both(X), IMAGE),
    "images with it": (both(X[..., None]), IMAGE),
    "under the input's name": ({"x_train.x": X, "x_test.x": X}, FLOATS),
    "with arrays of other things": (both(X) | {"classes": np.array(["a", "b"]), "mean": np.float32(3)}, FLOATS),
    "one number each": ({"x_train": np.arange(N), "x_test": np.arange(N)}, NUMBER),
    "without a split": ({"x": X}, FLOATS),
}


@pytest.mark.parametrize("kind", GOOD)
def test_taken_as_it_is_meant(kind, saved, tmp_path):
    arrays, wanted = GOOD[kind]
    data = saved(arrays, wanted)
    check_data.run(str(tmp_path), data)
    [x] = prepared(read_dataset(data).train, data)
    assert x.dtype == wanted.dtype and x.shape[1:] == wanted.shape[1:] and x.flags.c_contiguous
    if kind not in ("one number each", "without a split"):
        assert np.array_equal(x.reshape(X.shape), X)


def test_yes_and_no_are_one_and_zero(saved, tmp_path):
    for wanted in (FLOATS, WORDS):
        data = saved(both(X > 4), wanted)
        check_data.run(str(tmp_path), data)
        assert np.array_equal(prepared(read_dataset(data).train, data)[0], X > 4)


def with_value(value, dtype="f8"):
    x = X.astype(dtype)
    x[7, 1, 1] = value
    return x


BAD = {
    # arrays, input, what the message says
    "objects": (both(np.array([{}] * N)), FLOATS, ["x_train", "pickled"]),
    "rows of several lengths": (both(np.array([[1], [1, 2]] * 6, object)), FLOATS, ["x_train", "pickled"]),
    "a single value": ({"x_train": np.float32(3), "x_test": X}, FLOATS, ["x_train: a single value"]),
    "a single value without a split": ({"x": np.float32(3)}, FLOATS, ["x: a single value"]),
    "no samples": ({"x_train": X, "x_test": X[:0]}, FLOATS, ["x_test: no samples"]),
    "no samples without a split": ({"x": X[:0]}, FLOATS, ["x: no samples"]),
    "empty ones": (both(np.zeros((N, 3, 0))), FLOATS, ["x_train", "3x0"]),
    "too few to split": ({"x": X[:2]}, FLOATS, ["x_test: no samples", "2"]),
    "one axis less": (both(X[:, 0]), FLOATS, ["x_train", "shape 2,", "3x2"]),
    "one axis more": (both(X[None].repeat(N, 0)), FLOATS, ["x_train", "12x3x2", "3x2"]),
    "without the axis of samples": ({"x": X[0]}, FLOATS, ["x: samples have shape 2"]),
    "channels first": (both(X.transpose(0, 2, 1)), FLOATS, ["2x3", "3x2"]),
    "text": (both(X.astype(str)), FLOATS, ["x_train: dtype <U"]),
    "bytes of text": (both(X.astype("S")), FLOATS, ["x_train: dtype |S"]),
    "dates": (both(X.astype("M8[s]")), FLOATS, ["x_train", "datetime64"]),
    "durations": (both(X.astype("m8[s]")), FLOATS, ["x_train", "timedelta64"]),
    "complex": (both(X.astype(complex)), FLOATS, ["x_train: dtype complex128"]),
    "records": (both(np.zeros(N, [("a", "f4")])), FLOATS, ["x_train", "[('a'"]),
    "NaN": (both(with_value(np.nan)), FLOATS, ["x_train[7]", "NaN"]),
    "NaN without a split": ({"x": with_value(np.nan)}, FLOATS, ["x[7]", "NaN"]),
    "infinite": (both(with_value(-np.inf, "f2")), FLOATS, ["x_train[7]", "infinity"]),
    "beyond float32": (both(with_value(1e300)), FLOATS, ["x_train[7]", "beyond float32"]),
    "fractions of words": (both(with_value(0.5)), WORDS, ["x_train: dtype float64", "int32"]),
    "words beyond int32": (both(with_value(2**40, "i8")), WORDS, ["x_train[7]", "int32"]),
    "more labels": (both(X) | {"y_train": np.zeros(N + 1, int)}, FLOATS, ["y_train: 13 labels for 12 samples"]),
    "no names": ({"arr_0": X, "arr_1": X}, FLOATS, ["arr_0, arr_1", "x_train and x_test"]),
    "no evaluation set": ({"x_train": X}, FLOATS, ["x_train", "x_test", "rename x_train, y_train to x, y"]),
    "another input's name": ({"x_train.y": X, "x_test.y": X}, FLOATS, ["x_train.x missing"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_refused_with_the_array_and_the_reason(kind, saved, tmp_path):
    arrays, wanted, words = BAD[kind]
    data = saved(arrays, wanted)
    with pytest.raises(DataError) as refused:
        check_data.run(str(tmp_path), data)
    said = str(refused.value)
    assert "d.npz: " in said and "\n" not in said and [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    "second", [X[:-1], X.astype(str), with_value(np.nan), X[..., 0]], ids=["short", "text", "NaN", "rank"]
)
def test_of_several_inputs_the_one_is_named(second, saved, tmp_path):
    arrays = {f"x_{p}.{n}": second if n == "words" else X for p in ("train", "test") for n in ("x", "words")}
    with pytest.raises(DataError, match=r"d\.npz: x_train\.words"):
        check_data.run(str(tmp_path), saved(arrays, FLOATS, WORDS))
