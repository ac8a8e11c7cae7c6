"""Sums, means and extremes over axes."""

from __future__ import annotations

import math

from edgekit.ccode.fixed_point import quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.movement import integers, joined
from edgekit.ccode.piece import Piece, Style, array

AXES = 3
"""That stay, and that are reduced, after neighbours are joined."""


def reduce(node: Node, label: str, style: Style) -> Piece:
    """Mean or sum.  Source: `QuantizedMeanOrSum` in tensorflow/lite/kernels/internal/reference/reduce.h of TFLM."""
    source, axes = _source(node)
    made, count = node.outputs[0], math.prod(source.shape[axis] for axis in axes)
    multiplier, shift = quantized_multiplier(source.scale / made.scale)
    if node.kind == "MEAN":
        by = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << by) // count, shift - by
    sizes = _sizes(node, label, source, axes)
    numbers = array(f"{label}_numbers", "int32_t", [-source.zero * count, multiplier, shift, made.zero])
    kernel = f"reduce{made.suffix}"
    call = f"{kernel}({{x0}}, {{y0}}, {label}_size, {label}_step, {label}_numbers);"
    return Piece([call], [*sizes, numbers], [kernel])


def reduce_extreme(node: Node, label: str, style: Style) -> Piece:
    """Largest or smallest values."""
    source, axes = _source(node)
    made = node.outputs[0]
    if (source.scale, source.zero) != (made.scale, made.zero):
        raise node.refusal("its input and its output must have one scale and zero point")
    sign = 1 if node.kind == "REDUCE_MAX" else -1
    call = f"reduce_extreme({{x0}}, {{y0}}, {label}_size, {label}_step, {sign});"
    return Piece([call], _sizes(node, label, source, axes), ["reduce_extreme"])


def l2_normalization(node: Node, label: str, style: Style) -> Piece:
    """Rows of the last axis, made as long as one."""
    source, made = node.inputs[0], node.outputs[0]
    assert source
    if (made.scale, made.zero) != (1 / 128, 0):
        raise node.refusal("its output must have the scale 1/128 and the zero point 0")
    node.require(source.shape == made.shape)
    depth = source.shape[-1]
    call = f"l2_normalization({{x0}}, {{y0}}, {source.elements // depth}, {depth}, {source.zero});"
    return Piece([call], [], ["l2_normalization"], in_place=True)


def _source(node: Node) -> tuple[Value, set[int]]:
    """The input, and which of its axes go."""
    source, given = node.inputs[0], integers(node, 1)
    assert source
    dimensions = len(source.shape)
    node.require(all(-dimensions <= axis < dimensions for axis in given))
    axes = {axis % dimensions for axis in given}
    kept = math.prod(n for axis, n in enumerate(source.shape) if axis not in axes)
    node.require(kept == node.outputs[0].elements)
    return source, axes


def _sizes(node: Node, label: str, source: Value, axes: set[int]) -> list[str]:
    """Sizes of axes that stay and axes that go, and how far apart their values lie."""
    apart = [math.prod(source.shape[axis + 1 :]) for axis in range(len(source.shape))]
    columns: list[tuple[int, ...]] = []
    for gone in (False, True):
        found = joined([(source.shape[a], apart[a]) for a in range(len(apart)) if (a in axes) == gone])
        if len(found) > AXES:
            raise node.refusal(f"it goes over {len(source.shape)} axes in turn; transpose its input")
        columns += [(1, 0)] * (AXES - len(found)) + found
    return [array(f"{label}_{word}", "int32_t", [c[k] for c in columns]) for k, word in enumerate(("size", "step"))]
