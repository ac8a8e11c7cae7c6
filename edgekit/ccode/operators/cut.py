"""Parts of a tensor: slices, and what indices take."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgekit.ccode.contract import moved
from edgekit.ccode.copies import given_places, like, movement, operand, part, places
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.piece import Piece, Style
from edgekit.ccode.shapes import COPIES, axis, integers, listed

if TYPE_CHECKING:
    from edgekit.ccode.copies import Copy

BEYOND = "where an index is beyond what it is for"


def sliced(node: Node) -> list[Shape]:
    """SLICE."""
    shape, begin, size = node.given().shape, integers(node, 1), integers(node, 2)
    node.require(len(begin) == len(size) == len(shape), "it has not one start and size for each axis")
    made = tuple(n - b if s == -1 else s for n, b, s in zip(shape, begin, size, strict=True))
    inside = all(b >= 0 and 1 <= m <= n - b for n, b, m in zip(shape, begin, made, strict=True))
    node.require(inside, f"it slices {listed(size)} from {listed(begin)} of {listed(shape)}")
    return [made]


def strided(node: Node) -> list[Shape]:
    """STRIDED_SLICE."""
    shape, (begin, end, step), options = node.given().shape, (integers(node, n) for n in (1, 2, 3)), node.options
    if options.ellipsisMask or options.newAxisMask or options.offset:
        raise node.refusal("it has an ellipsis, a new axis or an offset, which TFLM does not take; slice, then reshape")
    node.require(len(begin) == len(end) == len(step) == len(shape), "it has not one start, end and step for each axis")
    made = []
    for place, (n, b, e, s) in enumerate(zip(shape, begin, end, step, strict=True)):
        node.require(s != 0, "it has a step of 0")
        if options.shrinkAxisMask >> place & 1:
            node.require(-n <= b < n and s > 0, f"it takes value {b} of {n}")
            continue
        first, last = options.beginMask >> place & 1, options.endMask >> place & 1
        made.append(len(range(n)[slice(None if first else b, None if last else e, s)]))
    node.require(min(made, default=1) > 0, "it takes nothing")
    return [tuple(made)]


def gathered(node: Node) -> list[Shape]:
    """GATHER."""
    shape, indices = node.given().shape, node.given(1)
    place = axis(node, node.options.axis, len(shape))
    if node.options.batchDims:
        raise node.refusal("it has batch dimensions; gather from each by itself")
    wanted = integers(node, 1) if indices.data is not None else []  # others are looked at while it runs
    node.require(all(0 <= n < shape[place] for n in wanted), f"it gathers beyond its {shape[place]} values")
    steps = [b - a for a, b in itertools.pairwise(wanted)]
    node.require(sum(a != b for a, b in itertools.pairwise(steps)) < COPIES, "it gathers from too many places")
    return [(*shape[:place], *indices.shape, *shape[place + 1 :])]


def _slice(node: Node) -> Iterator[Copy]:
    begin, size = integers(node, 1), integers(node, 2)
    parts = tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))
    yield given_places(node)[parts], places(node.outputs[0]), 0, 0


def _strided_slice(node: Node) -> Iterator[Copy]:
    begin, end, strides = (integers(node, place) for place in (1, 2, 3))
    options = node.options
    parts: list[Any] = []
    for place, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):
        if options.shrinkAxisMask >> place & 1:
            parts.append(slice(b, b + 1 if b != -1 else None))
            continue
        first, last = options.beginMask >> place & 1, options.endMask >> place & 1
        parts.append(slice(None if first else b, None if last else e, s))
    end_places = places(node.outputs[0])
    yield like(given_places(node)[tuple(parts)], end_places), end_places, 0, 0


def gather(node: Node, label: str, style: Style) -> Piece:
    """Copies of what constant indices take; of others each is looked at before it is used."""
    source, indices = node.given(), node.given(1)
    if indices.data is not None:
        return movement(_gather)(node, label, style)
    along = node.options.axis % len(source.shape)
    outer, inner = math.prod(source.shape[:along]), math.prod(source.shape[along + 1 :])
    wide = source.bytes // source.elements
    name, constants = operand(source, 0, label)
    sizes = f"{outer}, {source.shape[along]}, {inner * wide}, {indices.elements}"
    return Piece([f"return take({name}, {{x1}}, {{y0}}, {sizes});"], constants, ["take"], fails=BEYOND)


def _gather(node: Node) -> Iterator[Copy]:
    """As many copies as there are runs of indices in equal steps."""
    indices, end, source = integers(node, 1), places(node.outputs[0]), given_places(node)
    along = node.options.axis % source.ndim
    end = end.reshape(*source.shape[:along], len(indices), *source.shape[along + 1 :])
    start = 0
    while start < len(indices):
        step = indices[start + 1] - indices[start] if start + 1 < len(indices) else 0
        stop = start + 1
        while step and stop < len(indices) and indices[stop] - indices[stop - 1] == step:
            stop += 1
        last = indices[stop - 1] + (-1 if step < 0 else 1)
        run = (*[slice(None)] * along, slice(indices[start], None if last < 0 else last, step or 1))
        yield source[run], part(end, along, start, stop - start), 0, 0
        start = stop


OPERATORS = {
    "SLICE": moved("xnn", sliced, movement(_slice)),
    "STRIDED_SLICE": moved("xnnn", strided, movement(_strided_slice), "StridedSlice"),
    "GATHER": moved("xi", gathered, gather, "Gather"),
}
