"""What each operator must be: its tensors, its settings, and the shapes that follow from them.

What a file says of a shape, a type or a scale is its author's word. Here all of it is inferred from the operator's
definition and compared, before any code is written: loops then go as far as every tensor reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from edgekit.ccode import shapes
from edgekit.ccode.graph import CONVERTED, SMALLEST_SCALE, TYPES, Node, Program, Shape, Value, unfit, unsized
from edgekit.ccode.piece import Writer
from edgekit.errors import ModelError
from edgekit.flatbuffer.schema import accessors

CONSTANT = "its input {} is a constant; compute the operator before the model is converted"
Shapes = Callable[[Node], Sequence[Shape]]


class Operator(Struct, frozen=True):
    """What an operator takes and makes, and who writes it."""

    inputs: str
    """One letter an input, `?` behind one that may be missing, `*` behind the last where there may be more: `x` values
    of the operator's type, computed or constant; `w` weights, constants of int8; `b` a bias, a constant; `n` whole
    numbers, constant; `m` those of any shape; `i` indices, constant or those of an input of the model, which may hold
    anything; `v` one constant value of the operator's type. Empty where `shapes` looks at them itself."""
    shapes: Shapes
    """Of what it makes."""
    write: Writer
    write16: Writer | None = None
    """Who writes it where it computes with values of 16 bits; None where nobody does."""
    options: str = ""
    """The schema's table of its settings, without `Options`; where a file has none, its defaults are meant."""
    alike: bool = False
    """Whether inputs and outputs have one scale and zero point."""
    channels: int = 0
    """The axis of the weights that the outputs have."""
    ranges: Callable[[Node], None] | None = None
    """Raises the error for numbers that 32 bits do not hold, see `edgekit.ccode.ranges`."""
    types: tuple[str, ...] = TYPES
    """Of its computed tensors."""
    mixed: bool = False
    """Whether these may be of several types."""
    states: tuple[int, ...] = ()
    """Which of its inputs are states, which last from one inference to the next."""


def moved(inputs: str, of: Shapes, write: Writer, options: str = "") -> Operator:
    """An operator that moves values of any type."""
    return Operator(inputs, of, write, write, options=options, alike=True)


def check(node: Node, of: Operator) -> None:
    """Holds an operator against what it must be, and gives it the settings that its file leaves out.

    Raises:
      ModelError: its tensors or settings are not what they must be; names the operator and the tensor.
    """
    if of.options:
        table = getattr(accessors(), f"{of.options}OptionsT")
        node.options = table() if node.options is None else node.options
        node.require(isinstance(node.options, table), "it has the settings of another operator")
    if of.inputs:
        _check_inputs(node, of)
    made = [tuple(shape) for shape in of.shapes(node)]
    node.require(len(made) == len(node.outputs), f"it has {len(node.outputs)} outputs, and must have {len(made)}")
    for value, shape in zip(node.outputs, made, strict=True):
        said = f"{shapes.listed(value.shape)}, but what it is made of gives {shapes.listed(shape)}"
        node.require(value.shape == shape, f"its output {value.name!r} is {said}")
    if of.ranges:
        of.ranges(node)


def check_tensors(of: Program, operators: Mapping[str, Operator]) -> None:
    """Raises the error for a tensor that is not computed once, before it is read, or that no C code is written for."""
    nodes, inputs, outputs = of.nodes, of.inputs, of.outputs
    known, checked, indices = {value.index for value in inputs}, set[int](), set[int]()
    for node in nodes:
        node.require(bool(node.outputs), "it makes nothing")
        operator = operators.get(node.kind)
        for place, value in enumerate(node.inputs):
            if value is not None and value.state:
                own = operator is not None and place in operator.states and value.index not in known
                node.require(own, f"its input {value.name!r} is a state, which only one LSTM may have")
                known.add(value.index)
            there = value is None or value.state or value.data is not None or value.index in known
            node.require(there, f"its input {value.name if value else ''!r} is not computed before it")
        for value in node.outputs:
            once = not (value.state or value.data is not None or value.index in known)
            node.require(once, f"its output {value.name!r} is an input, a constant, or computed before")
            known.add(value.index)
        letters = operator.inputs if operator else ""
        for place, value in enumerate((*node.inputs, *node.outputs)):
            if value is None or value.index in checked:
                continue
            if letters[place : place + 1] == "i" and value.dtype == "int32" and value.data is None:
                node.require(not unsized(value), f"tensor {value.name!r} {unsized(value)}")
                indices.add(value.index)
                continue
            types = operator.types if operator else TYPES
            if value.dtype in TYPES:
                checked.add(value.index)
            if value.data is None and (problem := unfit(value, types)):
                raise node.refusal(f"tensor {value.name!r} {problem}")
    if len({value.index for value in inputs}) < len(inputs):
        raise ModelError("it has one tensor as two inputs; convert the model again")
    for way, ends in (("input", inputs), ("output", outputs)):
        for value in ends:
            if value.state or value.data is not None or value.index not in known:
                said = "a state" if value.state else "constant" if value.data is not None else "not computed"
                raise ModelError(f"{way} {value.name!r} is {said}; C code is written for computed ones: leave it out")
            if way == "input" and value.index in indices:
                continue
            if problem := unfit(value, tuple(CONVERTED)):  # others than TYPES have been found with QUANTIZE
                raise ModelError(f"{way} {value.name!r} {problem}; convert the model with {way}s of int8")


