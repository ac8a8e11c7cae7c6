"""Data for several inputs, integer inputs and images, in the form in which the model takes them."""

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from edgekit.data.check import check_data
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec

LEFT, RIGHT = TensorSpec("left", (1, 4), "float32"), TensorSpec("right", (1, 4), "float32")
MODULE = """
import numpy as np

x = {{"right": np.full((10, 4), 2.0), "left": np.full((10, 4), 1.0){more}}}
y = np.arange(10) % 3


def function():
    return (x, y), (x, y)


def named():
    return {{"x": x, "y": y}}
"""


def spec(source, *inputs, **preprocessing):
    return DataSpec(str(source), "", Preprocessing(**preprocessing), inputs, 3, 1)


def first(data):
    """The first training sample, one array for each input, as the model takes it."""
    return [x[0] for x in prepared(read_dataset(data).train, data)]


def test_arrays_are_matched_by_name_not_by_order(tmp_path):
    parts = {
        f"x_{part}.{name}": np.full((9, 4), n) for n, name in enumerate(("right", "left")) for part in ("train", "test")
    }
    np.savez(tmp_path / "d.npz", **parts)
    left, right = first(spec(tmp_path / "d.npz", LEFT, RIGHT))
    assert left.tolist() == [1.0] * 4 and right.tolist() == [0.0] * 4
    right, left = first(spec(tmp_path / "d.npz", RIGHT, LEFT))
    assert left.tolist() == [1.0] * 4 and right.tolist() == [0.0] * 4


def test_inputs_of_different_length(tmp_path):
    np.savez(tmp_path / "d.npz", **{"x.left": np.zeros((9, 4)), "x.right": np.zeros((8, 4))})
    with pytest.raises(DataError, match=r"d\.npz: x\.right: 8 samples for 9 samples of x"):
        read_dataset(spec(tmp_path / "d.npz", LEFT, RIGHT))


def test_a_sample_that_is_no_number_is_named_with_its_input(tmp_path):
    right = np.zeros((9, 4))
    right[5, 2] = np.nan
    np.savez(
        tmp_path / "d.npz",
        **{
            f"x_{p}.{n}": right if n == "right" else np.zeros((9, 4))
            for p in ("train", "test")
            for n in ("left", "right")
        },
    )
    with pytest.raises(DataError, match=r"d\.npz: x_train\.right\[5\]: holds NaN"):
        check_data.run(str(tmp_path), spec(tmp_path / "d.npz", LEFT, RIGHT))


def test_the_shape_of_each_input_is_checked(tmp_path):
    np.savez(
        tmp_path / "d.npz",
        **{f"x_{p}.{n}": np.zeros((9, 4 + (n == "right"))) for p in ("train", "test") for n in ("left", "right")},
    )
    with pytest.raises(DataError, match=r"d\.npz: x_train\.right: samples have shape 5, but .*'right' takes 4"):
        check_data.run(str(tmp_path), spec(tmp_path / "d.npz", LEFT, RIGHT))


@pytest.mark.parametrize("name", ["function", "named"])
def test_a_function_gives_inputs_by_name(tmp_path, monkeypatch, name):
    (tmp_path / f"inputs_{name}.py").write_text(MODULE.format(more=""))
    monkeypatch.chdir(tmp_path)
    data = spec(f"inputs_{name}:{name}", LEFT, RIGHT)
    assert [x.tolist() for x in first(data)] == [[1.0] * 4, [2.0] * 4]
    facts = check_data.run(str(tmp_path), data)
    assert facts.labelled
    kept = spec(tmp_path / "samples.npz", LEFT, RIGHT)  # what later steps read in the function's place
    assert [x.tolist() for x in first(kept)] == [[1.0] * 4, [2.0] * 4]


def test_a_function_that_lacks_an_input(tmp_path, monkeypatch):
    (tmp_path / "inputs_few.py").write_text(MODULE.format(more=""))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"inputs_few:function: x_train\.middle missing; the model has 3 inputs"):
        read_dataset(spec("inputs_few:function", LEFT, TensorSpec("middle", (1, 4), "float32"), RIGHT))


def test_integers_stay_what_they_are(tmp_path):
    words = np.arange(36).reshape(9, 4)
    np.savez(tmp_path / "d.npz", **{f"x_{p}.{n}": words for p in ("train", "test") for n in ("words", "left")})
    ids, left = first(spec(tmp_path / "d.npz", TensorSpec("words", (1, 4), "int32"), LEFT, scale=0.5, offset=1.0))
    assert ids.dtype == np.int32 and ids.tolist() == [0, 1, 2, 3]
    assert left.dtype == np.float32 and left.tolist() == [1.0, 1.5, 2.0, 2.5]


def test_fractions_for_an_integer_input_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=np.full((9, 4), 0.5), x_test=np.full((9, 4), 0.5))
    with pytest.raises(DataError, match=r"x_train: dtype float64, but the model's input 'words' takes int32"):
        check_data.run(str(tmp_path), spec(tmp_path / "d.npz", TensorSpec("words", (1, 4), "int32")))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_come_in_the_model_s_size_and_scaling(tmp_path, channels):
    for label, value in (("ant", 0), ("bee", 255)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for n in range(5):
            Image.new("RGB", (20 + n, 13), (value, value, value)).save(tmp_path / "images" / label / f"{n}.png")
    image = TensorSpec("image", (1, 8, 6, channels), "float32")
    data = replace(spec(tmp_path / "images", image, scale=2 / 255, offset=-1.0), classes=2)
    facts = check_data.run(str(tmp_path), data)
    assert (facts.train, facts.evaluation, facts.labelled) == (8, 2, True)
    train = read_dataset(data).train
    [x] = prepared(train, data)
    assert x.shape == (8, 8, 6, channels) and x.dtype == np.float32
    np.testing.assert_allclose(x[train.y == 0], -1.0, atol=1e-6)
    np.testing.assert_allclose(x[train.y == 1], 1.0, atol=1e-6)
