"""How far the numbers of an operator can go, whatever its inputs hold: the code computes with 32 bits, which they fit.

Intervals go through the same factors that the kernels are given. TFLM computes in 32 bits too, and does not look: what
overflows there has no right result.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgekit.ccode.elementwise import product_factor, slope_factors, sum_factors
from edgekit.ccode.elementwise16 import slopes16, softmax16_factor
from edgekit.ccode.fixed_point import INT32_MAX, INT32_MIN, Factor, quantized_multiplier, requantize
from edgekit.ccode.graph import CONVERTED, Node, Value
from edgekit.ccode.layers import biases, by_output, output_factors
from edgekit.ccode.reduce import reduced_factor
from edgekit.ccode.transpose_conv import as_conv

Interval = tuple[int, int]
MOST_TAPS = 4096
"""Of a depthwise kernel: for each there is a pointer on the stack."""
BIAS_SHARE = 0.02
"""Of an output's step, by which the scale of a dense layer's bias may miss the product of its input's and weights'."""


def stored(value: Value) -> Interval:
    """The least and the most that a tensor holds, from its zero point."""
    least, most = CONVERTED[value.dtype]
    return least - value.zero, most - value.zero


def fits(node: Node, *numbers: int) -> None:
    """Raises the error for sums that 32 bits do not hold."""
    node.require(min(numbers) >= INT32_MIN and max(numbers) <= INT32_MAX, "its sums may need more than 32 bits")


def rescaled(node: Node, ends: Interval, factor: Factor, zero: int = 0) -> Interval:
    """What an interval becomes by a factor and a zero point.

    Raises:
      ModelError: 32 bits do not hold it, or what it is moved up to for the factor.
    """
    (multiplier, shift), (low, high) = factor, ends
    moved = [end << max(shift, 0) for end in ends]
    low, high = (requantize(end, multiplier, shift) + zero for end in ends)
    said = "its scales are too far apart: what it computes may need more than 32 bits"
    node.require(all(INT32_MIN <= n <= INT32_MAX for n in (*moved, low, high)), said)
    return low, high


def linear(node: Node) -> None:
    """Convolutions and dense layers: the sums of each output, which its own weights and bias decide."""
    import numpy as np

    node = as_conv(node) if node.kind == "TRANSPOSE_CONV" else node
    source, made = node.given(), node.outputs[0]
    if node.kind == "DEPTHWISE_CONV_2D":
        taps = math.prod(node.given(1).shape[1:3])
        node.require(taps <= MOST_TAPS, f"its kernel has {taps:,} values, and C code is written for {MOST_TAPS:,}")
    if node.kind == "FULLY_CONNECTED":
        _bias_scale(node)
    if source.dtype == "int16":
        return  # the layer takes as many bits as its weights ask for, and refuses more than TFLM has
    rows, (least, most) = by_output(node).astype(np.int64), stored(source)
    up, down = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    start = biases(node, len(rows))
    lows, highs = start + up * least + down * most, start + up * most + down * least
    fits(node, int(lows.min()), int(highs.max()), 128 * int((up - down).max()))
    for low, high, factor in zip(lows.tolist(), highs.tolist(), output_factors(node), strict=True):
        rescaled(node, (low, high), factor, made.zero)


def _bias_scale(node: Node) -> None:
    """Source: `GetQuantizedConvolutionMultipler` in tensorflow/lite/kernels/kernel_util.cc."""
    source, weights, bias = node.given(), node.given(1), node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and bias.scales and len(weights.scales) == 1 and source.dtype == "int8":
        missed = abs(source.scale * weights.scale - bias.scale) / node.outputs[0].scale
        said = f"the scale of its bias {bias.name!r} is not that of its input and its weights"
        node.require(missed <= BIAS_SHARE, said)


def pool(node: Node) -> None:
    """Averages add up what the window sees."""
    image, least = node.given().shape[1:3], -min(stored(node.given()))
    kernel = node.options.filterHeight, node.options.filterWidth
    fits(node, (least + 1) * math.prod(map(min, image, kernel)))


def added(node: Node) -> None:
    """ADD, SUB, SQUARED_DIFFERENCE."""
    bits, (*sides, last) = sum_factors(node)
    values = [stored(node.given(place)) for place in (0, 1)]
    moved = [(low << bits, high << bits) for low, high in values]
    for ends in moved:
        fits(node, *ends)
    most = sum(max(map(abs, rescaled(node, ends, side))) for ends, side in zip(moved, sides, strict=True))
    fits(node, most)
    node.require(last[1] <= 0, "the scale of its output is too small for those of its inputs")
    if node.kind == "SQUARED_DIFFERENCE":
        most = most**2
        fits(node, most)
    rescaled(node, (-most, most), last, node.outputs[0].zero)


def multiplied(node: Node) -> None:
    """MUL."""
    ends = _products(stored(node.given()), stored(node.given(1)))
    fits(node, *ends)
    rescaled(node, ends, product_factor(node), node.outputs[0].zero)


def sloped(node: Node) -> None:
    """PRELU of many slopes; one slope makes a table, which TFLM fills."""
    if node.given(1).data is not None and node.given(1).elements == 1:
        return
    above, below = slope_factors(node)
    values, zero = stored(node.given()), node.outputs[0].zero
    rescaled(node, values, above, zero)
    rescaled(node, _products(values, stored(node.given(1))), below, zero)


def matmul(node: Node) -> None:
    """BATCH_MATMUL: a sum starts with all that the second zero point takes away."""
    one, other = node.given(), node.given(1)
    depth = one.shape[-2 if node.options.adjX else -1]
    most = max(map(abs, stored(one)))
    fits(node, depth * most * (abs(other.zero) + 128))
    low, high = _products(stored(one), stored(other))
    rescaled(node, (depth * low, depth * high), product_factor(node), node.outputs[0].zero)


def summed(node: Node) -> None:
    """MEAN, SUM: a sum starts with all that the zero point takes away."""
    source, (count, factor) = node.given(), reduced_factor(node)
    low, high = stored(source)
    ends = min(count * low, -source.zero * count), max(count * high, -source.zero * count)
    fits(node, *ends)
    rescaled(node, ends, factor, node.outputs[0].zero)


def normalized(node: Node) -> None:
    """L2_NORMALIZATION."""
    source = node.given()
    fits(node, source.shape[-1] * max(map(abs, stored(source))) ** 2)


def exponents(node: Node) -> None:
    """SOFTMAX.  Source: `PreprocessSoftmaxScaling` in tensorflow/lite/kernels/internal/quantization_util.cc."""
    source, beta = node.given(), node.options.beta
    node.require(0 < beta < math.inf, f"its beta is {beta:g}")
    if source.dtype == "int8":
        node.require(beta * source.scale * 2**26 > 1, "the scale of its input is too small")
        return
    rescaled(node, (-(2**16) + 1, 0), softmax16_factor(node), 2**15 - 1)
    fits(node, source.shape[-1] * 2**15)


def bent(node: Node) -> None:
    """RELU, RELU6, LEAKY_RELU of 16 bits; of 8 they are a table."""
    if node.given().dtype == "int16":
        for factor in slopes16(node):
            rescaled(node, stored(node.given()), factor, node.outputs[0].zero)


def quantized(node: Node) -> None:
    """QUANTIZE, where no table does it."""
    source, made = node.given(), node.outputs[0]
    if {source.dtype, made.dtype} != {"int8"}:
        rescaled(node, stored(source), quantized_multiplier(source.scale / made.scale), made.zero)


def _products(one: Interval, other: Interval) -> Interval:
    found = [a * b for a in one for b in other]
    return min(found), max(found)


RANGES: dict[str, Callable[[Node], None]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"), linear),
    "AVERAGE_POOL_2D": pool,
    **dict.fromkeys(("ADD", "SUB", "SQUARED_DIFFERENCE"), added),
    "MUL": multiplied,
    "PRELU": sloped,
    "BATCH_MATMUL": matmul,
    **dict.fromkeys(("MEAN", "SUM"), summed),
    "L2_NORMALIZATION": normalized,
    "SOFTMAX": exponents,
    **dict.fromkeys(("RELU", "RELU6", "LEAKY_RELU"), bent),
    "QUANTIZE": quantized,
}
