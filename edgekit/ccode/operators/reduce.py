"""Sums, means and extremes over axes."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.copies import joined
from edgekit.ccode.fixed_point import Factor, quantized_multiplier
from edgekit.ccode.graph import Node, Shape, Value
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import fits, rescaled, stored
from edgekit.ccode.shapes import axes, integers

AXES = 3
"""That stay, and that are reduced, after neighbours are joined."""


def reduced(node: Node) -> list[Shape]:
    """MEAN, SUM, REDUCE_MAX, REDUCE_MIN."""
    shape = node.given().shape
    gone = axes(node, integers(node, 1))
    kept = node.options.keepDims
    return [tuple(1 if axis in gone else n for axis, n in enumerate(shape) if kept or axis not in gone)]


def summed(node: Node) -> None:
    """MEAN, SUM: a sum starts with all that the zero point takes away."""
    source, (count, factor) = node.given(), reduced_factor(node)
    low, high = stored(source)
    ends = min(count * low, -source.zero * count), max(count * high, -source.zero * count)
    fits(node, *ends)
    rescaled(node, ends, factor, node.outputs[0].zero)


def reduce(node: Node, label: str, style: Style) -> Piece:
    """Mean or sum.  Source: `QuantizedMeanOrSum` in tensorflow/lite/kernels/internal/reference/reduce.h of TFLM."""
    source, gone, made = node.given(), axes(node, integers(node, 1)), node.outputs[0]
    count, (multiplier, shift) = reduced_factor(node)
    sizes = _sizes(node, label, source, gone)
    numbers = array(f"{label}_numbers", "int32_t", [-source.zero * count, multiplier, shift, made.zero])
    kernel = f"reduce{made.suffix}"
    call = f"{kernel}({{x0}}, {{y0}}, {label}_size, {label}_step, {label}_numbers);"
    return Piece([call], [*sizes, numbers], [kernel])


def reduced_factor(node: Node) -> tuple[int, Factor]:
    """How many values are summed up, and what a sum is multiplied with."""
    source, made = node.given(), node.outputs[0]
    count = math.prod(source.shape[axis] for axis in axes(node, integers(node, 1)))
    multiplier, shift = quantized_multiplier(source.scale / made.scale)
    if node.kind == "MEAN":
        by = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << by) // count, shift - by
    return count, (multiplier, shift)


def reduce_extreme(node: Node, label: str, style: Style) -> Piece:
    """Largest or smallest values."""
    source, gone = node.given(), axes(node, integers(node, 1))
    sign = 1 if node.kind == "REDUCE_MAX" else -1
    call = f"reduce_extreme({{x0}}, {{y0}}, {label}_size, {label}_step, {sign});"
    return Piece([call], _sizes(node, label, source, gone), ["reduce_extreme"])


def _sizes(node: Node, label: str, source: Value, gone: set[int]) -> list[str]:
    """Sizes of axes that stay and axes that go, and how far apart their values lie."""
    apart = [math.prod(source.shape[axis + 1 :]) for axis in range(len(source.shape))]
    columns: list[tuple[int, ...]] = []
    for going in (False, True):
        found = joined([(source.shape[a], apart[a]) for a in range(len(apart)) if (a in gone) == going])
        if len(found) > AXES:
            raise node.refusal(f"it goes over {len(source.shape)} axes in turn; transpose its input")
        columns += [(1, 0)] * (AXES - len(found)) + found
    return [array(f"{label}_{word}", "int32_t", [c[k] for c in columns]) for k, word in enumerate(("size", "step"))]


OPERATORS = {
    **dict.fromkeys(("MEAN", "SUM"), Operator("xn", reduced, reduce, reduce, options="Reducer", ranges=summed)),
    **dict.fromkeys(
        ("REDUCE_MAX", "REDUCE_MIN"), Operator("xn", reduced, reduce_extreme, options="Reducer", alike=True)
    ),
}
