"""Operators that work out shapes of fixed size are no operators in C: what they compute is known beforehand."""

import numpy as np
import pytest
from code_probe import compare
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.commands.shrink import shrink
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import parse_graph
from edgekit.runtimes import RUNTIMES, installed
from edgekit.shrink.file import shrink_file
from edgekit.shrink.proof import prove
from edgekit.shrink.settings import Shrink


def ints(g: Graph, *values: int) -> int:
    return g.constant(np.array(values, np.int32))


def whole(g: Graph, *shape: int) -> int:
    return g.tensor(shape, 0.0, 0, "INT32")


def batch(g: Graph, x: int) -> int:
    """SHAPE and STRIDED_SLICE of its first entry, as Keras asks for the batch."""
    shape = g.operator("SHAPE", [x], [whole(g, len(g.shape(x)))], "ShapeOptions", outType=g.s.TensorType.INT32)
    ends = [ints(g, 0), ints(g, 1), ints(g, 1)]
    return g.operator("STRIDED_SLICE", [shape, *ends], [whole(g)], "StridedSliceOptions", shrinkAxisMask=1)


def packed(g: Graph, x: int, *sizes: int) -> int:
    """The batch of a tensor and further sizes as a shape."""
    parts = [batch(g, x), *(g.constant(np.array(n, np.int32)) for n in sizes)]
    return g.operator("PACK", parts, [whole(g, len(parts))], "PackOptions", valuesCount=len(parts), axis=0)


def flattened(open_batch: bool) -> bytes:
    g = Graph()
    x = g.input([1, 4, 4, 2], 0.05, -3)
    if open_batch:
        g.graph.tensors[x].shapeSignature = np.array([-1, 4, 4, 2], np.int32)
    made = g.tensor([1, 32], 0.05, -3)
    flat = g.operator("RESHAPE", [x, packed(g, x, 32)], [made], "ReshapeOptions")
    weights = np.random.default_rng(0).integers(-127, 128, (5, 32)).astype(np.int8)
    return g.finish(g.dense(flat, weights, np.arange(5), 0.9, 7))


def grown(open_batch: bool) -> bytes:
    """TRANSPOSE_CONV, whose size is a product: (batch, height * 2, width * 2, channels)."""
    g = Graph()
    x = g.input([1, 3, 4, 2], 0.05, -3)
    if open_batch:
        g.graph.tensors[x].shapeSignature = np.array([-1, 3, 4, 2], np.int32)
    twice = g.operator("MUL", [ints(g, 3, 4), ints(g, 2, 2)], [whole(g, 2)], "MulOptions")
    parts = [g.operator("RESHAPE", [batch(g, x), ints(g, 1)], [whole(g, 1)], "ReshapeOptions"), twice, ints(g, 3)]
    size = g.operator("CONCATENATION", parts, [whole(g, 4)], "ConcatenationOptions", axis=0)
    weights = np.random.default_rng(1).integers(-127, 128, (3, 3, 3, 2)).astype(np.int8)
    inputs = [
        size,
        g.constant(weights, [0.01, 0.02, 0.03]),
        x,
        g.constant(np.arange(3, dtype=np.int32), [5e-4, 1e-3, 1.5e-3]),
    ]
    made = g.tensor([1, 6, 8, 3], 0.2, 5)
    return g.finish(
        g.operator("TRANSPOSE_CONV", inputs, [made], "TransposeConvOptions", padding=0, strideH=2, strideW=2)
    )


@pytest.mark.parametrize("open_batch", [False, True])
@pytest.mark.parametrize("model", [flattened, grown])
def test_c_of_shapes_that_are_worked_out_is_exact(tflm, tmp_path, model, open_batch):
    (tmp_path / "m.tflite").write_bytes(model(open_batch))
    found, _, _ = tflm.call(compare, str(tmp_path / "m.tflite"), "portable", 60, "gcc", returns=tuple[int, int, int])
    assert found == 0
    assert [label.split()[0] for label in generate(model(open_batch), "m").operators] in (
        ["FULLY_CONNECTED"],
        ["TRANSPOSE_CONV"],
    )


def test_an_operator_on_a_constant_is_none_in_c(tflm, tmp_path):
    g = Graph()
    values = np.random.default_rng(2).integers(-128, 128, 40).astype(np.int8)
    x = g.add(g.input([40], 0.1, 3), g.unary("TANH", g.constant(values, 0.02), 1 / 128, 0))
    (tmp_path / "m.tflite").write_bytes(g.finish(x))
    found, _, _ = tflm.call(compare, str(tmp_path / "m.tflite"), "portable", 60, "gcc", returns=tuple[int, int, int])
    assert found == 0
    assert [label.split()[0] for label in generate(g.finish(x), "m").operators] == ["ADD"]


@pytest.mark.parametrize("model", [flattened, grown])
def test_shrink_folds_what_is_fixed_and_leaves_what_may_be_resized(tmp_path, model):
    for open_batch in (False, True):
        (tmp_path / "in.tflite").write_bytes(model(open_batch))
        shrink_file.run(str(tmp_path), str(tmp_path / "in.tflite"), Shrink())
        names = parse_graph((tmp_path / "model.tflite").read_bytes(), "it").operator_names
        assert ("SHAPE" in names) == open_batch
        # XNNPACK takes a transposed convolution only where its size is a constant, and rounds otherwise.
        for runtime in {r for r in RUNTIMES if installed(r)} - ({"litert"} if model == grown else set()):
            said = prove(tmp_path / "in.tflite", tmp_path / "model.tflite", runtime)
            assert said.startswith("identical on 64"), (runtime, said)


def test_what_a_runtime_answers_otherwise_is_left_unfolded(tmp_path):
    (tmp_path / "in.tflite").write_bytes(grown(False))
    found = shrink(tmp_path / "in.tflite", tmp_path / "out", False)
    assert found.kept and found.after < found.before
    assert "SHAPE" in parse_graph((tmp_path / "out/in.tflite").read_bytes(), "it").operator_names


def test_a_shape_that_is_worked_out_otherwise_than_the_file_says_is_refused():
    g = Graph()
    x = g.input([1, 4], 0.05, -3)
    shape = g.operator("SHAPE", [x], [whole(g, 3)], "ShapeOptions", outType=g.s.TensorType.INT32)
    content = g.finish(g.operator("RESHAPE", [x, shape], [g.tensor([1, 4], 0.05, -3)], "ReshapeOptions"))
    with pytest.raises(ModelError, match="SHAPE"):
        generate(content, "m")
