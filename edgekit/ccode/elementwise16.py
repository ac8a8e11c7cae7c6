"""Operators that take values of 16 bits one by one: their factors, as TFLM prepares them."""

from __future__ import annotations

import math

from edgekit.ccode.curves import exponentials16, reciprocals16
from edgekit.ccode.fixed_point import Factor, quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.piece import Piece, Style, array

LOW, HIGH = -(2**15), 2**15 - 1
UNITY = quantized_multiplier(1.0)


def softmax16(node: Node, label: str, style: Style) -> Piece:
    """Softmax of the last axis.  Source: TFLM, tensorflow/lite/micro/kernels/softmax_common.cc."""
    source, made = _ends(node)
    if made.zero or not math.isclose(made.scale, 2**-15, rel_tol=1e-3):
        raise node.refusal("its output must have the scale 1/32768 and the zero point 0")
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


def sigmoid16(node: Node, label: str, style: Style) -> Piece:
    """Logistic or tanh.  Source: TFLM, tensorflow/lite/micro/kernels/logistic_common.cc, tanh.cc."""
    source, made = _ends(node)
    kernel = node.kind.lower() + "16"
    if source.zero or made.zero:
        raise node.refusal("it has a zero point that is not 0")
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
    if multiplier > HIGH:
        raise node.refusal("its input's scale is so large that TFLM does not take it")
    call = f"{kernel}({{x0}}, {{y0}}, {source.elements}, {multiplier}, {right});"
    return Piece([call], [], [kernel], in_place=True)


def rescale16(node: Node, label: str, style: Style) -> Piece:
    """From one scale to another, with or without what a ReLU does.

    Source: TFLM, tensorflow/lite/micro/kernels/quantize_common.cc, activations_common.cc, leaky_relu_common.cc.
    """
    import numpy as np

    source, made = _ends(node)
    above, below = slopes16(node)
    to, low, high = made.zero, LOW, HIGH
    if node.kind in ("RELU", "RELU6") and (source.zero or made.zero):
        raise node.refusal("it has a zero point that is not 0")
    if node.kind == "RELU":
        low = 0
    if node.kind == "RELU6":  # the stored values stay what they are, whatever the output's scale is
        low, high = 0, min(HIGH, math.floor(float(np.float32(6) / np.float32(source.scale)) + 0.5))
    numbers = array(f"{label}_numbers", "int32_t", [source.zero, *above, *below, to, low, high])
    call = f"rescale16({{x0}}, {{y0}}, {source.elements}, {label}_numbers);"
    return Piece([call], [numbers], ["rescale16"], in_place=True)


def slopes16(node: Node) -> tuple[Factor, Factor]:
    """What values are multiplied with above their zero point, and below."""
    import numpy as np

    source, made = _ends(node)
    if node.kind == "RELU6":
        return UNITY, UNITY
    if node.kind != "LEAKY_RELU":
        return (quantized_multiplier(source.scale / made.scale),) * 2
    given, wanted, alpha = np.float32(source.scale), np.float32(made.scale), np.float32(node.options.alpha)
    with np.errstate(over="ignore"):
        both = float(given / wanted), float(given * alpha / wanted)
    node.require(all(map(math.isfinite, both)), f"its alpha is {node.options.alpha:g}")
    return quantized_multiplier(both[0]), quantized_multiplier(both[1])


def quantize16(node: Node, label: str, style: Style) -> Piece:
    """Values of 16 bits from or to another scale, or those of 8 bits."""
    source, made = _ends(node)
    if source.dtype == made.dtype:
        return rescale16(node, label, style)
    kernel = f"rescale_{source.dtype}_{made.dtype}"
    factor = quantized_multiplier(source.scale / made.scale)
    numbers = array(f"{label}_numbers", "int32_t", [source.zero, *factor, made.zero])
    call = f"{kernel}({{x0}}, {{y0}}, {source.elements}, {label}_numbers);"
    return Piece([call], [numbers], [kernel], in_place=made.dtype == "int8")


def _ends(node: Node) -> tuple[Value, Value]:
    return node.given(), node.outputs[0]
