"""Operators that move values and compute nothing: all are copies between places that lie apart by fixed steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.ccode.graph import Node, Value
from edgekit.ccode.piece import Piece, Style, array

if TYPE_CHECKING:
    import numpy as np

DIMENSIONS = 6


def movement(node: Node, label: str, style: Style) -> Piece:
    """The copies of an operator.

    Raises:
      ModelError: it is more than a copy, or its settings are not constant.
    """
    calls, constants = _fill(node), []
    for number, (source, target, x, y) in enumerate(_copies(node)):
        call, sizes = _copy(f"{label}_c{number}", source, target, x, y)
        calls.append(call)
        constants += sizes
    return Piece(calls, constants, ["copy"])


def broadcast(value: Value, made: Value, name: str, x: str, y: str) -> tuple[str, list[str]]:
    """A smaller tensor, copied to the size of the larger one."""
    import numpy as np

    return _copy(name, np.broadcast_to(_places(value), made.shape), _places(made), x, y)


def _copies(node: Node) -> list[tuple[np.ndarray, np.ndarray, str, str]]:
    """For each copy views of the places that are read and written, and of which tensors."""
    import numpy as np

    alike = {(v.scale, v.zero) for v in (*node.inputs, *node.outputs) if v is not None and v.data is None}
    if len(alike) > 1:
        raise node.refusal("its inputs and outputs have different scales; requantize before it")
    first = node.inputs[0]
    ends = [_places(value) for value in node.outputs]
    if node.kind in ("CONCATENATION", "PACK"):
        place = 0
        copies: list[tuple[np.ndarray, np.ndarray, str, str]] = []
        if getattr(node.options, "fusedActivationFunction", 0):
            raise node.refusal("it has a fused activation")
        axis = node.options.axis
        for number, value in enumerate(node.inputs):
            assert value
            if value.data is not None:
                raise node.refusal("one of its inputs is constant")
            source = _places(value)
            source = source if node.kind == "CONCATENATION" else np.expand_dims(source, axis)
            copies.append((source, _view(ends[0], axis, place, source.shape[axis]), f"{{x{number}}}", "{y0}"))
            place += source.shape[axis]
        return copies
    source_value = node.inputs[1] if node.kind == "SPLIT" else first
    assert source_value and source_value.data is None
    x = "{x1}" if node.kind == "SPLIT" else "{x0}"
    source = _places(source_value)
    if node.kind in ("SPLIT", "SPLIT_V", "UNPACK"):
        axis = int(node.options.axis) if node.kind == "UNPACK" else _constant(node, 0 if node.kind == "SPLIT" else 2)[0]
        split: list[tuple[np.ndarray, np.ndarray, str, str]] = []
        place = 0
        for number, end in enumerate(ends):
            wide = 1 if node.kind == "UNPACK" else end.shape[axis]
            part = _view(source, axis, place, wide)
            split.append((_like(part, end), end, x, f"{{y{number}}}"))
            place += wide
        return split
    if node.kind == "TRANSPOSE":
        return [(source.transpose(_constant(node, 1)), ends[0], x, "{y0}")]
    if node.kind == "SLICE":
        begin, size = _constant(node, 1), _constant(node, 2)
        parts = tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))
        return [(source[parts], ends[0], x, "{y0}")]
    if node.kind == "STRIDED_SLICE":
        return [(_like(source[_strided(node)], ends[0]), ends[0], x, "{y0}")]
    parts = tuple(slice(a, a + n) for (a, _), n in zip(_paddings(node), source.shape, strict=True))
    return [(source, ends[0][parts], x, "{y0}")]


def _fill(node: Node) -> list[str]:
    """What stands where nothing is copied to."""
    if node.kind not in ("PAD", "PADV2"):
        return []
    made = node.outputs[0]
    value = _constant(node, 2)[0] if node.kind == "PADV2" else made.zero
    if made.dtype == "int8" or not value:
        return [f"memset({{y0}}, {value}, {made.bytes});"]
    return [f"for (int32_t i = 0; i < {made.elements}; i++) {{y0}}[i] = {value};"]


def _strided(node: Node) -> tuple[Any, ...]:
    begin, end, strides = (_constant(node, place) for place in (1, 2, 3))
    options = node.options
    if options.ellipsisMask or options.newAxisMask or getattr(options, "offset", False):
        raise node.refusal("it has an ellipsis, a new axis or an offset")
    parts: list[Any] = []
    for axis, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):
        if options.shrinkAxisMask >> axis & 1:
            parts.append(slice(b, b + 1 if b != -1 else None))
            continue
        first, last = options.beginMask >> axis & 1, options.endMask >> axis & 1
        parts.append(slice(None if first else b, None if last else e, s))
    return tuple(parts)


def _paddings(node: Node) -> list[list[int]]:
    flat = _constant(node, 1)
    return [flat[n : n + 2] for n in range(0, len(flat), 2)]


def _constant(node: Node, place: int) -> list[int]:
    value = node.inputs[place]
    if value is None or value.data is None:
        raise node.refusal(f"its input {place} is computed; it must be constant")
    return [int(v) for v in value.data.ravel()]


def _places(value: Value) -> np.ndarray:
    """An array whose memory stands for the tensor's."""
    import numpy as np

    return np.zeros(value.shape or (1,), value.dtype)


def _view(whole: np.ndarray, axis: int, start: int, count: int) -> np.ndarray:
    parts: list[slice] = [slice(None)] * whole.ndim
    parts[axis] = slice(start, start + count)
    return whole[tuple(parts)]


def _like(part: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Without axes of one value that the end does not have."""
    return part.squeeze() if part.shape != end.shape else part


def _copy(name: str, source: np.ndarray, target: np.ndarray, x: str, y: str) -> tuple[str, list[str]]:
    """One call of the kernel.

    Args:
      source, target: views of the memory that is read and written, of one shape.
      x, y: the tensors in C.
    """
    import numpy as np

    if target.ndim != source.ndim:
        target, source = target.squeeze(), source.squeeze()
    source = np.broadcast_to(source, target.shape) if source.shape != target.shape else source
    axes = [(n, a, b) for n, a, b in zip(target.shape, source.strides, target.strides, strict=True) if n > 1]
    axes += [(source.itemsize, 1, 1)] if source.itemsize > 1 else []
    joined: list[tuple[int, int, int]] = []
    for n, a, b in axes:  # neighbours that are walked through without a gap are one
        if joined and joined[-1][1] == n * a and joined[-1][2] == n * b:
            n *= joined.pop()[0]
        joined.append((n, a, b))
    if len(joined) > DIMENSIONS:
        raise ValueError(f"{len(joined)} dimensions")
    joined = [(1, 0, 0)] * (DIMENSIONS - len(joined)) + joined
    starts = [_start(view) // view.itemsize for view in (source, target)]
    sizes = [
        array(f"{name}_{word}", "int32_t", [axis[k] for axis in joined])
        for k, word in enumerate(("size", "from", "to"))
    ]
    call = f"copy({x} + {starts[0]}, {y} + {starts[1]}, {name}_size, {name}_from, {name}_to);"
    return call, sizes


def _start(view: np.ndarray) -> int:
    """Where a view begins in its memory."""
    base = view
    while base.base is not None:
        base = base.base
    return view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
