"""Max and average pooling."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.linear import activation_range, each, window
from edgekit.ccode.piece import Piece, Style
from edgekit.ccode.ranges import fits, stored
from edgekit.ccode.shapes import ranked, seen
from edgekit.flatbuffer.schema import accessors


def pool_shape(node: Node) -> list[Shape]:
    """MAX_POOL_2D, AVERAGE_POOL_2D."""
    batch, *image, channels = ranked(node, 0)
    return [(batch, *seen(node, image, (node.options.filterHeight, node.options.filterWidth), channels), channels)]


def pool_ranges(node: Node) -> None:
    """Averages add up what the window sees."""
    image, least = node.given().shape[1:3], -min(stored(node.given()))
    kernel = node.options.filterHeight, node.options.filterWidth
    fits(node, (least + 1) * math.prod(map(min, image, kernel)))


def pool(node: Node, label: str, style: Style) -> Piece:
    """Max or average pooling."""
    source, made = node.given(), node.outputs[0]
    kernel, options = ("max_pool" if node.kind == "MAX_POOL_2D" else "average_pool") + made.suffix, node.options
    low, high = activation_range(node)
    call = f"{kernel}(&{label}_window, {{x0}}, {{y0}}, {low}, {high});"
    return Piece(
        each(source.shape[0], call, source, made),
        [window(node, label, (options.filterHeight, options.filterWidth), source.shape[3])],
        ["window", *([f"larger_{style.kernels}{made.suffix}"] if node.kind == "MAX_POOL_2D" else []), kernel],
        in_place=source.shape[0] == 1 and options.padding == accessors().Padding.VALID,
    )


OPERATORS = {
    "MAX_POOL_2D": Operator("x", pool_shape, pool, pool, options="Pool2D", alike=True),
    "AVERAGE_POOL_2D": Operator("x", pool_shape, pool, pool, options="Pool2D", alike=True, ranges=pool_ranges),
}
