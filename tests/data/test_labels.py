"""What y may hold, by the output and the metric: classes, targets, or a refusal that names the array and the value."""

import numpy as np
import pytest

from edgekit.data.arrays import from_arrays
from edgekit.data.check import check_data
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec

N = 6
HEADS = {"classes": (5,), "one": (1,), "boxes": (3, 4), "places": (4, 4, 5)}


def spec(*heads, metric="accuracy", source="d.npz"):
    outputs = tuple(TensorSpec(head, (1, *HEADS[head]), "float32") for head in heads)
    inputs = (TensorSpec("x", (1, 2), "float32"),)
    return DataSpec(source, "", Preprocessing(), inputs, HEADS[heads[0]][-1], 0, outputs=outputs, metric=metric)


def read_y(y, data, **others):
    arrays = {"x_train": np.zeros((N, 2)), "x_test": np.zeros((N, 2)), "y_train": y, "y_test": y} | others
    return from_arrays({name: array for name, array in arrays.items() if array is not None}, data).evaluation


RIGHT = np.array([0, 1, 0, 1, 1, 0])
GOOD = [
    # y, output, metric, whether it is classes
    (RIGHT, "classes", "accuracy", True),
    (RIGHT.astype(">i8"), "classes", "accuracy", True),
    (RIGHT.astype(bool), "one", "accuracy", True),
    (RIGHT.astype(float)[:, None], "one", "accuracy", True),
    (np.asfortranarray(np.eye(5)[RIGHT]), "classes", "accuracy", True),
    (RIGHT, "classes", "top-2", True),
    (RIGHT, "classes", "pkg:own", True),
    (RIGHT, "one", "auc", True),
    (RIGHT * 31.5, "one", "accuracy", False),
    (RIGHT * 31, "one", "mae", False),
    (RIGHT + 0.5, "one", "mse", False),
    (np.ones((N, 3, 4)), "boxes", "accuracy", False),
    (np.ones((N, 12)), "boxes", "mae", False),
    (np.full((N, 5), 0.2), "classes", "accuracy", False),
    (np.zeros((N, 4, 4), int), "places", "accuracy", False),
    (np.zeros((N, 7)), "classes", "pkg:own", False),
    (RIGHT + 0.25, "classes", "pkg:own", False),
]


@pytest.mark.parametrize(("y", "head", "metric", "labels"), GOOD)
def test_what_labels_and_targets_are(y, head, metric, labels):
    found = read_y(y, spec(head, metric=metric))
    assert found.targets is y
    if labels:
        assert found.y.dtype == np.int64 and found.y.tolist() == RIGHT.tolist()
    else:
        assert found.y is None


def at(index, value, y=RIGHT):
    changed = y.astype(np.result_type(y.dtype, type(value)))
    changed[index] = value
    return changed


BAD = [
    # y, output, metric, what the message names
    (at(3, np.nan), "classes", "accuracy", ["y_train[3]", "NaN"]),
    (at(2, np.inf), "one", "mae", ["y_train[2]", "infinity"]),
    (at(2, np.nan, np.ones((N, 7))), "classes", "pkg:own", ["y_train[2]", "NaN"]),
    (RIGHT.astype(complex), "classes", "accuracy", ["y_train", "complex128"]),
    (RIGHT.astype("M8[s]"), "classes", "accuracy", ["y_train", "datetime64"]),
    (RIGHT.astype(str), "classes", "accuracy", ["y_train", "0 to 4", "np.unique(y, return_inverse=True)"]),
    (at(4, 0.37), "classes", "accuracy", ["y_train[4]", "0.37", "class indices"]),
    (at(1, 5), "classes", "accuracy", ["y_train[1]", "0 to 4"]),
    (at(1, -1), "classes", "accuracy", ["y_train[1]", "-1"]),
    (at(1, 2**40), "classes", "accuracy", ["y_train[1]", "0 to 4"]),
    (at(1, 1e30), "classes", "accuracy", ["y_train[1]", "0 to 4"]),
    (RIGHT * 40, "one", "accuracy", ["y_train[1]", "40", 'metric = "mae"']),
    (RIGHT[:-1], "classes", "accuracy", ["y_train", "5 labels", "6 samples"]),
    (np.zeros((N + 1, 12)), "boxes", "mae", ["y_train", "7 labels"]),
    (np.int64(3), "classes", "accuracy", ["y_train", "a single value"]),
    (np.zeros((N, 7)), "classes", "accuracy", ["y_train", "7", "5 values"]),
    (np.zeros((N, 2, 2)), "classes", "accuracy", ["y_train", "2x2"]),
    (RIGHT, "boxes", "mae", ["y_train", "1 numbers", "12"]),
]


@pytest.mark.parametrize(("y", "head", "metric", "words"), BAD)
def test_what_is_neither_is_refused_by_name(y, head, metric, words):
    with pytest.raises(DataError) as refused:
        read_y(y, spec(head, metric=metric))
    said = str(refused.value)
    assert said.startswith("d.npz: y_train") and [word for word in words if word not in said] == [], said


@pytest.mark.parametrize("name", ["y_{}.boxes", "y_{}.1"])
def test_each_output_has_its_own_by_name_or_number(name):
    boxes = np.arange(N * 12.0).reshape(N, 3, 4)
    others = {name.format(part): boxes for part in ("train", "test")}
    found = read_y(RIGHT, spec("classes", "boxes"), **others)
    assert found.y.tolist() == RIGHT.tolist() and found.answers(1) == (None, boxes) and found.answers(2) == (None, None)
    half = found.take(np.array([1, 0]))
    assert half.y.tolist() == [1, 0] and np.array_equal(half.answers(1)[1], boxes[[1, 0]])
    alone = read_y(None, spec("classes", "boxes"), **others)
    assert alone.answers(0) == (None, None) and alone.answers(1)[1] is boxes


def test_labels_of_a_second_output_are_held_to_the_same_rules():
    for wrong, word in ((at(2, 7), "y_train.classes[2]"), (RIGHT[:-1], "5 labels")):
        with pytest.raises(DataError, match=word.replace("[", r"\[").replace("]", r"\]")):
            read_y(None, spec("boxes", "classes"), **{"y_train.classes": wrong})
    with pytest.raises(DataError, match=r"y_train\.clases: the model has no such output; it has boxes and classes"):
        read_y(None, spec("boxes", "classes"), **{"y_train.clases": RIGHT})


def test_a_function_gives_several_as_a_tuple_or_by_name(tmp_path, monkeypatch):
    (tmp_path / "heads_data.py").write_text(
        "import numpy as np\nx, k, b = np.zeros((6, 2)), np.array([0, 1, 0, 1, 1, 0]), np.ones((6, 3, 4))\n"
        "def by_order(): return (x, (k, b)), (x, (k, b))\n"
        "def by_name(): return (x, {'classes': k, 'boxes': b}), (x, {'classes': k, 'boxes': b})\n"
    )
    monkeypatch.chdir(tmp_path)
    for function in ("by_order", "by_name"):
        data = spec("classes", "boxes", source=f"heads_data:{function}")
        found = read_dataset(data).evaluation
        assert found.y.tolist() == RIGHT.tolist() and found.answers(1)[1].shape == (N, 3, 4)
        check_data.run(str(tmp_path), data)  # which writes what all later steps read
        with np.load(tmp_path / "samples.npz") as file:
            again = from_arrays(dict(file), data).evaluation
        assert again.y.tolist() == RIGHT.tolist() and again.answers(1)[1].shape == (N, 3, 4)
