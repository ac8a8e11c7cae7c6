"""Weights that are no finite numbers are named, whatever file they come in, before anything is built from them."""

import io
import re
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from make_graph import Graph

from edgekit.errors import ModelError
from edgekit.model.finite import check_constants, check_ranges
from edgekit.model.read import load_file
from edgekit.types import ModelFacts, Reading

FILES = Path(__file__).parent / "files"


def spoil(weights: h5py.File, value: float) -> None:
    """Puts a value into the first dataset with more than one dimension."""

    def visit(_, item):
        if isinstance(item, h5py.Dataset) and item.ndim > 1:
            item[(0,) * item.ndim] = value
            return True
        return None

    assert weights.visititems(visit)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("file", ["keras-2.8/cnn.h5", "keras-3.15/cnn.keras", "keras-3.15/nested.h5"])
def test_the_layer_of_a_keras_file_is_named(process, tmp_path, file, value):
    bad = tmp_path / Path(file).name
    if bad.suffix == ".h5":
        shutil.copyfile(FILES / file, bad)
        with h5py.File(bad, "r+") as weights:
            spoil(weights["model_weights"], value)
    else:
        with zipfile.ZipFile(FILES / file) as old, zipfile.ZipFile(bad, "w") as new:
            for name in old.namelist():
                content = io.BytesIO(old.read(name))
                if name == "model.weights.h5":
                    with h5py.File(content, "r+") as weights:
                        spoil(weights, value)
                new.writestr(name, content.getvalue())
    says = r"layer '[\w/]+': 1 of \d+ values of its weight '\w+' are not finite; train the model again"
    with pytest.raises(ModelError, match=f"{re.escape(str(bad))}: {says}"):
        process.call(load_file, str(tmp_path), str(bad), Reading(), returns=ModelFacts)
    assert [*tmp_path.iterdir()] == [bad]


def dense(weight: float, bias: float = 0.0, offset: float = 0.0) -> bytes:
    """A float graph: a constant is added, then a dense layer."""
    graph = Graph()
    x = graph.input([1, 4], 0, dtype="FLOAT32")
    y, z = graph.tensor([1, 4], 0, dtype="FLOAT32"), graph.tensor([1, 2], 0, dtype="FLOAT32")
    graph.operator("ADD", [x, graph.constant(np.full((1, 4), offset, np.float32))], [y], "AddOptions")
    weights = np.ones((2, 4), np.float32)
    weights[1, 2] = weight
    inputs = [y, graph.constant(weights), graph.constant(np.full(2, bias, np.float32))]
    graph.operator("FULLY_CONNECTED", inputs, [z], "FullyConnectedOptions")
    return graph.finish(z)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (dense(np.nan), r"layer 't2': 1 of 8 values of its weights are not finite"),
        (dense(np.inf), r"layer 't2': 1 of 8 values of its weights are not finite"),
        (dense(1.0, bias=-np.inf), r"layer 't2': 2 of 2 values of its bias are not finite"),
        (dense(1.0, offset=np.nan), r"the constant 't3': 4 of 4 values of it are not finite"),
    ],
)
def test_the_layer_of_a_tflite_file_is_named(content, says):
    with pytest.raises(ModelError, match=rf"^m\.tflite: {says}; [^\n]+$"):
        check_constants(content, Path("m.tflite"))


def test_a_mask_of_infinities_may_stay():
    check_constants(dense(1.0, offset=-np.inf), Path("m.tflite"))


@pytest.mark.parametrize(("weight", "reached"), [(1e30, 1.0), (1.0, np.inf), (1.0, np.nan), (1.0, 3e38), (3e38, 3e38)])
def test_what_is_too_large_for_a_scale_is_named(weight, reached):
    content, output = dense(weight), 2
    with pytest.raises(ModelError, match=r"^layer 't2' cannot be quantized: its weights reach [^\n]+$"):
        check_ranges(content, {output: (0.0, reached)})
    check_ranges(dense(1e6), {output: (-1e9, 1e9)})
