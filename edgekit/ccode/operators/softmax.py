"""Softmax and L2 normalization, of the last axis."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.curves import exponentials16, reciprocals16
from edgekit.ccode.fixed_point import Factor, exponentials, quantized_multiplier
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import fits, rescaled, stored
from edgekit.ccode.shapes import like


def rows(node: Node) -> list[Shape]:
    """SOFTMAX, L2_NORMALIZATION: of the last axis."""
    node.require(bool(node.given().shape), "its input has no axis")
    return like(node)


def exponents(node: Node) -> None:
    """SOFTMAX.  Source: `PreprocessSoftmaxScaling` in tensorflow/lite/kernels/internal/quantization_util.cc."""
    source, beta = node.given(), node.options.beta
    node.require(0 < beta < math.inf, f"its beta is {beta:g}")
    if source.dtype == "int8":
        node.require(beta * source.scale * 2**26 > 1, "the scale of its input is too small")
        return
    rescaled(node, (-(2**16) + 1, 0), softmax16_factor(node), 2**15 - 1)
    fits(node, source.shape[-1] * 2**15)


def normalized(node: Node) -> None:
    """L2_NORMALIZATION."""
    source = node.given()
    fits(node, source.shape[-1] * max(map(abs, stored(source))) ** 2)


def softmax(node: Node, label: str, style: Style) -> Piece:
    """Softmax of the last axis, with a table of exponentials."""
    source, made = node.given(), node.outputs[0]
    if (made.scale, made.zero) != (1 / 256, -128):
        raise node.refusal("its output must have the scale 1/256 and the zero point -128")
    depth = source.shape[-1]
    values = array(f"{label}_exponentials", "int32_t", exponentials(source.scale, float(node.options.beta)))
    call = f"softmax({label}_exponentials, {{x0}}, {{y0}}, {source.elements // depth}, {depth});"
    return Piece([call], [values], ["softmax"], in_place=True)


def softmax16(node: Node, label: str, style: Style) -> Piece:
    """Softmax of the last axis.  Source: TFLM, tensorflow/lite/micro/kernels/softmax_common.cc."""
    source, made = node.given(), node.outputs[0]
    if not math.isclose(made.scale, 2**-15, rel_tol=1e-3):
        raise node.refusal("its output must have the scale 1/32768")
    multiplier, shift = softmax16_factor(node)
    depth = source.shape[-1]
    tables = [
        array(f"{label}_exponentials", "int16_t", exponentials16()),
        array(f"{label}_reciprocals", "int16_t", reciprocals16()),
    ]
    numbers = f"{source.elements // depth}, {depth}, {multiplier}, {shift}"
    call = f"softmax16({label}_exponentials, {label}_reciprocals, {{x0}}, {{y0}}, {numbers});"
    return Piece([call], tables, ["softmax16"], in_place=True)


def softmax16_factor(node: Node) -> Factor:
    """What brings differences of the input into the table of exponentials."""
    return quantized_multiplier(node.given().scale * float(node.options.beta) / (10 / 65535))


def l2_normalization(node: Node, label: str, style: Style) -> Piece:
    """Rows of the last axis, made as long as one."""
    source, made = node.given(), node.outputs[0]
    if (made.scale, made.zero) != (1 / 128, 0):
        raise node.refusal("its output must have the scale 1/128 and the zero point 0")
    depth = source.shape[-1]
    call = f"l2_normalization({{x0}}, {{y0}}, {source.elements // depth}, {depth}, {source.zero});"
    return Piece([call], [], ["l2_normalization"], in_place=True)


OPERATORS = {
    "SOFTMAX": Operator("x", rows, softmax, softmax16, options="Softmax", ranges=exponents),
    "L2_NORMALIZATION": Operator("x", rows, l2_normalization, options="L2Norm", ranges=normalized),
}
