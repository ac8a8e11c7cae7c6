"""Which operators can be written as C, and who writes each."""

from __future__ import annotations

from msgspec.structs import replace

from edgekit.ccode import cmsis
from edgekit.ccode.contract import check
from edgekit.ccode.elementwise import add, extreme, lookup, multiply, prelu, softmax, squared_difference
from edgekit.ccode.elementwise16 import rescale16, sigmoid16, softmax16
from edgekit.ccode.graph import Node
from edgekit.ccode.layers import conv, dense, depthwise, pool
from edgekit.ccode.layers16 import conv16, dense16, depthwise16
from edgekit.ccode.lstm import lstm
from edgekit.ccode.matmul import matmul
from edgekit.ccode.movement import VIEWS, movement
from edgekit.ccode.piece import Piece, Style, Writer
from edgekit.ccode.quantize import quantize
from edgekit.ccode.reduce import l2_normalization, reduce, reduce_extreme
from edgekit.ccode.resize import bilinear, nearest
from edgekit.ccode.transpose_conv import transpose_conv


def same(node: Node, label: str, style: Style) -> Piece:
    """The output is the input in another shape."""
    if node.given().data is not None:
        raise node.refusal(CONSTANT.format(0))
    return Piece([], alias=True)


CONSTANT = "its input {} is a constant; compute the operator before the model is converted"
WRITERS: dict[str, Writer] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), same),
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "ELU", "GELU", "HARD_SWISH"), lookup),
    **dict.fromkeys(("LOGISTIC", "TANH", "ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG"), lookup),
    "QUANTIZE": quantize,
    "SOFTMAX": softmax,
    **dict.fromkeys(("ADD", "SUB"), add),
    "MUL": multiply,
    "SQUARED_DIFFERENCE": squared_difference,
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), extreme),
    "PRELU": prelu,
    "TRANSPOSE_CONV": transpose_conv,
    "BATCH_MATMUL": matmul,
    **dict.fromkeys(("MEAN", "SUM"), reduce),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN"), reduce_extreme),
    "L2_NORMALIZATION": l2_normalization,
    "RESIZE_NEAREST_NEIGHBOR": nearest,
    "RESIZE_BILINEAR": bilinear,
    **dict.fromkeys(VIEWS, movement),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
INT16: dict[str, Writer] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), same),
    "CONV_2D": conv16,
    "TRANSPOSE_CONV": transpose_conv,
    "DEPTHWISE_CONV_2D": depthwise16,
    "FULLY_CONNECTED": dense16,
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool),
    **dict.fromkeys(("RELU", "RELU6", "LEAKY_RELU"), rescale16),
    **dict.fromkeys(("LOGISTIC", "TANH"), sigmoid16),
    "QUANTIZE": quantize,
    "SOFTMAX": softmax16,
    **dict.fromkeys(("ADD", "SUB"), add),
    "MUL": multiply,
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), extreme),
    **dict.fromkeys(("MEAN", "SUM"), reduce),
    "RESIZE_NEAREST_NEIGHBOR": nearest,
    **dict.fromkeys(VIEWS, movement),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
"""Who writes those that compute with values of 16 bits."""
MIXED = {"QUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
"""Those with tensors of both kinds."""


def piece(node: Node, style: Style) -> Piece:
    """What an operator is in C.

    Raises:
      ModelError: it cannot be written; says why.
    """
    if node.kind not in WRITERS:
        raise node.refusal("C code is not written for this operator; let an interpreter run the model, or replace it")
    computed = [v for v in (*node.inputs, *node.outputs) if v is not None and v.data is None]
    wide = [value for value in computed if value.dtype == "int16"]
    if wide and (node.kind not in INT16 or (len(wide) < len(computed) and node.kind not in MIXED)):
        said = "int8" if node.kind not in INT16 else "int8, or for int16 throughout"
        raise node.refusal(f"tensor {wide[0].name!r} is int16; C code for this operator is written for {said}")
    check(node)
    label = f"op{node.number}"
    made = cmsis.piece(node, label) if style.kernels == "cmsis-nn" and not wide else None
    if style.kernels == "cmsis-nn":
        style = replace(style, kernels="dsp")  # for what CMSIS-NN does not compute, or not as TFLM does
    made = made or (INT16 if wide else WRITERS)[node.kind](node, label, style)
    for place, given in enumerate(node.inputs):
        if given is not None and given.data is not None and any(f"{{x{place}}}" in call for call in made.calls):
            raise node.refusal(CONSTANT.format(place))
    return made
