"""Padding, with a value or with what lies inside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgekit.ccode.contract import moved
from edgekit.ccode.copies import given_places, movement, places
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.shapes import around, integers
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    from edgekit.ccode.copies import Copy


def fill(node: Node, value: int | None = None) -> list[str]:
    """What stands where nothing is copied to: the zero point, or another value."""
    made = node.outputs[0]
    value = made.zero if value is None else value
    if made.dtype == "int8" or not value:
        return [f"memset({{y0}}, {value}, {made.bytes});"]
    return [f"for (int32_t i = 0; i < {made.elements}; i++) {{y0}}[i] = {value};"]


def padded(node: Node) -> list[Shape]:
    """PAD, PADV2."""
    return [tuple(a + n + b for n, (a, b) in zip(node.given().shape, around(node, 1), strict=True))]


def mirrored(node: Node) -> list[Shape]:
    """MIRROR_PAD: no more than there is to mirror."""
    modes = accessors().MirrorPadMode
    node.require(node.options.mode in (modes.REFLECT, modes.SYMMETRIC), "its mode is neither REFLECT nor SYMMETRIC")
    edge = 1 if node.options.mode == modes.REFLECT else 0
    ends = zip(node.given().shape, around(node, 1), strict=True)
    node.require(all(max(pads) <= n - edge for n, pads in ends), "it mirrors more than its input has")
    return padded(node)


def _pad(node: Node) -> Iterator[Copy]:
    source, end = given_places(node), places(node.outputs[0])
    parts = tuple(slice(a, a + n) for (a, _), n in zip(around(node, 1), source.shape, strict=True))
    yield source, end[parts], 0, 0


def _mirror_pad(node: Node) -> Iterator[Copy]:
    """Each region around the input is a part of it, read backwards."""
    source, end = given_places(node), places(node.outputs[0])
    edge = 1 if node.options.mode == accessors().MirrorPadMode.REFLECT else 0
    axes = []
    for (a, b), n in zip(around(node, 1), source.shape, strict=True):
        inside = [(slice(None), slice(a, a + n))]
        inside += [(slice(edge, edge + a), slice(a - 1, None, -1))] if a else []
        inside += [(slice(n - edge - b, n - edge), slice(a + n + b - 1, a + n - 1, -1))] if b else []
        axes.append(inside)
    for region in itertools.product(*axes):
        yield source[tuple(part for part, _ in region)], end[tuple(part for _, part in region)], 0, 0


OPERATORS = {
    "PAD": moved("xm", padded, movement(_pad, fill)),
    "PADV2": moved("xmv", padded, movement(_pad, lambda node: fill(node, integers(node, 2)[0]))),
    "MIRROR_PAD": moved("xm", mirrored, movement(_mirror_pad), "MirrorPad"),
}
