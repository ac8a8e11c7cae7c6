"""QUANTIZE: values from or to another scale or type.

Source: TFLM, tensorflow/lite/micro/kernels/quantize_common.cc, whose pairs of types these are, and
tensorflow/lite/kernels/internal/reference/requantize.h.
"""

from __future__ import annotations

from edgekit.ccode.contract import Operator
from edgekit.ccode.fixed_point import quantized_multiplier
from edgekit.ccode.graph import CONVERTED, Node
from edgekit.ccode.operators.unary import lookup, rescale16
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import rescaled, stored
from edgekit.ccode.shapes import like

PAIRS = {
    *(("int32", "int8"), ("int32", "int16"), ("int16", "int32"), ("int8", "int32")),
    *(("int8", "uint8"), ("uint8", "int8"), ("int8", "int16"), ("int16", "int8")),
}
"""Those that TFLM has between types."""


def quantized(node: Node) -> None:
    """QUANTIZE, where no table does it."""
    source, made = node.given(), node.outputs[0]
    if {source.dtype, made.dtype} != {"int8"}:
        rescaled(node, stored(source), quantized_multiplier(source.scale / made.scale), made.zero)


def quantize(node: Node, label: str, style: Style) -> Piece:
    """A table between values of 8 bits; uint8 of the same scale is int8, moved by 128; else a factor."""
    source, made = node.given(), node.outputs[0]
    types = source.dtype, made.dtype
    if types == ("int8", "int8"):
        return lookup(node, label, style)
    if types == ("int16", "int16"):
        return rescale16(node, label, style)
    if types not in PAIRS:
        raise node.refusal(f"TFLM does not make {made.dtype} of {source.dtype}")
    if "uint8" in types and source.scale == made.scale and abs(source.zero - made.zero) == 128:
        kernel = f"shift_{source.dtype}"
        return Piece([f"{kernel}({{x0}}, {{y0}}, {source.elements});"], [], [kernel], in_place=True)
    kernel = f"rescale_{source.dtype}_{made.dtype}"
    factor = quantized_multiplier(source.scale / made.scale)
    numbers = array(f"{label}_numbers", "int32_t", [source.zero, *factor, made.zero])
    call = f"{kernel}({{x0}}, {{y0}}, {source.elements}, {label}_numbers);"
    return Piece([call], [numbers], [kernel], in_place=made.dtype in ("int8", "uint8"))


OPERATORS = {"QUANTIZE": Operator("x", like, quantize, quantize, types=tuple(CONVERTED), mixed=True, ranges=quantized)}
