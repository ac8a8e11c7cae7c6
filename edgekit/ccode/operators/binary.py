"""Operators that take values two by two: their factors, as TFLM prepares them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit.ccode.contract import Operator
from edgekit.ccode.copies import broadcast, without_lead
from edgekit.ccode.fixed_point import Factor, quantized_multiplier
from edgekit.ccode.graph import Node, Shape, Value
from edgekit.ccode.linear import activation_range
from edgekit.ccode.operators.unary import lookup
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import fits, products, rescaled, stored
from edgekit.ccode.shapes import like, repeated

HALF = (2**30, 0)
"""As a multiplier and a shift."""
RUN = 16
"""Values that a kernel takes at once at least, so that the loop around it costs little."""


def pair(node: Node) -> list[Shape]:
    """Two inputs, each repeated along axes where it has one value."""
    return [repeated(node, node.given().shape, node.given(1).shape)]


def slopes(node: Node) -> list[Shape]:
    """PRELU: slopes are repeated over the input."""
    shape, many = node.given().shape, node.given(1)
    if many.elements > 1 and repeated(node, shape, many.shape) != shape:
        raise node.refusal("it has more dimensions of slopes than of values; give it slopes of the input's shape")
    return like(node)


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
    ends = products(stored(node.given()), stored(node.given(1)))
    fits(node, *ends)
    rescaled(node, ends, product_factor(node), node.outputs[0].zero)


def sloped(node: Node) -> None:
    """PRELU of many slopes; one slope makes a table, which TFLM fills."""
    if node.given(1).data is not None and node.given(1).elements == 1:
        return
    above, below = slope_factors(node)
    values, zero = stored(node.given()), node.outputs[0].zero
    rescaled(node, values, above, zero)
    rescaled(node, products(values, stored(node.given(1))), below, zero)


def add(node: Node, label: str, style: Style) -> Piece:
    """Sum or difference.  Source: TFLM, micro/kernels/add_common.cc, sub_common.cc: 20 more bits below, in int16 15."""
    one, other = _pair(node)
    made, (bits, factors) = node.outputs[0], sum_factors(node)
    short = bits == 20 and all(_short(*factor) or factor == HALF for factor in factors[:2]) and _short(*factors[2])
    (m, s), (n, t), (k, u) = [(of, -by if short else by) for of, by in factors]
    sign, kernel = -1 if node.kind == "SUB" else 1, "add_short" if short else "add"
    numbers = [one.zero, m, s, other.zero, n, t, k, u, made.zero, *activation_range(node), 2**bits, sign]
    return _binary(node, label, kernel, numbers)


def sum_factors(node: Node) -> tuple[int, list[Factor]]:
    """Bits that values are moved up before they are added or squared, and the factors of both inputs and the output."""
    (one, other), made = _pair(node), node.outputs[0]
    squared = node.kind == "SQUARED_DIFFERENCE"
    bits, twice = 7 if squared else 15 if made.dtype == "int16" else 20, 2 * max(one.scale, other.scale)
    last = twice * twice / (2 ** (2 * bits) * made.scale) if squared else twice / (2**bits * made.scale)
    return bits, [quantized_multiplier(real) for real in (one.scale / twice, other.scale / twice, last)]


def multiply(node: Node, label: str, style: Style) -> Piece:
    """Product.  Source: TFLM, tensorflow/lite/micro/kernels/mul_common.cc."""
    one, other = _pair(node)
    made = node.outputs[0]
    factor, shift = product_factor(node)
    short = made.dtype == "int8" and _short(factor, shift)
    shift = -shift if short else shift
    numbers = [one.zero, other.zero, factor, shift, made.zero, *activation_range(node)]
    return _binary(node, label, "multiply_short" if short else "multiply", numbers)


def product_factor(node: Node) -> Factor:
    """What a product is multiplied with."""
    one, other = _pair(node)
    return quantized_multiplier(one.scale * other.scale / node.outputs[0].scale)


def _short(multiplier: int, shift: int) -> bool:
    """Whether a factor's roundings are short: it is below a half, and not 0."""
    return multiplier > 0 and shift < 0


def squared_difference(node: Node, label: str, style: Style) -> Piece:
    """Square of a difference.  Source: TFLM, tensorflow/lite/micro/kernels/squared_difference.cc: 7 more bits below."""
    one, other = _pair(node)
    _, (first, second, last) = sum_factors(node)
    numbers = [one.zero, *first, other.zero, *second, *last, node.outputs[0].zero]
    return _binary(node, label, "squared_difference", numbers)


