"""Which operators can be written as C, and who writes each."""

from __future__ import annotations

from msgspec.structs import replace

from edgekit.ccode import cmsis
from edgekit.ccode.elementwise import add, extreme, lookup, multiply, softmax
from edgekit.ccode.graph import Node
from edgekit.ccode.layers import conv, dense, depthwise, pool
from edgekit.ccode.movement import movement
from edgekit.ccode.piece import Piece, Style, Writer


def same(node: Node, label: str, style: Style) -> Piece:
    """The output is the input in another shape."""
    return Piece([], alias=True)


WRITERS: dict[str, Writer] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), same),
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "PRELU", "ELU", "GELU", "HARD_SWISH"), lookup),
    **dict.fromkeys(("LOGISTIC", "TANH", "QUANTIZE", "ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG"), lookup),
    "SOFTMAX": softmax,
    **dict.fromkeys(("ADD", "SUB"), add),
    "MUL": multiply,
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), extreme),
    **dict.fromkeys(("TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "PACK", "UNPACK"), movement),
    **dict.fromkeys(("CONCATENATION", "PAD", "PADV2"), movement),
}
INT16 = {
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
    *("TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "PACK", "UNPACK", "CONCATENATION"),
}
"""Operators that take values of 16 bits too."""


def piece(node: Node, style: Style) -> Piece:
    """What an operator is in C.

    Raises:
      ModelError: it cannot be written; says why.
    """
    if node.kind not in WRITERS:
        raise node.refusal("C code is not written for this operator; let an interpreter run the model, or replace it")
    for value in (v for v in (*node.inputs, *node.outputs) if v is not None and v.data is None):
        if value.dtype != "int8" and not (value.dtype == "int16" and node.kind in INT16):
            raise node.refusal(f"tensor {value.name!r} is {value.dtype}; C code for this operator is written for int8")
    label = f"op{node.number}"
    if style.kernels == "cmsis-nn":
        if made := cmsis.piece(node, label):
            return made
        style = replace(style, kernels="dsp")  # what it does not compute, or not as TFLM does
    return WRITERS[node.kind](node, label, style)
