"""Tensors that become one, or several of one: concatenation, packing, and both backwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgekit.ccode.contract import moved
from edgekit.ccode.copies import given_places, like, movement, part, places
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.shapes import axis, integers, listed, one

if TYPE_CHECKING:
    from edgekit.ccode.copies import Copy


def joined(node: Node) -> list[Shape]:
    """CONCATENATION."""
    shapes = [value.shape for value in node.inputs if value is not None]
    place = axis(node, node.options.axis, len(shapes[0]))
    others = {(*shape[:place], *shape[place + 1 :]) for shape in shapes}
    node.require(len(others) == 1 and len({len(shape) for shape in shapes}) == 1, "its inputs do not fit each other")
    return [(*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][place + 1 :])]


def packed(node: Node) -> list[Shape]:
    """PACK."""
    shapes = [value.shape for value in node.inputs if value is not None]
    place = axis(node, node.options.axis, len(shapes[0]) + 1)
    node.require(len(set(shapes)) == 1, "its inputs do not fit each other")
    node.require(node.options.valuesCount == len(shapes), f"it packs {node.options.valuesCount} inputs")
    return [(*shapes[0][:place], len(shapes), *shapes[0][place:])]


def unpacked(node: Node) -> list[Shape]:
    """UNPACK."""
    shape = node.given().shape
    place = axis(node, node.options.axis, len(shape))
    node.require(node.options.num == shape[place], f"it unpacks {node.options.num} of {shape[place]} parts")
    return [(*shape[:place], *shape[place + 1 :])] * shape[place]


def split(node: Node) -> list[Shape]:
    """SPLIT: equal parts."""
    shape, count = node.given(1).shape, node.options.numSplits
    place = axis(node, one(node, 0), len(shape))
    node.require(count > 0 and shape[place] % count == 0, f"it splits {shape[place]} into {count}")
    return [(*shape[:place], shape[place] // count, *shape[place + 1 :])] * count


def split_sizes(node: Node) -> list[Shape]:
    """SPLIT_V: parts of sizes that are given, of which one may be the rest."""
    shape, sizes = node.given().shape, integers(node, 1)
    place = axis(node, one(node, 2), len(shape))
    rest = shape[place] - sum(n for n in sizes if n > 0)
    parts = [rest if n == -1 else n for n in sizes]
    node.require(
        sizes.count(-1) <= 1 and min(parts, default=0) > 0 and sum(parts) == shape[place],
        f"it splits {shape[place]} into {listed(sizes)}",
    )
    return [(*shape[:place], n, *shape[place + 1 :]) for n in parts]


def _join(node: Node) -> Iterator[Copy]:
    """CONCATENATION, PACK."""
    import numpy as np

    if getattr(node.options, "fusedActivationFunction", 0):
        raise node.refusal("it has a fused activation; put it behind as an operator of its own")
    place, axis, end = 0, node.options.axis, places(node.outputs[0])
    for number in range(len(node.inputs)):
        source = given_places(node, number)
        source = source if node.kind == "CONCATENATION" else np.expand_dims(source, axis)
        yield source, part(end, axis, place, source.shape[axis]), number, 0
        place += source.shape[axis]


def _split(node: Node) -> Iterator[Copy]:
    """SPLIT, SPLIT_V, UNPACK."""
    axis = int(node.options.axis) if node.kind == "UNPACK" else integers(node, 0 if node.kind == "SPLIT" else 2)[0]
    place, x = 0, 1 if node.kind == "SPLIT" else 0
    source = given_places(node, x)
    for number, made in enumerate(node.outputs):
        end = places(made)
        wide = 1 if node.kind == "UNPACK" else end.shape[axis]
        yield like(part(source, axis, place, wide), end), end, x, number
        place += wide


OPERATORS = {
    "CONCATENATION": moved("x*", joined, movement(_join), "Concatenation"),
    "PACK": moved("x*", packed, movement(_join), "Pack"),
    "UNPACK": moved("x", unpacked, movement(_split), "Unpack"),
    "SPLIT": moved("nx", split, movement(_split), "Split"),
    "SPLIT_V": moved("xnn", split_sizes, movement(_split), "SplitV"),
}
