"""What moves values and computes nothing: copies between places that lie apart by fixed steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from edgekit.ccode.graph import Node, Value
from edgekit.ccode.piece import Piece, Style, Writer, array

if TYPE_CHECKING:
    import numpy as np

    Copy = tuple[np.ndarray, np.ndarray, int, int]
    """Views of the places that are read and written, of one shape, and of which input and output."""

DIMENSIONS = 6


def movement(views: Callable[[Node], Iterator[Copy]], fill: Callable[[Node], list[str]] | None = None) -> Writer:
    """Who writes the copies of an operator, and what stands where nothing is copied to."""

    def write(node: Node, label: str, style: Style) -> Piece:
        calls, constants = fill(node) if fill else [], dict[str, list[str]]()
        for number, (source, target, x, y) in enumerate(views(node)):
            name, constants[f"x{x}"] = operand(node.given(x), x, label)
            call, constants[f"c{number}"] = copied(node, f"{label}_c{number}", source, target, name, f"{{y{y}}}")
            calls.append(call)
        return Piece(calls, [text for texts in constants.values() for text in texts], ["copy"])

    return write


def operand(value: Value, place: int, label: str) -> tuple[str, list[str]]:
    """An input in C, and its declaration if it is constant."""
    if value.data is None:
        return f"{{x{place}}}", []
    name = f"{label}_constant{place}"
    return name, [array(name, value.c_type, value.data.ravel())]


def broadcast(node: Node, value: Value, shape: tuple[int, ...], name: str, x: str, y: str) -> tuple[str, list[str]]:
    """A smaller tensor, copied to a larger shape."""
    import numpy as np

    source = without_lead(places(value), len(shape))
    return copied(node, name, np.broadcast_to(source, shape), np.zeros(shape, value.dtype), x, y)


def without_lead(values: np.ndarray, dimensions: int) -> np.ndarray:
    """Without the first axes, those of one value, so that no more are left than asked for."""
    return values.reshape(values.shape[max(0, values.ndim - dimensions) :])


def joined(axes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Axes (values, steps …) without those of one value; neighbours that are walked through without a gap are one."""
    found: list[tuple[int, ...]] = []
    for count, *steps in axes:
        if count > 1:
            if found and list(found[-1][1:]) == [count * step for step in steps]:
                count *= found.pop()[0]
            found.append((count, *steps))
    return found


def given_places(node: Node, place: int = 0) -> np.ndarray:
    """An input, as `places` has it."""
    return places(node.given(place))


def places(value: Value) -> np.ndarray:
    """An array whose memory stands for the tensor's."""
    import numpy as np

    return np.zeros(value.shape or (1,), value.dtype)


def part(whole: np.ndarray, axis: int, start: int, count: int) -> np.ndarray:
    """So many places along an axis."""
    parts: list[slice] = [slice(None)] * whole.ndim
    parts[axis] = slice(start, start + count)
    return whole[tuple(parts)]


def like(part: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Without axes of one value that the end does not have."""
    return part.squeeze() if part.shape != end.shape else part


def copied(node: Node, name: str, source: np.ndarray, target: np.ndarray, x: str, y: str) -> tuple[str, list[str]]:
    """One call of the kernel.

    Args:
      source, target: views of the memory that is read and written, of one shape.
      x, y: the tensors in C.
    """
    import numpy as np

    if target.ndim != source.ndim:
        target, source = target.squeeze(), source.squeeze()
    source = np.broadcast_to(source, target.shape) if source.shape != target.shape else source
    axes = list(zip(target.shape, source.strides, target.strides, strict=True))
    axes += [(source.itemsize, 1, 1)] if source.itemsize > 1 else []
    found = joined(axes)
    if len(found) > DIMENSIONS:
        raise node.refusal(f"it goes over {len(found)} axes in turn; transpose its input")
    found = [(1, 0, 0)] * (DIMENSIONS - len(found)) + found
    starts = [_start(view) // view.itemsize for view in (source, target)]
    sizes = [
        array(f"{name}_{word}", "int32_t", [axis[k] for axis in found]) for k, word in enumerate(("size", "from", "to"))
    ]
    call = f"copy({x} + {starts[0]}, {y} + {starts[1]}, {name}_size, {name}_from, {name}_to);"
    return call, sizes


def _start(view: np.ndarray) -> int:
    """Where a view begins in its memory."""
    base = view
    while base.base is not None:
        base = base.base
    return view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