def _check_inputs(node: Node, of: Operator) -> None:
    letters, values = _letters(node, of), list(node.outputs)
    for place, (letter, value) in enumerate(zip(letters, node.inputs, strict=False)):
        if value is not None:
            CHECKS[letter](node, place, value, of)
            values += [value] if letter == "x" or (letter == "v" and value.scales) else []
    for value in [] if of.mixed else values:
        said = f"tensor {value.name!r} is {value.dtype}, and its output {node.outputs[0].dtype}"
        node.require(value.dtype == node.outputs[0].dtype, said)
    if of.alike and len({(value.scale, value.zero) for value in values}) > 1:
        raise node.refusal("its inputs and outputs have different scales; requantize before it")


def _letters(node: Node, of: Operator) -> str:
    """What each input must be."""
    letters = of.inputs.replace("?", "")
    least, count = len(letters) - of.inputs.count("?"), len(node.inputs)
    if of.inputs.endswith("*"):
        letters = letters[:-1] * max(1, count)
        least = len(letters)
    node.require(least <= count <= len(letters), f"it has {count} inputs, and must have {least}")
    for place, letter in enumerate(letters[:count]):
        if f"{letter}?" not in of.inputs:
            node.given(place)
    return letters


def _values(node: Node, place: int, value: Value, of: Operator) -> None:
    if problem := unfit(value, of.types):
        raise node.refusal(f"tensor {value.name!r} {problem}")


def _weights(node: Node, place: int, value: Value, of: Operator) -> None:
    if value.data is None or value.dtype != "int8":
        said = value.dtype if value.data is not None else "computed"
        raise node.refusal(f"its weights are {said}, not constant int8")
    if value.zero or any(value.zeros):
        raise node.refusal("its weights have a zero point that is not 0")
    said = f"its weights {value.name!r} are {shapes.listed(value.shape)}, which have too few axes"
    node.require(of.channels < len(value.shape), said)
    outputs = value.shape[of.channels]
    count, axis = len(value.scales), value.axis
    node.require(len(value.zeros) == count, f"its weights {value.name!r} have not one zero point for each scale")
    each = count == outputs and 0 <= axis < len(value.shape) and value.shape[axis] == outputs
    node.require(count == 1 or each, f"its weights {value.name!r} have {count} scales for {outputs} outputs")
    sound = all(scale == 0 or SMALLEST_SCALE <= scale < math.inf for scale in value.scales)
    node.require(sound, f"its weights {value.name!r} have a scale that stands for nothing")


def _bias(node: Node, place: int, value: Value, of: Operator) -> None:
    types = ("int32",) if node.outputs[0].dtype == "int8" else ("int32", "int64")
    if value.data is None or value.dtype not in types:
        raise node.refusal(f"its bias is not a constant of {' or '.join(types)}")
    outputs = node.given(1).shape[of.channels]
    node.require(value.elements == outputs, f"its bias {value.name!r} has {value.elements} values, not {outputs}")


def _integers(node: Node, place: int, value: Value, of: Operator) -> None:
    shapes.integers(node, place)
    fits = value.dtype in ("int32", "int64")
    node.require(fits, f"its input {value.name!r} is {value.dtype}, and must be int32")


def _indices(node: Node, place: int, value: Value, of: Operator) -> None:
    if value.data is not None:
        return _integers(node, place, value, of)
    node.require(value.dtype == "int32", f"its input {value.name!r} is {value.dtype}, and must be int32")
    return None


def _vector(node: Node, place: int, value: Value, of: Operator) -> None:
    _integers(node, place, value, of)
    node.require(
        len(value.shape) < 2, f"its input {value.name!r} is {shapes.listed(value.shape)}, and must be a vector"
    )


def _constant(node: Node, place: int, value: Value, of: Operator) -> None:
    shapes.integers(node, place)
    dtype = node.outputs[0].dtype
    fits = value.dtype == dtype and value.elements == 1
    node.require(fits, f"its value {value.name!r} is {value.elements} of {value.dtype}, and must be one of {dtype}")


CHECKS = {"x": _values, "w": _weights, "b": _bias, "n": _vector, "m": _integers, "i": _indices, "v": _constant}
