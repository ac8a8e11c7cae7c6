"""What each operator must be: its tensors, its settings, and the shapes that follow from them.

What a file says of a shape, a type or a scale is its author's word. Here all of it is inferred from the operator's
definition and compared, before any code is written: loops then go as far as every tensor reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from edgekit.ccode import shapes
from edgekit.ccode.graph import CONVERTED, SMALLEST_SCALE, TYPES, Node, Shape, Value, unfit
from edgekit.ccode.lstm import lstm_shape
from edgekit.ccode.ranges import RANGES
from edgekit.flatbuffer.read import _schema


class Rule(Struct, frozen=True):
    """What an operator takes and makes."""

    inputs: str
    """One letter an input, `?` behind one that may be missing, `*` behind the last where there may be more: `x` values
    of the operator's type, computed or constant; `w` weights, constants of int8; `b` a bias, a constant; `n` whole
    numbers, constant; `m` those of any shape; `v` one constant value of the operator's type. Empty where `shapes` looks
    at them itself."""
    shapes: Callable[[Node], Sequence[Shape]]
    """Of what it makes."""
    options: str = ""
    """The schema's table of its settings, without `Options`; where a file has none, its defaults are meant."""
    alike: bool = False
    """Whether inputs and outputs have one scale and zero point."""
    channels: int = 0
    """The axis of the weights that the outputs have."""


def _moved(inputs: str, of: Callable[[Node], Sequence[Shape]], options: str = "") -> Rule:
    return Rule(inputs, of, options, alike=True)


