"""Operators whose output is their input in another shape."""

from __future__ import annotations

import math

from edgekit.ccode.contract import CONSTANT, Operator
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.piece import Piece, Style
from edgekit.ccode.shapes import axes, integers, listed


def reshape(node: Node) -> list[Shape]:
    """RESHAPE: what its second input or its settings say, or where they say nothing the file."""
    source, made = node.given(), node.outputs[0].shape
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        wanted = integers(node, 1)
    else:
        wanted = [] if node.options.newShape is None else [int(n) for n in node.options.newShape]
        wanted = wanted or list(made)
    wanted = [] if wanted == [0] else wanted  # old files have scalars so
    node.require(wanted.count(-1) <= 1 and all(n > 0 or n == -1 for n in wanted), f"it reshapes to {listed(wanted)}")
    known = math.prod(n for n in wanted if n > 0)
    node.require(
        source.elements == known if -1 not in wanted else source.elements % known == 0,
        f"it reshapes {listed(source.shape)} to {listed(wanted)}",
    )
    return [tuple(source.elements // known if n == -1 else n for n in wanted)]


def squeeze(node: Node) -> list[Shape]:
    """SQUEEZE: axes of one value go."""
    shape, named = node.given().shape, node.options.squeezeDims
    gone = axes(node, [int(n) for n in named]) if named is not None and len(named) else set()
    gone = gone or {axis for axis, n in enumerate(shape) if n == 1}
    node.require(all(shape[axis] == 1 for axis in gone), "it squeezes an axis of several values")
    return [tuple(n for axis, n in enumerate(shape) if axis not in gone)]


def expand(node: Node) -> list[Shape]:
    """EXPAND_DIMS."""
    shape, given = node.given().shape, integers(node, 1)
    node.require(len(given) == 1 and -len(shape) - 1 <= given[0] <= len(shape), "it has no such axis")
    place = given[0] % (len(shape) + 1)
    return [(*shape[:place], 1, *shape[place:])]


def same(node: Node, label: str, style: Style) -> Piece:
    """The output is the input in another shape."""
    if node.given().data is not None:
        raise node.refusal(CONSTANT.format(0))
    return Piece([], alias=True)


OPERATORS = {
    "RESHAPE": Operator("xn?", reshape, same, same, options="Reshape", alike=True),
    "SQUEEZE": Operator("x", squeeze, same, same, options="Squeeze", alike=True),
    "EXPAND_DIMS": Operator("xn", expand, same, same, alike=True),
}
