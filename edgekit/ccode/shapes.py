"""What the shapes of operators have in common: axes, windows, and settings that an input holds.

Source: the functions `Prepare` in tensorflow/lite/kernels and tensorflow/lite/micro/kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit.ccode.graph import Node, Shape
from edgekit.flatbuffer.schema import accessors

WIDEST = 2**15 - 1
"""The largest stride, dilation or kernel, so that places around an image stay far below 32 bits."""
COPIES = 4096
"""Parts that an operator may be cut into: each takes code of its own."""


def like(node: Node) -> list[Shape]:
    """As the input."""
    return [node.given().shape]


def ranked(node: Node, place: int, rank: int = 4) -> Shape:
    """The shape of an input with so many axes."""
    shape = node.given(place).shape
    node.require(len(shape) == rank, f"its input {place} is {listed(shape)}, and must have {rank} axes")
    return shape


def integers(node: Node, place: int) -> list[int]:
    """Settings that an input holds."""
    value = node.given(place)
    if value.data is None:
        raise node.refusal(f"its input {place} is computed; it must be constant")
    whole = value.data.dtype.kind in "iu"
    node.require(whole, f"its input {value.name!r} is {value.dtype}, and must be int32")
    return [int(v) for v in value.data.ravel()]


def one(node: Node, place: int) -> int:
    """The setting that an input holds."""
    values = integers(node, place)
    node.require(len(values) == 1, f"its input {place} is not one number")
    return values[0]


def axis(node: Node, given: int, rank: int) -> int:
    """One of so many axes, counted from the first."""
    node.require(-rank <= given < rank, f"it has the axis {given} of {rank}")
    return given % rank


def axes(node: Node, given: Sequence[int]) -> set[int]:
    """Some of the input's axes, counted from the first."""
    rank = len(node.given().shape)
    return {axis(node, n, rank) for n in given}


def around(node: Node, place: int, rank: int | None = None) -> list[tuple[int, int]]:
    """Values before and behind each axis, which an input holds."""
    flat, rank = integers(node, place), len(node.given().shape) if rank is None else rank
    node.require(len(flat) == 2 * rank and min(flat, default=0) >= 0, f"its input {place} is not two numbers an axis")
    return list(zip(flat[::2], flat[1::2], strict=True))


def repeated(node: Node, one: Shape, other: Shape) -> Shape:
    """The shape to which both can be repeated."""
    rank = max(len(one), len(other))
    both = [(1,) * (rank - len(shape)) + shape for shape in (one, other)]
    fits = all(a == b or 1 in (a, b) for a, b in zip(*both, strict=True))
    node.require(fits, f"{listed(one)} and {listed(other)} do not fit each other")
    return tuple(map(max, *both)) if rank else ()


def padding(node: Node) -> bool:
    """Whether it is SAME."""
    kinds = accessors().Padding
    node.require(node.options.padding in (kinds.SAME, kinds.VALID), "its padding is neither SAME nor VALID")
    return bool(node.options.padding == kinds.SAME)


def dilation(node: Node) -> tuple[int, int]:
    """Height and width; pooling has none."""
    return getattr(node.options, "dilationHFactor", 1), getattr(node.options, "dilationWFactor", 1)


def seen(node: Node, image: Sequence[int], kernel: Sequence[int], channels: int) -> list[int]:
    """Height and width of what a window that moves over an image makes."""
    same, strides, dilations = padding(node), (node.options.strideH, node.options.strideW), dilation(node)
    within(node, image, kernel, strides, dilations, channels)
    ends = zip(image, kernel, strides, dilations, strict=True)
    made = [-(-n // s) if same else (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in ends]
    node.require(min(made) > 0, f"its kernel of {listed(kernel)} is larger than its input")
    return made


def within(
    node: Node, image: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], deep: int
) -> None:
    """Raises the error for a window from which places around the image would be reckoned beyond 32 bits."""
    numbers = (*kernel, *strides, *dilations)
    node.require(
        min(numbers) >= 1 and max(numbers) <= WIDEST, f"its kernel, stride or dilation is not from 1 to {WIDEST:,}"
    )
    reach = [n + k * d + s for n, k, s, d in zip(image, kernel, strides, dilations, strict=True)]
    node.require(math.prod(reach) * deep < 2**31, "its window reaches too far")


def listed(shape: Sequence[int]) -> str:
    """A shape as a person writes it."""
    return " x ".join(map(str, shape)) or "one value"
