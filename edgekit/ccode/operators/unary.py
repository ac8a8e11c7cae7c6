"""Functions of one value: tables of all stored values in int8, factors and curves in int16."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.fixed_point import INT32_MAX, Factor, quantized_multiplier
from edgekit.ccode.graph import Node
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import rescaled, stored
from edgekit.ccode.shapes import like

LOW, HIGH = -(2**15), 2**15 - 1
UNITY = quantized_multiplier(1.0)


def lookup(node: Node, label: str, style: Style) -> Piece:
    """A function of one stored value: a table of 256, which TFLM itself fills."""
    values = array(f"{label}_table", "int8_t", style.table(node))
    call = f"lookup({label}_table, {{x0}}, {{y0}}, {node.outputs[0].elements});"
    return Piece([call], [values], ["lookup"], in_place=True)


def sigmoid16(node: Node, label: str, style: Style) -> Piece:
    """Logistic or tanh.  Source: TFLM, tensorflow/lite/micro/kernels/logistic_common.cc, tanh.cc."""
    source, made = node.given(), node.outputs[0]
    kernel = node.kind.lower() + "16"
    if round(math.log2(made.scale)) != -15 or abs(math.log2(made.scale) + 15) >= 1e-3:
        raise node.refusal("its output must have the scale 1/32768")
    power = math.log2(source.scale)
    left = 12 + round(power)
    if abs(power - round(power)) < 1e-3 and left in ((0,) if node.kind == "LOGISTIC" else (0, 1)):
        multiplier, right = 3 << left, 0
    else:
        exact, right = source.scale * 4096 * 3, 0
        while exact <= HIGH / 2 and right <= 30:
            exact, right = exact * 2, right + 1
        multiplier = int(exact)
    if not multiplier:
        raise node.refusal("its input's scale is so small that TFLM takes it for another")
    if multiplier > HIGH:
        raise node.refusal("its input's scale is so large that TFLM does not take it")
    call = f"{kernel}({{x0}}, {{y0}}, {source.elements}, {multiplier}, {right});"
    return Piece([call], [], [kernel], in_place=True)


def rescale16(node: Node, label: str, style: Style) -> Piece:
    """From one scale to another, with or without what a ReLU does.

    Source: TFLM, tensorflow/lite/micro/kernels/quantize_common.cc, activations_common.cc, leaky_relu_common.cc.
    """
    import numpy as np

    source = node.given()
    above, below = slopes16(node)
    low, high = LOW, HIGH
    if node.kind == "RELU":
        low = 0
    if node.kind == "RELU6":  # the stored values stay what they are, whatever the output's scale is
        six = math.floor(float(np.float32(6) / np.float32(source.scale)) + 0.5)
        node.require(six <= INT32_MAX, "its input's scale is so small that 6 needs more than 32 bits")
        low, high = 0, min(HIGH, six)
    numbers = array(f"{label}_numbers", "int32_t", [*above, *below, low, high])
    call = f"rescale16({{x0}}, {{y0}}, {source.elements}, {label}_numbers);"
    return Piece([call], [numbers], ["rescale16"], in_place=True)


def slopes16(node: Node) -> tuple[Factor, Factor]:
    """What values are multiplied with above 0, and below."""
    source, made = node.given(), node.outputs[0]
    if node.kind == "RELU6":
        return UNITY, UNITY
    factors = [source.scale / made.scale] * 2
    if node.kind == "LEAKY_RELU":
        factors[1] = source.scale * float(node.options.alpha) / made.scale
    node.require(all(map(math.isfinite, factors)), "its scales, or its alpha, are too large")
    above, below = map(quantized_multiplier, factors)
    return above, below


def bent(node: Node) -> None:
    """RELU, RELU6, LEAKY_RELU of 16 bits; of 8 they are a table."""
    if node.given().dtype == "int16":
        for factor in slopes16(node):
            rescaled(node, stored(node.given()), factor, node.outputs[0].zero)


TABLE = Operator("x", like, lookup)
OPERATORS = {
    **dict.fromkeys(
        ("RELU_N1_TO_1", "ELU", "HARD_SWISH", "SQRT", "RSQRT", "EXP", "LOG", "NEG", "ABS", "SQUARE"), TABLE
    ),
    "GELU": Operator("x", like, lookup, options="Gelu"),
    **dict.fromkeys(("LOGISTIC", "TANH"), Operator("x", like, lookup, sigmoid16)),
    **dict.fromkeys(("RELU", "RELU6"), Operator("x", like, lookup, rescale16, ranges=bent)),
    "LEAKY_RELU": Operator("x", like, lookup, rescale16, options="LeakyRelu", ranges=bent),
}
