"""What a file says of itself is inferred and compared: where one field is another, no C is written, in one line."""

import numpy as np
import pytest
from make_graph import Graph

from edgekit.ccode.contract import CHECKS
from edgekit.ccode.generate import generate
from edgekit.ccode.operators import FAMILIES, OPERATORS
from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import objects, packed


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


def ints(g: Graph, *values: int) -> int:
    return g.constant(np.array(values, np.int32))


def dense(g: Graph) -> int:
    return g.dense(g.input([1, 8]), ones(32, 8), np.zeros(32), scales=[0.02] * 32)


def conv(g: Graph) -> int:
    return g.conv(g.input([1, 5, 5, 4]), ones(6, 3, 3, 4), np.zeros(6))


def grouped(g: Graph) -> int:
    return g.conv(g.input([1, 5, 5, 4]), ones(6, 3, 3, 2), np.zeros(6))


def depthwise(g: Graph) -> int:
    return g.conv(g.input([1, 5, 5, 4]), ones(1, 2, 3, 4), np.zeros(4), depthwise=True)


def transpose_conv(g: Graph) -> int:
    inputs = [ints(g, 1, 6, 6, 2), g.constant(ones(2, 3, 3, 4), [0.02, 0.02]), g.input([1, 3, 3, 4])]
    fields = {"strideH": 2, "strideW": 2, "padding": 0}
    return g.operator("TRANSPOSE_CONV", inputs, [g.tensor([1, 6, 6, 2])], "TransposeConvOptions", **fields)


def pool(g: Graph) -> int:
    return g.pool(g.input([1, 6, 6, 2]), "AVERAGE")


def softmax(g: Graph) -> int:
    return g.unary("SOFTMAX", g.input([2, 10]), 1 / 256, -128, "SoftmaxOptions", beta=1.0)


def relu(g: Graph) -> int:
    return g.unary("RELU", g.input([1, 7]), 0.1, 0)


def add(g: Graph) -> int:
    return g.add(g.input([1, 4, 5]), g.input([1, 4, 5]))


def with_constant(g: Graph) -> int:
    x = g.input([4, 5])
    return g.operator("MUL", [x, g.constant(ones(5), 0.02)], [g.tensor([4, 5])], "MulOptions")


def matmul(g: Graph) -> int:
    both = [g.input([2, 3, 4]), g.input([2, 4, 5])]
    return g.operator("BATCH_MATMUL", both, [g.tensor([2, 3, 5])], "BatchMatMulOptions")


def mean(g: Graph) -> int:
    return g.operator("MEAN", [g.input([1, 4, 5]), ints(g, 1)], [g.tensor([1, 5])], "ReducerOptions")


def gather(g: Graph) -> int:
    return g.operator("GATHER", [g.input([4, 5]), ints(g, 0, 3)], [g.tensor([2, 5])], "GatherOptions")


def chosen(g: Graph) -> int:
    both = [g.input([4, 5]), g.input([2], 0.0, dtype="INT32")]
    return g.operator("GATHER", both, [g.tensor([2, 5])], "GatherOptions")


def cut(g: Graph) -> int:
    return g.operator("SLICE", [g.input([4, 5]), ints(g, 1, 0), ints(g, 3, 5)], [g.tensor([3, 5])], "SliceOptions")


def strided(g: Graph) -> int:
    inputs = [g.input([4, 5]), ints(g, 1, 0), ints(g, 4, 5), ints(g, 1, 2)]
    return g.operator("STRIDED_SLICE", inputs, [g.tensor([3, 3])], "StridedSliceOptions")


def pad(g: Graph) -> int:
    pads = g.constant(np.array([[1, 0], [0, 2]], np.int32))
    return g.operator("PAD", [g.input([4, 5]), pads], [g.tensor([5, 7])], "PadOptions")


def transpose(g: Graph) -> int:
    return g.operator("TRANSPOSE", [g.input([4, 5]), ints(g, 1, 0)], [g.tensor([5, 4])], "TransposeOptions")


def concat(g: Graph) -> int:
    return g.concat([g.input([2, 3]), g.input([2, 4])], 1)


def split(g: Graph) -> int:
    both = [g.tensor([2, 3]), g.tensor([2, 3])]
    made = g.operator("SPLIT", [ints(g, 1), g.input([2, 6])], both, "SplitOptions", numSplits=2)
    return g.add(made, both[1])


def deep(g: Graph) -> int:
    x = g.input([1, 2, 2, 8])
    return g.operator("DEPTH_TO_SPACE", [x], [g.tensor([1, 4, 4, 2])], "DepthToSpaceOptions", blockSize=2)


