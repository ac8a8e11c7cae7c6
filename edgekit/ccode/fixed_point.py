"""The fixed-point arithmetic that TFLM's kernels prepare before they run, to the bit."""

from __future__ import annotations

import math

INT32_MAX, INT32_MIN = 2**31 - 1, -(2**31)
Factor = tuple[int, int]
"""A multiplier and a shift, see `quantized_multiplier`."""
DIFFERENCE_BITS = 5
"""Bits before the point of a difference of softmax's inputs."""


def quantized_multiplier(real: float) -> Factor:
    """A factor as `multiplier / 2**31 * 2**shift`, multiplier in 2**30 … 2**31 - 1.

    Source: `QuantizeMultiplier` in tensorflow/lite/kernels/internal/quantization_util.cc.
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    fixed = _round(fraction * 2**31)
    if fixed == 2**31:
        fixed, shift = fixed // 2, shift + 1
    if shift < -31:
        return 0, 0
    return (INT32_MAX, 30) if shift > 30 else (fixed, shift)


def requantize(x: int, multiplier: int, shift: int) -> int:
    """`x * multiplier / 2**31 * 2**shift`, rounded twice.

    Source: `MultiplyByQuantizedMultiplier` in tensorflow/lite/kernels/internal/common.h.
    """
    return _divided(high_product(x << max(shift, 0), multiplier), max(-shift, 0))


def high_product(a: int, b: int) -> int:
    """Upper half of twice the product, rounded.  Source: gemmlowp, `SaturatingRoundingDoublingHighMul`."""
    return (a * b + 2**30) >> 31


def exponentials(scale: float, beta: float) -> list[int]:
    """exp of each difference of two stored values, 0 … -255, from softmax's input, with 31 bits behind the point; -1
    where it counts as nothing.

    Source: `Softmax` in tensorflow/lite/kernels/internal/reference/softmax.h; gemmlowp, `exp_on_negative_values`.
    """
    real = min(beta * scale * 2 ** (31 - DIFFERENCE_BITS), float(INT32_MAX))
    multiplier, shift = quantized_multiplier(real)
    radius = math.floor((2**DIFFERENCE_BITS - 1) * 2 ** (31 - DIFFERENCE_BITS) / 2**shift)
    return [_exp(high_product(-d << shift, multiplier)) if d <= radius else -1 for d in range(256)]


def _exp(a: int) -> int:
    """exp(a / 2**26) for a <= 0, with 31 bits behind the point."""
    if a == 0:
        return INT32_MAX
    quarter = 1 << 24
    rest = (a & (quarter - 1)) - quarter
    result, left = _exp_near_zero(rest << DIFFERENCE_BITS), rest - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for exponent, factor in enumerate(factors, -2):
        if left & (1 << (26 + exponent)):
            result = high_product(result, factor)
    return result


def _exp_near_zero(a: int) -> int:
    """exp(a / 2**31) for -1/4 <= a / 2**31 < 0."""
    x = a + (1 << 28)
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    tail = _divided(high_product(_divided(x4, 2) + x3, 715827883) + x2, 1)
    return 1895147668 + high_product(1895147668, x + tail)


def _divided(x: int, by: int) -> int:
    """x / 2**by, halves away from zero.  Source: gemmlowp, `RoundingDivideByPOT`."""
    mask = (1 << by) - 1
    return (x >> by) + ((x & mask) > (mask >> 1) + (x < 0))


def _round(x: float) -> int:
    """Halves away from zero, as C's `round`."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)