RULES: dict[str, Rule] = {
    "CONV_2D": Rule("xwb?", shapes.conv, "Conv2D"),
    "DEPTHWISE_CONV_2D": Rule("xwb?", shapes.depthwise, "DepthwiseConv2D", channels=3),
    "TRANSPOSE_CONV": Rule("nwxb?", shapes.transpose_conv, "TransposeConv"),
    "FULLY_CONNECTED": Rule("xwb?", shapes.dense, "FullyConnected"),
    "BATCH_MATMUL": Rule("xx", shapes.matmul, "BatchMatMul"),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), Rule("x", shapes.pool, "Pool2D", alike=True)),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "ELU", "LOGISTIC", "TANH"), Rule("x", shapes.like)),
    **dict.fromkeys(("HARD_SWISH", "SQRT", "RSQRT", "EXP", "LOG", "NEG", "ABS", "SQUARE"), Rule("x", shapes.like)),
    "QUANTIZE": Rule("x", shapes.like),
    "LEAKY_RELU": Rule("x", shapes.like, "LeakyRelu"),
    "GELU": Rule("x", shapes.like, "Gelu"),
    "SOFTMAX": Rule("x", shapes.softmax, "Softmax"),
    "L2_NORMALIZATION": Rule("x", shapes.softmax, "L2Norm"),
    "ADD": Rule("xx", shapes.pair, "Add"),
    "SUB": Rule("xx", shapes.pair, "Sub"),
    "MUL": Rule("xx", shapes.pair, "Mul"),
    "SQUARED_DIFFERENCE": Rule("xx", shapes.pair),
    "PRELU": Rule("xx", shapes.slopes),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), Rule("xx", shapes.pair, alike=True)),
    **dict.fromkeys(("MEAN", "SUM"), Rule("xn", shapes.reduced, "Reducer")),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN"), Rule("xn", shapes.reduced, "Reducer", alike=True)),
    "RESIZE_NEAREST_NEIGHBOR": Rule("xn", shapes.resized, "ResizeNearestNeighbor", alike=True),
    "RESIZE_BILINEAR": Rule("xn", shapes.resized, "ResizeBilinear", alike=True),
    "RESHAPE": Rule("xn?", shapes.reshape, "Reshape", alike=True),
    "SQUEEZE": Rule("x", shapes.squeeze, "Squeeze", alike=True),
    "EXPAND_DIMS": Rule("xn", shapes.expand, alike=True),
    "CONCATENATION": _moved("x*", shapes.joined, "Concatenation"),
    "PACK": _moved("x*", shapes.packed, "Pack"),
    "UNPACK": _moved("x", shapes.unpacked, "Unpack"),
    "SPLIT": _moved("nx", shapes.split, "Split"),
    "SPLIT_V": _moved("xnn", shapes.split_sizes, "SplitV"),
    "TRANSPOSE": _moved("xn", shapes.transposed),
    "SLICE": _moved("xnn", shapes.sliced),
    "STRIDED_SLICE": _moved("xnnn", shapes.strided, "StridedSlice"),
    "PAD": _moved("xm", shapes.padded),
    "PADV2": _moved("xmv", shapes.padded),
    "MIRROR_PAD": _moved("xm", shapes.mirrored, "MirrorPad"),
    "GATHER": _moved("xm", shapes.gathered, "Gather"),
    "DEPTH_TO_SPACE": _moved("x", shapes.depth_to_space, "DepthToSpace"),
    "SPACE_TO_DEPTH": _moved("x", shapes.space_to_depth, "SpaceToDepth"),
    "BATCH_TO_SPACE_ND": _moved("xnm", shapes.batch_to_space),
    "SPACE_TO_BATCH_ND": _moved("xnm", shapes.space_to_batch),
    "BROADCAST_TO": _moved("xn", shapes.broadcast),
    "REVERSE_V2": _moved("xn", shapes.reversed_),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule("", lstm_shape, "UnidirectionalSequenceLSTM"),
}
SEVERAL_TYPES = {"QUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
"""Those whose tensors are not of one type."""


def check(node: Node) -> None:
    """Holds an operator against its rule, and gives it the settings that its file leaves out.

    Raises:
      ModelError: its tensors or settings are not what they must be; names the operator and the tensor.
    """
    rule = RULES[node.kind]
    if rule.options:
        table = getattr(_schema(), f"{rule.options}OptionsT")
        node.options = table() if node.options is None else node.options
        node.require(isinstance(node.options, table), "it has the settings of another operator")
    if rule.inputs:
        _check_inputs(node, rule)
    made = [tuple(shape) for shape in rule.shapes(node)]
    node.require(len(made) == len(node.outputs), f"it has {len(node.outputs)} outputs, and must have {len(made)}")
    for value, shape in zip(node.outputs, made, strict=True):
        said = f"{shapes.listed(value.shape)}, but what it is made of gives {shapes.listed(shape)}"
        node.require(value.shape == shape, f"its output {value.name!r} is {said}")
    if node.kind in RANGES:
        RANGES[node.kind](node)


def _check_inputs(node: Node, rule: Rule) -> None:
    letters, values = _letters(node, rule), list(node.outputs)
    for place, (letter, value) in enumerate(zip(letters, node.inputs, strict=False)):
        if value is not None:
            CHECKS[letter](node, place, value, rule)
            values += [value] if letter == "x" or (letter == "v" and value.scales) else []
    for value in values if node.kind not in SEVERAL_TYPES else []:
        said = f"tensor {value.name!r} is {value.dtype}, and its output {node.outputs[0].dtype}"
        node.require(value.dtype == node.outputs[0].dtype, said)
    if rule.alike and len({(value.scale, value.zero) for value in values}) > 1:
        raise node.refusal("its inputs and outputs have different scales; requantize before it")


def _letters(node: Node, rule: Rule) -> str:
    """What each input must be."""
    letters = rule.inputs.replace("?", "")
    least, count = len(letters) - rule.inputs.count("?"), len(node.inputs)
    if rule.inputs.endswith("*"):
        letters = letters[:-1] * max(1, count)
        least = len(letters)
    node.require(least <= count <= len(letters), f"it has {count} inputs, and must have {least}")
    for place, letter in enumerate(letters[:count]):
        if f"{letter}?" not in rule.inputs:
            node.given(place)
    return letters


def _values(node: Node, place: int, value: Value, rule: Rule) -> None:
    if problem := unfit(value, tuple(CONVERTED) if node.kind == "QUANTIZE" else TYPES):
        raise node.refusal(f"tensor {value.name!r} {problem}")


def _weights(node: Node, place: int, value: Value, rule: Rule) -> None:
    if value.data is None or value.dtype != "int8":
        said = value.dtype if value.data is not None else "computed"
        raise node.refusal(f"its weights are {said}, not constant int8")
    if value.zero or any(value.zeros):
        raise node.refusal("its weights have a zero point that is not 0")
    said = f"its weights {value.name!r} are {shapes.listed(value.shape)}, which have too few axes"
    node.require(rule.channels < len(value.shape), said)
    outputs = value.shape[rule.channels]
    count, axis = len(value.scales), value.axis
    node.require(len(value.zeros) == count, f"its weights {value.name!r} have not one zero point for each scale")
    each = count == outputs and 0 <= axis < len(value.shape) and value.shape[axis] == outputs
    node.require(count == 1 or each, f"its weights {value.name!r} have {count} scales for {outputs} outputs")
    sound = all(scale == 0 or SMALLEST_SCALE <= scale < math.inf for scale in value.scales)
    node.require(sound, f"its weights {value.name!r} have a scale that stands for nothing")


def _bias(node: Node, place: int, value: Value, rule: Rule) -> None:
    types = ("int32",) if node.outputs[0].dtype == "int8" else ("int32", "int64")
    if value.data is None or value.dtype not in types:
        raise node.refusal(f"its bias is not a constant of {' or '.join(types)}")
    outputs = node.given(1).shape[rule.channels]
    node.require(value.elements == outputs, f"its bias {value.name!r} has {value.elements} values, not {outputs}")


def _integers(node: Node, place: int, value: Value, rule: Rule) -> None:
    shapes.integers(node, place)
    fits = value.dtype in ("int32", "int64")
    node.require(fits, f"its input {value.name!r} is {value.dtype}, and must be int32")


def _vector(node: Node, place: int, value: Value, rule: Rule) -> None:
    _integers(node, place, value, rule)
    node.require(
        len(value.shape) < 2, f"its input {value.name!r} is {shapes.listed(value.shape)}, and must be a vector"
    )


def _constant(node: Node, place: int, value: Value, rule: Rule) -> None:
    shapes.integers(node, place)
    dtype = node.outputs[0].dtype
    fits = value.dtype == dtype and value.elements == 1
    node.require(fits, f"its value {value.name!r} is {value.elements} of {value.dtype}, and must be one of {dtype}")


CHECKS = {"x": _values, "w": _weights, "b": _bias, "n": _vector, "m": _integers, "v": _constant}