def batched(g: Graph) -> int:
    pads = g.constant(np.array([[0, 0], [0, 0]], np.int32))
    x = g.input([4, 2, 2, 1])
    return g.operator("BATCH_TO_SPACE_ND", [x, ints(g, 2, 2), pads], [g.tensor([1, 4, 4, 1])], "BatchToSpaceNDOptions")


def resize(g: Graph) -> int:
    x = g.input([1, 3, 3, 2])
    return g.operator("RESIZE_BILINEAR", [x, ints(g, 6, 6)], [g.tensor([1, 6, 6, 2])], "ResizeBilinearOptions")


def reverse(g: Graph) -> int:
    return g.operator("REVERSE_V2", [g.input([2, 3]), ints(g, 1)], [g.tensor([2, 3])], "ReverseV2Options")


def broadcast(g: Graph) -> int:
    return g.operator("BROADCAST_TO", [g.input([1, 3]), ints(g, 2, 3)], [g.tensor([2, 3])], "BroadcastToOptions")


def wide_dense(g: Graph) -> int:
    x = g.input([1, 8], dtype="INT16")
    return g.dense(x, ones(4, 8), np.zeros(4, np.int64))


def wide_pad(g: Graph) -> int:
    pads = g.constant(np.array([[1, 0], [0, 2]], np.int32))
    return g.operator("PAD", [g.input([4, 5], dtype="INT16"), pads], [g.tensor([5, 7], dtype="INT16")], "PadOptions")


def lstm(g: Graph) -> int:
    return g.lstm(g.input([1, 3, 4], 1 / 128), [ones(2, 4)] * 4 + [ones(2, 2)] * 4, [np.zeros(2, np.int32)] * 4)


