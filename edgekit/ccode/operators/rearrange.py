"""The same values at other places: turned, reversed, repeated, and blocks that become channels or samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgekit.ccode.contract import moved
from edgekit.ccode.copies import given_places, movement, places
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.operators.pad import fill
from edgekit.ccode.shapes import COPIES, around, axes, integers, like, listed, ranked, repeated

if TYPE_CHECKING:
    from edgekit.ccode.copies import Copy


def transposed(node: Node) -> list[Shape]:
    """TRANSPOSE."""
    shape, order = node.given().shape, integers(node, 1)
    node.require(sorted(order) == list(range(len(shape))), f"its order of axes is {listed(order)}")
    return [tuple(shape[place] for place in order)]


def depth_to_space(node: Node) -> list[Shape]:
    """DEPTH_TO_SPACE."""
    (batch, height, width, channels), size = ranked(node, 0), node.options.blockSize
    node.require(size > 0 and channels % size**2 == 0, f"its block is {size}, and its input has {channels} channels")
    return [(batch, height * size, width * size, channels // size**2)]


def space_to_depth(node: Node) -> list[Shape]:
    """SPACE_TO_DEPTH."""
    (batch, height, width, channels), size = ranked(node, 0), node.options.blockSize
    node.require(size > 0 and height % size == width % size == 0, f"its block is {size}, its image {height} x {width}")
    return [(batch, height // size, width // size, channels * size**2)]


def batch_to_space(node: Node) -> list[Shape]:
    """BATCH_TO_SPACE_ND."""
    (batch, *image, channels), (block, crops) = _blocked(node)
    count = math.prod(block)
    made = [n * size - a - b for n, size, (a, b) in zip(image, block, crops, strict=True)]
    node.require(batch % count == 0 and min(made) > 0, f"it makes {listed(made)} of {batch} parts")
    return [(batch // count, *made, channels)]


def space_to_batch(node: Node) -> list[Shape]:
    """SPACE_TO_BATCH_ND."""
    (batch, *image, channels), (block, pads) = _blocked(node)
    whole = [n + a + b for n, (a, b) in zip(image, pads, strict=True)]
    cut = all(n % size == 0 for n, size in zip(whole, block, strict=True))
    node.require(cut, f"its blocks of {listed(block)} do not fill {listed(whole)}")
    return [(batch * math.prod(block), *(n // size for n, size in zip(whole, block, strict=True)), channels)]


def _blocked(node: Node) -> tuple[Shape, tuple[list[int], list[tuple[int, int]]]]:
    shape, block = node.given().shape, integers(node, 1)
    node.require(len(shape) in (3, 4) and len(block) == len(shape) - 2, "it has not one block size for each axis")
    node.require(min(block) > 0 and math.prod(block) <= COPIES, f"its blocks are {listed(block)}")
    return shape, (block, around(node, 2, len(block)))


def broadcast(node: Node) -> list[Shape]:
    """BROADCAST_TO."""
    shape, wanted = node.given().shape, tuple(integers(node, 1))
    node.require(min(wanted, default=1) > 0, f"it repeats to {listed(wanted)}")
    node.require(repeated(node, shape, wanted) == wanted, f"{listed(shape)} does not repeat to {listed(wanted)}")
    return [wanted]


def reversed_(node: Node) -> list[Shape]:
    """REVERSE_V2."""
    given = integers(node, 1)
    node.require(len(axes(node, given)) == len(given), "it reverses an axis twice")
    return like(node)


def _transpose(node: Node) -> Iterator[Copy]:
    yield given_places(node).transpose(integers(node, 1)), places(node.outputs[0]), 0, 0


def _depth_to_space(node: Node) -> Iterator[Copy]:
    source, end, size = given_places(node), places(node.outputs[0]), node.options.blockSize
    if node.kind == "DEPTH_TO_SPACE":
        batch, height, width, channels = source.shape
        blocks = source.reshape(batch, height, width, size, size, channels // size**2).transpose(0, 1, 3, 2, 4, 5)
        yield blocks, end.reshape(blocks.shape), 0, 0
    else:
        batch, height, width, channels = end.shape
        blocks = end.reshape(batch, height, width, size, size, channels // size**2).transpose(0, 1, 3, 2, 4, 5)
        yield source.reshape(blocks.shape), blocks, 0, 0


def _batch_to_space(node: Node) -> Iterator[Copy]:
    """BATCH_TO_SPACE_ND, SPACE_TO_BATCH_ND: one copy for each place of a block."""
    sizes = integers(node, 1)
    pads = around(node, 2, len(sizes))
    inward = node.kind == "SPACE_TO_BATCH_ND"
    if inward and node.outputs[0].zero and any(map(any, pads)):
        raise node.refusal("TFLM pads it with 0, which is not its zero point; pad before it")
    blocks, image = (
        (places(node.outputs[0]), given_places(node)) if inward else (given_places(node), places(node.outputs[0]))
    )
    for number, inside in enumerate(itertools.product(*map(range, sizes))):
        start = number * image.shape[0]
        few: list[slice] = [slice(start, start + image.shape[0])]
        many: list[slice] = [slice(None)]
        for place, size, (before, _), n in zip(inside, sizes, pads, image.shape[1:], strict=False):
            skipped = max(0, -((place - before) // size))
            first = skipped * size + place - before
            count = max(0, -((first - n) // size))
            few.append(slice(skipped, skipped + count))
            many.append(slice(first, n, size))
        one, other = blocks[tuple(few)], image[tuple(many)]
        if one.size:
            yield (other, one, 0, 0) if inward else (one, other, 0, 0)


def _broadcast_to(node: Node) -> Iterator[Copy]:
    import numpy as np

    end = places(node.outputs[0])
    yield np.broadcast_to(given_places(node), end.shape), end, 0, 0


def _reverse(node: Node) -> Iterator[Copy]:
    import numpy as np

    yield np.flip(given_places(node), integers(node, 1)), places(node.outputs[0]), 0, 0


OPERATORS = {
    "TRANSPOSE": moved("xn", transposed, movement(_transpose)),
    "REVERSE_V2": moved("xn", reversed_, movement(_reverse)),
    "BROADCAST_TO": moved("xn", broadcast, movement(_broadcast_to)),
    "DEPTH_TO_SPACE": moved("x", depth_to_space, movement(_depth_to_space), "DepthToSpace"),
    "SPACE_TO_DEPTH": moved("x", space_to_depth, movement(_depth_to_space), "SpaceToDepth"),
    "BATCH_TO_SPACE_ND": moved("xnm", batch_to_space, movement(_batch_to_space)),
    "SPACE_TO_BATCH_ND": moved("xnm", space_to_batch, movement(_batch_to_space, fill)),
}
