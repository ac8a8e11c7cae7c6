"""A graph as the C generator takes it: operators in their order, each with its tensors."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from edgekit.errors import ModelError
from edgekit.flatbuffer.bounds import guarded
from edgekit.flatbuffer.graph import Graph, Tensor
from edgekit.flatbuffer.lookup import DECODE, looked_up
from edgekit.types import TensorSpec

Shape = tuple[int, ...]
TYPES = ("int8", "int16")
"""Of tensors that are computed."""
CONVERTED = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1), "int32": (-(2**31), 2**31 - 1)}
"""Types that QUANTIZE takes or makes, and what they hold."""
LARGEST = 2**31 - 1
"""Bytes of a tensor: places in it are numbers of 32 bits."""
SMALLEST_SCALE = 2.0**-126
"""Of a tensor: smaller ones lose digits, and runtimes refuse them."""


class Value(Struct):
    """A tensor, with what becomes of it on the way to C."""

    index: int
    name: str
    shape: Shape
    dtype: str
    scales: tuple[float, ...]
    zero: int
    data: Any = None
    """The array of a constant, else None."""
    state: bool = False
    """Whether it lasts from one inference to the next."""
    axis: int = 0
    """Along which the scales go, where there are several."""
    zeros: tuple[int, ...] = ()
    """One for each scale, or one for all."""
    subtract: tuple[float, ...] = ()
    """Of an input that is normalized before it is quantized, as `TensorSpec` has it."""
    multiply: tuple[float, ...] = ()

    @property
    def c_type(self) -> str:
        """Of a stored value."""
        return f"{self.dtype}_t"

    @property
    def suffix(self) -> str:
        """Of the names of kernels for its values."""
        return "16" if self.dtype == "int16" else ""

    @property
    def spec(self) -> TensorSpec:
        """As others know it."""
        return TensorSpec(self.name, self.shape, self.dtype, self.scale, self.zero, self.subtract, self.multiply)

    @property
    def bytes(self) -> int:
        """In memory."""
        import numpy as np

        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def elements(self) -> int:
        """How many values."""
        return math.prod(self.shape)

    @property
    def scale(self) -> float:
        """Of a tensor with one."""
        return self.scales[0] if self.scales else 0.0


class Node(Struct):
    """An operator."""

    number: int
    kind: str
    inputs: list[Value | None]
    outputs: list[Value]
    options: Any
    """As the schema has them."""

    @property
    def label(self) -> str:
        """What a person calls it: the name of what it makes."""
        return min(self.outputs[0].name.split(";"), key=len) if self.outputs else self.kind

    def refusal(self, why: str) -> ModelError:
        """The error for an operator that cannot be written."""
        return ModelError(f"operator {self.number}, {self.kind} in {self.label!r}: {why}")

    def require(self, fits: bool, why: str) -> None:
        """Raises the error for an operator whose tensors or settings do not fit each other, as in a damaged file."""
        if not fits:
            raise self.refusal(f"{why}; convert the model again")

    def given(self, place: int = 0) -> Value:
        """An input that must be there."""
        found = self.inputs[place] if place < len(self.inputs) else None
        if found is None:
            raise self.refusal(f"its input {place} is missing; convert the model again")
        return found


class Program(Struct):
    """What is written as C: the operators of a graph in their order, each with its tensors."""

    values: dict[int, Value]
    nodes: list[Node]
    inputs: list[Value]
    outputs: list[Value]
    states: list[Value]
    """Those that an operator reads and that last; each starts as its zero point in int8, else as 0."""


def program(graph: Graph) -> Program:
    """Takes a graph apart.

    Raises:
      ModelError: it has several subgraphs, or a tensor that is of none of `TYPES`.
    """
    if graph.subgraphs != 1:
        raise ModelError(f"it has {graph.subgraphs} subgraphs; C code is written for one without control flow")
    with guarded(graph.bytes):
        values = [_value(graph, tensor) for tensor in graph.tensors]
        nodes = []
        for number, of in enumerate(graph.operators):
            inputs = [values[i] if i >= 0 else None for i in of.inputs]
            outputs = [values[i] for i in of.outputs if i >= 0]
            node = Node(number, of.name, inputs, outputs, graph.settings(number))
            node.require(len(outputs) == len(of.outputs), "an output is missing")
            nodes.append(node)
    nodes = _decoded(nodes)
    given, made = ([values[i] for i in ends] for ends in graph.ends)
    for value in given:
        signature = graph.tensors[value.index].shape_signature
        if -1 in signature[1:]:  # an open batch is one of 1
            raise ModelError(
                f"input {value.name!r} has the open shape {list(signature)}; convert the model with fixed sizes "
                "(--input-shape of `edgekit build`)"
            )
    if not given or not made:
        raise ModelError("it has no inputs, or no outputs; C code is written for models with both")
    nodes, given, made = _without_float_ends(nodes, given, made)
    used = {v.index: v for node in nodes for v in (*node.inputs, *node.outputs) if v is not None}
    states = [value for value in used.values() if value.state]
    return Program(used | {v.index: v for v in (*given, *made)}, nodes, given, made, states)


def _value(graph: Graph, of: Tensor) -> Value:
    """A tensor as a value, with its data if it is constant."""
    zero, name = of.zero_points[0] if of.zero_points else 0, of.name or f"tensor {of.index}"
    data, axis = graph.constant(of), of.quantized_dimension
    return Value(of.index, name, of.shape, of.dtype, of.scales, zero, data, of.variable, axis, of.zero_points)


def unfit(value: Value, types: tuple[str, ...] = TYPES) -> str:
    """Why no C code is written for a tensor of activations of these types; "" if it is."""
    if value.dtype not in types:
        return f"is {value.dtype}; C code is written for int8 and int16"
    if len(value.scales) != 1 or len(value.zeros) != 1:
        return f"is {value.dtype} without one scale and zero point; C code is written for int8 and int16"
    if problem := unsized(value):
        return problem
    least, most = CONVERTED[value.dtype]
    if not (SMALLEST_SCALE <= value.scale < math.inf and least <= value.zero <= most):
        return f"has the scale {value.scale:.6g} and the zero point {value.zero}, which stand for nothing"
    if value.dtype == "int16" and value.zero:
        return "is int16 with a zero point that is not 0, which TFLM does not heed in all operators"
    return ""


def unsized(value: Value) -> str:
    """Why no C code is written for a tensor of this shape; "" if it is."""
    if min(value.shape, default=1) < 1:
        return f"has the shape {list(value.shape)}; C code is written for fixed sizes"
    if value.bytes > LARGEST:
        return f"has the shape {list(value.shape)}, which is larger than any memory"
    return ""


def _decoded(nodes: list[Node]) -> list[Node]:
    """A graph whose weights are constants, where operators decode them from lookup tables."""
    left = []
    for node in nodes:
        if node.kind != DECODE:
            left.append(node)
            continue
        indexes, tables = ([v.data if v else None for v in node.inputs[start::2]] for start in (0, 1))
        for made, packed, header in zip(node.outputs, indexes, tables, strict=False):
            made.data = looked_up(packed, header, made.shape, made.dtype)
        if not node.outputs or any(made.data is None for made in node.outputs):
            raise node.refusal("what it decodes are no lookup tables; write the code of the file without this operator")
    return left


def _without_float_ends(
    nodes: list[Node], inputs: list[Value], outputs: list[Value]
) -> tuple[list[Node], list[Value], list[Value]]:
    """A graph that starts behind the operators which normalize and quantize its inputs, and ends before those which
    dequantize."""
    given, made = ({v.index for v in of if v.dtype == "float32"} for of in (inputs, outputs))
    begun: dict[int, tuple[int, list[Any]]] = {index: (index, []) for index in given}
    starts: dict[int, Value] = {}
    stops: dict[int, Value] = {}
    left = []
    for node in nodes:
        source = node.inputs[0] if node.inputs else None
        end = node.kind in ("QUANTIZE", "DEQUANTIZE") and source and len(node.inputs) == len(node.outputs) == 1
        if end and source and source.shape != node.outputs[0].shape:
            node.require(False, f"it makes {list(node.outputs[0].shape)} of {list(source.shape)}")
        root, constants = begun.get(source.index, (-1, [])) if source else (-1, [])
        if end and node.kind == "QUANTIZE" and root in given - starts.keys() and len(constants) in (0, 2):
            subtract, multiply = constants or ((), ())
            starts[root] = node.outputs[0]
            starts[root].subtract, starts[root].multiply = subtract, multiply
        elif end and node.kind == "DEQUANTIZE" and source and node.outputs[0].index in made - stops.keys():
            stops[node.outputs[0].index] = source
        elif root >= 0 and node.kind == ("SUB", "MUL", "")[len(constants)] and (values := _features(node)):
            begun[node.outputs[0].index] = root, [*constants, values]
        else:
            left.append(node)
    if {v.index for n in left for v in n.inputs if v is not None} & (begun.keys() | stops.keys()):
        return nodes, inputs, outputs
    return left, [starts.get(v.index, v) for v in inputs], [stops.get(v.index, v) for v in outputs]


def _features(node: Node) -> tuple[float, ...]:
    """The constants, one a feature, that an operator subtracts from floats or multiplies them by; () if it does not."""
    other, made = (node.inputs[1] if len(node.inputs) == 2 else None), node.outputs[0]
    fits = other is not None and other.data is not None and made.dtype == "float32" and made.shape[-1:] == other.shape
    plain = getattr(node.options, "fusedActivationFunction", 0) == 0 and node.given().shape == made.shape
    return tuple(map(float, other.data)) if other and fits and plain and other.dtype == "float32" else ()