def shape(tensor: int, *of: int):
    """Another shape of a tensor; its data, if it has any, as many zeros as that holds."""

    def change(model, graph) -> None:
        changed = graph.tensors[tensor]
        buffer = model.buffers[changed.buffer]
        if buffer.data is not None:
            buffer.data = np.zeros(len(buffer.data) // np.prod(changed.shape) * np.prod(of), np.uint8)
        changed.shape = np.array(of, np.int32)

    return change


def scale(tensor: int, *of: float):
    def change(model, graph) -> None:
        graph.tensors[tensor].quantization.scale = np.array(of, np.float32)
        graph.tensors[tensor].quantization.zeroPoint = np.zeros(len(of), np.int64)

    return change


def zero(tensor: int, of: int):
    def change(model, graph) -> None:
        graph.tensors[tensor].quantization.zeroPoint = np.array([of], np.int64)

    return change


def data(tensor: int, *of: int, dtype=np.int32):
    def change(model, graph) -> None:
        model.buffers[graph.tensors[tensor].buffer].data = np.frombuffer(np.array(of, dtype).tobytes(), np.uint8)

    return change


def reals(tensor: int):
    """Numbers that are none, in float32."""

    def change(model, graph) -> None:
        graph.tensors[tensor].type = 0
        buffer = model.buffers[graph.tensors[tensor].buffer]
        buffer.data = np.full(len(buffer.data) // 4, np.nan, np.float32).view(np.uint8)

    return change


def kind(tensor: int, of: int):
    def change(model, graph) -> None:
        graph.tensors[tensor].type = of

    return change


def option(**fields: int):
    def change(model, graph) -> None:
        for name, value in fields.items():
            setattr(graph.operators[0].builtinOptions, name, value)

    return change


def inputs(*of: int):
    def change(model, graph) -> None:
        graph.operators[0].inputs = list(of)

    return change


def made(*of: int):
    def change(model, graph) -> None:
        graph.operators[0].outputs = list(of)

    return change


CASES = [
    (dense, shape(3, 1, 16), "output 't3' is 1 x 16, but what it is made of gives 1 x 32"),
    (dense, shape(1, 40, 8), "32 scales for 40 outputs"),
    (dense, scale(1, *[0.1] * 16), "16 scales for 32 outputs"),
    (dense, scale(3, 1e-45), "tensor 't3' has the scale 1.4013e-45"),
    (dense, scale(3, 1e-30), "scales are too far apart"),
    (dense, data(2, *[2**31 - 1] * 32), "more than 32 bits"),
    (dense, shape(2, 16), "bias 't2' has 16 values, not 32"),
    (dense, kind(2, 4), "'t2' is int64 of the shape"),
    (dense, zero(1, 3), "zero point that is not 0"),
    (dense, option(fusedActivationFunction=5), "fused activation is none"),
    (dense, option(weightsFormat=1), "shuffled"),
    (dense, inputs(0), "it has 1 inputs, and must have 2"),
    (dense, inputs(0, -1), "input 1 is missing"),
    (dense, inputs(0, 0), "its weights are computed"),
    (dense, made(0), "'t0' is an input, a constant, or computed before"),
    (dense, made(1), "'t1' is an input, a constant, or computed before"),
    (conv, shape(3, 2, 5, 5, 6), "2 x 5 x 5 x 6, but what it is made of gives 1 x 5 x 5 x 6"),
    (conv, shape(0, 2, 5, 5, 4), "but what it is made of gives 2 x"),
    (conv, shape(0, 1, 5, 5, 1000), "weights are for 4 channels and 6 outputs, and its input has 1000"),
    (conv, shape(0, 1, 1, 5, 5, 4), "must have 4 axes"),
    (conv, shape(3, 1, 5, 30), "1 x 5 x 30"),
    (conv, option(strideH=0), "stride or dilation is not from 1"),
    (conv, option(dilationWFactor=-1), "stride or dilation is not from 1"),
    (conv, option(dilationWFactor=2**30), "stride or dilation is not from 1"),
    (conv, option(strideW=3), "but what it is made of gives 1 x 5 x 2 x 6"),
    (conv, option(padding=1), "but what it is made of gives 1 x 3 x 3 x 6"),
    (conv, option(padding=7), "padding is neither SAME nor VALID"),
    (conv, zero(0, 200), "the zero point 200"),
    (conv, scale(3, np.nan), "scale is not a finite number"),
    (conv, kind(3, 7), "'t3' is int16"),
    (grouped, shape(0, 1, 5, 5, 8), "weights are for 2 channels and 6 outputs"),
    (depthwise, shape(1, 1, 3, 4, 2), "4 scales for 2 outputs"),
    (depthwise, shape(1, 2, 2, 3, 4), "2 x 2 x 3 x 4, do not fit its input"),
    (depthwise, shape(1, 6, 4), "its weights 't1' are 6 x 4, which have too few axes"),
    (depthwise, option(depthMultiplier=2), "do not fit its input of 4 channels and its multiplier 2"),
    (depthwise, option(depthMultiplier=0), "do not fit its input of 4 channels and its multiplier 0"),
    (transpose_conv, data(0, 1, 6, 7, 2), "but what it is made of gives 1 x 6 x 7 x 2"),
    (transpose_conv, data(0, 1, 6, -6, 2), "first input is not the shape"),
    (transpose_conv, option(strideW=-1), "stride or dilation is not from 1"),
    (transpose_conv, inputs(0, 1, 2, 0), "bias 't0' has 4 values, not 2"),
    (pool, shape(1, 1, 6, 6, 2), "but what it is made of gives 1 x 3 x 3 x 2"),
    (pool, shape(1, 1, 3, 3, 4), "but what it is made of gives 1 x 3 x 3 x 2"),
    (pool, option(filterHeight=0), "stride or dilation is not from 1"),
    (pool, option(filterHeight=7), "kernel of 7 x 2 is larger than its input"),
    (pool, scale(1, 0.2), "different scales"),
    (softmax, shape(1, 3, 10), "3 x 10, but what it is made of gives 2 x 10"),
    (softmax, option(beta=np.nan), "its beta is nan"),
    (softmax, option(beta=-1.0), "its beta is -1"),
    (softmax, option(beta=1e-20), "scale of its input is too small"),
    (relu, made(1, -1), "an output is missing"),
    (relu, made(-1, 1), "an output is missing"),
    (relu, shape(1, 1, 8), "1 x 8, but what it is made of gives 1 x 7"),
    (add, shape(2, 1, 4, 6), "1 x 4 x 6, but"),
    (add, shape(0, 1, 4, 6), "1 x 4 x 6 and 1 x 4 x 5 do not fit each other"),
    (add, scale(2, 1e-9), "the scale of its output is too small"),
    (with_constant, shape(1, 1, 1, 1), "but what it is made of gives 1 x 4 x 5"),
    (with_constant, kind(1, 7), "'t1' is int16 of the shape"),
    (with_constant, scale(1, *[0.1] * 5), "'t1' is int8 without one scale and zero point"),
    (matmul, shape(1, 2, 5, 5), "rows have 4 values, and its columns 5"),
    (matmul, shape(0, 2, 3, 40_000), "and its columns 4"),
    (matmul, option(adjY=True), "rows have 4 values, and its columns 5"),
    (mean, data(1, 7), "axis 7 of 3"),
    (mean, option(keepDims=True), "1 x 5, but what it is made of gives 1 x 1 x 5"),
    (gather, data(1, 0, 4), "gathers beyond its 4 values"),
    (gather, data(1, 0, -1), "gathers beyond its 4 values"),
    (gather, option(axis=2), "axis 2 of 2"),
    (chosen, kind(1, 4), "'t1' is int64"),
    (cut, data(1, 2, 0), "it slices 3 x 5 from 2 x 0 of 4 x 5"),
    (cut, data(1, -1, 0), "it slices 3 x 5 from -1 x 0"),
    (cut, data(2, -1, 6), "it slices"),
    (strided, data(3, 0, 2), "step of 0"),
    (strided, data(1, 4, 0), "takes nothing"),
    (strided, data(2, 3, 5), "3 x 3, but what it is made of gives 2 x 3"),
    (pad, reals(0), "'t0' is float32, and must be int32"),
    (resize, reals(1), "'t1' is float32, and must be int32"),
    (pad, data(0, 1, 0, -1, 3), "not two numbers an axis"),
    (pad, data(0, 1, 0, 0, 3), "but what it is made of gives 5 x 8"),
    (transpose, data(1, 1, 1), "order of axes is 1 x 1"),
    (transpose, data(1, 0, 1), "5 x 4, but what it is made of gives 4 x 5"),
    (concat, option(axis=2), "axis 2 of 2"),
    (concat, option(axis=0), "inputs do not fit each other"),
    (concat, shape(1, 2, 5), "2 x 7, but what it is made of gives 2 x 8"),
    (split, option(numSplits=3), "2 outputs, and must have 3"),
    (split, data(2, 0), "but what it is made of gives 1 x 6"),
    (deep, option(blockSize=0), "its block is 0"),
    (deep, option(blockSize=3), "its block is 3"),
    (batched, data(2, 2, 3), "of 4 parts"),
    (batched, data(2, 2, 0), "blocks are 2 x 0"),
    (resize, data(1, 6, 7), "but what it is made of gives 1 x 6 x 7 x 2"),
    (resize, option(alignCorners=True, halfPixelCenters=True), "aligned corners and half pixels"),
    (reverse, data(1, 2), "axis 2 of 2"),
    (broadcast, data(1, 2, 4), "1 x 3 and 2 x 4 do not fit each other"),
    (wide_dense, zero(0, 5), "zero point that is not 0"),
    (wide_pad, zero(1, 5), "'t1' is int16 with a zero point that is not 0"),
    (wide_pad, zero(2, 5), "'t2' is int16 with a zero point that is not 0"),
    (wide_dense, shape(3, 1, 5), "but what it is made of gives 1 x 4"),
    (lstm, shape(15, 1, 4, 2), "1 x 4 x 2, but what it is made of gives 1 x 3 x 2"),
    (lstm, shape(1, 1, 3), "its states"),
    (lstm, shape(0, 1, 3, 5), "weights are not constants of int8, 2 x 5"),
]


def changed(content: bytes, change) -> bytes:
    """A file of which one field is another."""
    model = objects(content)
    change(model, model.subgraphs[0])
    return packed(model)


def built(build) -> bytes:
    g = Graph()
    return g.finish(build(g))


@pytest.mark.parametrize("build", list(dict.fromkeys(case[0] for case in CASES)))
def test_what_is_changed_was_right_before(build):
    for kernels in ("portable", "dsp"):
        assert generate(built(build), "m", kernels).files


@pytest.mark.parametrize(("build", "change", "words"), CASES, ids=[f"{c[0].__name__}-{n}" for n, c in enumerate(CASES)])
def test_one_field_that_is_another_is_refused_by_name(build, change, words):
    from edgekit.flatbuffer.read import parse_graph

    for kernels in ("portable", "dsp"):
        with pytest.raises(ModelError) as told:
            content = changed(built(build), change)
            parse_graph(content, "m")
            generate(content, "m", kernels)
        said = str(told.value)
        assert words in said and "\n" not in said


def test_every_operator_has_one_entry_of_one_family_under_a_name_of_the_schema():
    from edgekit.flatbuffer.schema import accessors, operator_names

    names = [name for family in FAMILIES for name in family.OPERATORS]
    assert len(names) == len(set(names)) == len(OPERATORS) and set(names) <= set(operator_names().values())
    for name, of in OPERATORS.items():
        assert set(of.inputs) <= {*CHECKS, "?", "*"} and (of.inputs or of.states), name
        assert not of.options or hasattr(accessors(), f"{of.options}OptionsT"), name