def prelu(node: Node, label: str, style: Style) -> Piece:
    """PReLU of one slope or many.  Source: TFLM, tensorflow/lite/micro/kernels/prelu_common.cc."""
    one, slopes = _pair(node)
    made = node.outputs[0]
    if slopes.data is not None and slopes.elements == 1:
        return lookup(node, label, style)
    factors = slope_factors(node)
    return _binary(node, label, "prelu", [one.zero, slopes.zero, *factors[0], *factors[1], made.zero])


def slope_factors(node: Node) -> list[Factor]:
    """What values above the zero point are multiplied with, and the products of those below."""
    (one, slopes), made = _pair(node), node.outputs[0]
    return [quantized_multiplier(real / made.scale) for real in (one.scale, one.scale * slopes.scale)]


def extreme(node: Node, label: str, style: Style) -> Piece:
    """Maximum or minimum."""
    return _binary(node, label, "extreme", 1 if node.kind == "MAXIMUM" else -1)


def _pair(node: Node) -> tuple[Value, Value]:
    return node.given(), node.given(1)


def _binary(node: Node, label: str, kernel: str, numbers: int | Sequence[int]) -> Piece:
    """A kernel of two inputs; the smaller one, made as large as the end of the output that it repeats itself over."""
    made = node.outputs[0]
    kernel += made.suffix
    cast = "" if made.dtype == "int8" else f"({made.c_type} *)(void *)"
    calls, constants, kernels, scratch = [], [], [kernel], 0
    sides: list[tuple[str, int]] = []
    for place, value in enumerate(_pair(node)):
        shape = filled(value, made)
        period = math.prod(shape)
        if value.data is not None:
            constants.append(array(f"{label}_constant{place}", value.c_type, broadcast_data(value, shape)))
            sides.append((f"{label}_constant{place}", period))
        elif value.elements == period:
            sides.append((f"{{x{place}}}", period))
        else:
            at = f"{cast}({{scratch}} + {scratch})"
            call, sizes = broadcast(node, value, shape, f"{label}_wide{place}", f"{{x{place}}}", at)
            sides.append((at, period))
            calls.append(call)
            constants += sizes
            kernels.append("copy")
            scratch += period * (2 if made.dtype == "int16" else 1)
    settings = str(numbers)
    if not isinstance(numbers, int):
        settings = f"{label}_numbers"
        constants.append(array(settings, "int32_t", numbers))
    count = min(period for _, period in sides)
    ends = [side if period == count else f"{side} + i" for side, period in sides]
    if count == made.elements:
        calls.append(f"{kernel}({', '.join(ends)}, {{y0}}, {count}, {settings});")
    else:
        call = f"{kernel}({', '.join(ends)}, {{y0}} + i, {count}, {settings});"
        calls.append(f"for (int32_t i = 0; i < {made.elements}; i += {count}) {call}")
    return Piece(calls, constants, kernels, scratch, in_place=True)


def filled(value: Value, made: Value) -> tuple[int, ...]:
    """The least end of the output's shape, of `RUN` values or more, that a smaller input fills and then fills again."""
    lead = len(made.shape) - len(value.shape)
    first = next((lead + axis for axis, n in enumerate(value.shape) if n > 1), len(made.shape))
    while first > 0 and math.prod(made.shape[first:]) < RUN:
        first -= 1
    return made.shape[first:]


def broadcast_data(value: Value, shape: tuple[int, ...]) -> list[int]:
    """A constant as large as the end of the output that it goes into."""
    import numpy as np

    return [int(v) for v in np.broadcast_to(without_lead(value.data, len(shape)), shape).ravel()]


OPERATORS = {
    "ADD": Operator("xx", pair, add, add, options="Add", ranges=added),
    "SUB": Operator("xx", pair, add, add, options="Sub", ranges=added),
    "MUL": Operator("xx", pair, multiply, multiply, options="Mul", ranges=multiplied),
    "SQUARED_DIFFERENCE": Operator("xx", pair, squared_difference, ranges=added),
    "PRELU": Operator("xx", slopes, prelu, ranges=sloped),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), Operator("xx", pair, extreme, extreme, alike=True)),
}
