"""Operators that move values and compute nothing: all are copies between places that lie apart by fixed steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.ccode.graph import Node, Value
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.shapes import around, integers
from edgekit.flatbuffer.read import _schema

if TYPE_CHECKING:
    import numpy as np

    Copy = tuple[np.ndarray, np.ndarray, int, int]
    """Views of the places that are read and written, of one shape, and of which input and output."""

DIMENSIONS = 6


def movement(node: Node, label: str, style: Style) -> Piece:
    """The copies of an operator.

    Raises:
      ModelError: it is more than a copy.
    """
    filled, constants = _fill(node), dict[str, list[str]]()
    calls = list(filled)
    for number, (source, target, x, y) in enumerate(VIEWS[node.kind](node)):
        name, constants[f"x{x}"] = operand(node.given(x), x, label)
        call, constants[f"c{number}"] = _copy(node, f"{label}_c{number}", source, target, name, f"{{y{y}}}")
        calls.append(call)
    return Piece(calls, [text for texts in constants.values() for text in texts], ["copy"])


def operand(value: Value, place: int, label: str) -> tuple[str, list[str]]:
    """An input in C, and its declaration if it is constant."""
    if value.data is None:
        return f"{{x{place}}}", []
    name = f"{label}_constant{place}"
    return name, [array(name, value.c_type, value.data.ravel())]


def broadcast(node: Node, value: Value, shape: tuple[int, ...], name: str, x: str, y: str) -> tuple[str, list[str]]:
    """A smaller tensor, copied to a larger shape."""
    import numpy as np

    source = without_lead(_places(value), len(shape))
    return _copy(node, name, np.broadcast_to(source, shape), np.zeros(shape, value.dtype), x, y)


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


def _join(node: Node) -> Iterator[Copy]:
    """CONCATENATION, PACK."""
    import numpy as np

    if getattr(node.options, "fusedActivationFunction", 0):
        raise node.refusal("it has a fused activation; put it behind as an operator of its own")
    place, axis, end = 0, node.options.axis, _places(node.outputs[0])
    for number in range(len(node.inputs)):
        source = _source(node, number)
        source = source if node.kind == "CONCATENATION" else np.expand_dims(source, axis)
        yield source, _part(end, axis, place, source.shape[axis]), number, 0
        place += source.shape[axis]


def _split(node: Node) -> Iterator[Copy]:
    """SPLIT, SPLIT_V, UNPACK."""
    axis = int(node.options.axis) if node.kind == "UNPACK" else integers(node, 0 if node.kind == "SPLIT" else 2)[0]
    place, x = 0, 1 if node.kind == "SPLIT" else 0
    source = _source(node, x)
    for number, made in enumerate(node.outputs):
        end = _places(made)
        wide = 1 if node.kind == "UNPACK" else end.shape[axis]
        yield _like(_part(source, axis, place, wide), end), end, x, number
        place += wide


def _transpose(node: Node) -> Iterator[Copy]:
    yield _source(node).transpose(integers(node, 1)), _places(node.outputs[0]), 0, 0


def _slice(node: Node) -> Iterator[Copy]:
    begin, size = integers(node, 1), integers(node, 2)
    parts = tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))
    yield _source(node)[parts], _places(node.outputs[0]), 0, 0


def _strided_slice(node: Node) -> Iterator[Copy]:
    begin, end, strides = (integers(node, place) for place in (1, 2, 3))
    options = node.options
    parts: list[Any] = []
    for axis, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):
        if options.shrinkAxisMask >> axis & 1:
            parts.append(slice(b, b + 1 if b != -1 else None))
            continue
        first, last = options.beginMask >> axis & 1, options.endMask >> axis & 1
        parts.append(slice(None if first else b, None if last else e, s))
    end_places = _places(node.outputs[0])
    yield _like(_source(node)[tuple(parts)], end_places), end_places, 0, 0


def _pad(node: Node) -> Iterator[Copy]:
    source, end = _source(node), _places(node.outputs[0])
    parts = tuple(slice(a, a + n) for (a, _), n in zip(around(node, 1), source.shape, strict=True))
    yield source, end[parts], 0, 0


def _mirror_pad(node: Node) -> Iterator[Copy]:
    """Each region around the input is a part of it, read backwards."""
    source, end = _source(node), _places(node.outputs[0])
    edge = 1 if node.options.mode == _schema().MirrorPadMode.REFLECT else 0
    axes = []
    for (a, b), n in zip(around(node, 1), source.shape, strict=True):
        inside = [(slice(None), slice(a, a + n))]
        inside += [(slice(edge, edge + a), slice(a - 1, None, -1))] if a else []
        inside += [(slice(n - edge - b, n - edge), slice(a + n + b - 1, a + n - 1, -1))] if b else []
        axes.append(inside)
    for region in itertools.product(*axes):
        yield source[tuple(part for part, _ in region)], end[tuple(part for _, part in region)], 0, 0


def _gather(node: Node) -> Iterator[Copy]:
    """As many copies as there are runs of indices in equal steps."""
    indices, end, source = integers(node, 1), _places(node.outputs[0]), _source(node)
    axis = node.options.axis % source.ndim
    end = end.reshape(*source.shape[:axis], len(indices), *source.shape[axis + 1 :])
    start = 0
    while start < len(indices):
        step = indices[start + 1] - indices[start] if start + 1 < len(indices) else 0
        stop = start + 1
        while step and stop < len(indices) and indices[stop] - indices[stop - 1] == step:
            stop += 1
        last = indices[stop - 1] + (-1 if step < 0 else 1)
        part = (*[slice(None)] * axis, slice(indices[start], None if last < 0 else last, step or 1))
        yield source[part], _part(end, axis, start, stop - start), 0, 0
        start = stop


def _depth_to_space(node: Node) -> Iterator[Copy]:
    source, end, size = _source(node), _places(node.outputs[0]), node.options.blockSize
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
    blocks, image = (_places(node.outputs[0]), _source(node)) if inward else (_source(node), _places(node.outputs[0]))
    for number, places in enumerate(itertools.product(*map(range, sizes))):
        start = number * image.shape[0]
        few: list[slice] = [slice(start, start + image.shape[0])]
        many: list[slice] = [slice(None)]
        for place, size, (before, _), n in zip(places, sizes, pads, image.shape[1:], strict=False):
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

    end = _places(node.outputs[0])
    yield np.broadcast_to(_source(node), end.shape), end, 0, 0


def _reverse(node: Node) -> Iterator[Copy]:
    import numpy as np

    yield np.flip(_source(node), integers(node, 1)), _places(node.outputs[0]), 0, 0


VIEWS: dict[str, Callable[[Node], Iterator[Copy]]] = {
    **dict.fromkeys(("CONCATENATION", "PACK"), _join),
    **dict.fromkeys(("SPLIT", "SPLIT_V", "UNPACK"), _split),
    "TRANSPOSE": _transpose,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    "MIRROR_PAD": _mirror_pad,
    "GATHER": _gather,
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), _depth_to_space),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"), _batch_to_space),
    "BROADCAST_TO": _broadcast_to,
    "REVERSE_V2": _reverse,
}


def _fill(node: Node) -> list[str]:
    """What stands where nothing is copied to."""
    if node.kind not in ("PAD", "PADV2", "SPACE_TO_BATCH_ND"):
        return []
    made = node.outputs[0]
    value = integers(node, 2)[0] if node.kind == "PADV2" else made.zero
    if made.dtype == "int8" or not value:
        return [f"memset({{y0}}, {value}, {made.bytes});"]
    return [f"for (int32_t i = 0; i < {made.elements}; i++) {{y0}}[i] = {value};"]


def _source(node: Node, place: int = 0) -> np.ndarray:
    return _places(node.given(place))


def _places(value: Value) -> np.ndarray:
    """An array whose memory stands for the tensor's."""
    import numpy as np

    return np.zeros(value.shape or (1,), value.dtype)


def _part(whole: np.ndarray, axis: int, start: int, count: int) -> np.ndarray:
    parts: list[slice] = [slice(None)] * whole.ndim
    parts[axis] = slice(start, start + count)
    return whole[tuple(parts)]


def _like(part: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Without axes of one value that the end does not have."""
    return part.squeeze() if part.shape != end.shape else part


def _copy(node: Node, name: str, source: np.ndarray, target: np.ndarray, x: str, y: str) -> tuple[str, list[str]]:
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
