"""Resizing of images: where each output comes from is worked out here, as TFLM does it while it runs."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.graph import Node, Shape, Value
from edgekit.ccode.linear import each
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.shapes import integers, ranked

ONE = 1 << 10
"""A pixel, in the arithmetic of the bilinear resize."""
PLACES = 2**16
"""Rows or columns that a resize may make: each is an entry of a table."""


def resized(node: Node) -> list[Shape]:
    """RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR."""
    (batch, _, _, channels), size, options = ranked(node, 0), integers(node, 1), node.options
    node.require(len(size) == 2 and min(size) > 0, "its second input is not a height and a width")
    node.require(max(size) <= PLACES, f"{max(size)} places are too many for a resize")
    node.require(not (options.alignCorners and options.halfPixelCenters), "it has aligned corners and half pixels")
    return [(batch, *size, channels)]


def nearest(node: Node, label: str, style: Style) -> Piece:
    """Nearest neighbour, of values of any type."""
    source, made = _ends(node)
    wide = source.shape[3] * source.bytes // source.elements
    constants = []
    for name, axis, by in (("rows", 1, source.shape[2] * wide), ("columns", 2, wide)):
        starts = [_nearest(node, n, axis) * by for n in range(made.shape[axis])]
        constants.append(array(f"{label}_{name}", "int32_t", starts))
    call = f"resize_nearest({{x0}}, {{y0}}, {label}_rows, {label}_columns, {made.shape[1]}, {made.shape[2]}, {wide});"
    return Piece(each(source.shape[0], call, source, made), constants, ["resize_nearest"])


def bilinear(node: Node, label: str, style: Style) -> Piece:
    """Bilinear, of int8."""
    source, made = _ends(node)
    constants = []
    for name, axis, by in (("rows", 1, source.shape[2] * source.shape[3]), ("columns", 2, source.shape[3])):
        entries = [_between(node, n, axis) for n in range(made.shape[axis])]
        listed = ", ".join(f"{{{first * by}, {step * by}, {part}}}" for first, step, part in entries)
        constants.append(f"static const between {label}_{name}[] = {{{listed}}};")
    settings = f"{label}_rows, {label}_columns, {', '.join(map(str, made.shape[1:]))}"
    call = f"resize_bilinear({{x0}}, {{y0}}, {settings});"
    return Piece(each(source.shape[0], call, source, made), constants, ["resize_bilinear"])


def _ends(node: Node) -> tuple[Value, Value]:
    return node.given(), node.outputs[0]


def _nearest(node: Node, place: int, axis: int) -> int:
    """The input's place for one of the output.

    Source: `GetNearestNeighbor` in tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h.
    """
    import numpy as np

    source, made = _ends(node)
    options, (size, out) = node.options, (source.shape[axis], made.shape[axis])
    corners = options.alignCorners
    scale = np.float32(size - 1) / np.float32(out - 1) if corners and out > 1 else np.float32(size) / np.float32(out)
    exact = float(np.float32(place + (0.5 if options.halfPixelCenters else 0)) * scale)
    return max(0, min(math.floor(exact + 0.5 if corners else exact), size - 1))


def _between(node: Node, place: int, axis: int) -> tuple[int, int, int]:
    """The input's place before one of the output, the step to the next, and how far it lies between them, of `ONE`.

    Source: `ComputeInterpolationValuesInteger` in tensorflow/lite/kernels/internal/reference/resize_bilinear.h.
    """
    source, made = _ends(node)
    options, (size, out) = node.options, (source.shape[axis], made.shape[axis])
    size, out = (size - 1, out - 1) if options.alignCorners and out > 1 else (size, out)
    scale = (ONE * size + out // 2) // out
    exact = max(0, place * scale + (scale // 2 - ONE // 2 if options.halfPixelCenters else 0))
    first, part = divmod(exact, ONE)
    last = source.shape[axis] - 1
    if first > last:
        raise node.refusal(f"TFLM itself reads past its input: {made.shape[axis]} places are too many for a resize")
    return (first, 1, part) if first < last else (last, 0, 0)


OPERATORS = {
    "RESIZE_NEAREST_NEIGHBOR": Operator("xn", resized, nearest, nearest, options="ResizeNearestNeighbor", alike=True),
    "RESIZE_BILINEAR": Operator("xn", resized, bilinear, options="ResizeBilinear", alike=True),
}
