"""A `.tflite` as the C generator takes it: plain values, and only what it can write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.errors import ModelError
from edgekit.flatbuffer.bounds import guarded
from edgekit.flatbuffer.edit import move_inside, objects
from edgekit.flatbuffer.lookup import DECODE, looked_up
from edgekit.flatbuffer.read import _builtins, _dtypes
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

UNFIT = "its tensors and settings do not fit each other; convert the model again"


class Value(Struct):
    """A tensor."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero: int
    data: Any = None
    """The array of a constant, else None."""
    state: bool = False
    """Whether it lasts from one inference to the next."""

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
        return TensorSpec(self.name, self.shape, self.dtype, self.scale, self.zero)

    @property
    def bytes(self) -> int:
        """In memory."""
        import numpy as np

        return int(np.prod(self.shape, dtype=int)) * np.dtype(self.dtype).itemsize

    @property
    def elements(self) -> int:
        """How many values."""
        import numpy as np

        return int(np.prod(self.shape, dtype=int))

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

    def require(self, fits: bool) -> None:
        """Raises the error for an operator whose tensors do not fit each other, as in a damaged file."""
        if not fits:
            raise self.refusal(UNFIT)


class Network(Struct):
    """A graph."""

    values: dict[int, Value]
    nodes: list[Node]
    inputs: list[Value]
    outputs: list[Value]
    states: list[Value]
    """Those that an operator reads and that last; each starts as its zero point in int8, else as 0."""


TYPES = ("int8", "int16")
"""Of tensors that are computed."""


def network(content: bytes, names: tuple[str, ...] = ()) -> Network:
    """Takes a file apart.

    Args:
      content: that `edgekit.flatbuffer.read` accepts.
      names: of its tensors, if it lacks them.

    Raises:
      ModelError: it has several subgraphs, or a tensor that is of none of `TYPES`.
    """
    import numpy as np

    with guarded(len(content)):
        model = objects(content)
        move_inside(model, content)
    if len(model.subgraphs) != 1:
        raise ModelError(f"it has {len(model.subgraphs)} subgraphs; C code is written for one without control flow")
    graph, values = model.subgraphs[0], {}
    for index, tensor in enumerate(graph.tensors or []):
        shape = () if tensor.shape is None else tuple(int(n) for n in tensor.shape)
        given = (tensor.name or b"").decode("utf-8", "replace") or (names[index] if index < len(names) else "")
        quantization = tensor.quantization
        scales = () if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale))
        zeros = [] if quantization is None or quantization.zeroPoint is None else list(map(int, quantization.zeroPoint))
        dtype, data = _dtypes()[tensor.type], model.buffers[tensor.buffer].data
        zero, name = zeros[0] if zeros else 0, given or f"tensor {index}"
        value = Value(index, name, shape, dtype, scales, zero, state=bool(tensor.isVariable))
        if data is not None and len(data):
            try:
                value.data = np.asarray(data, np.uint8).view(dtype).reshape(shape)
            except (TypeError, ValueError):
                said = f"the shape {list(shape)}, for which {len(data):,} bytes of data are not right"
                raise ModelError(f"tensor {name!r} is {dtype} of {said}; convert the model again") from None
        values[index] = value
    nodes = []
    for number, operator in enumerate(graph.operators or []):
        code = model.operatorCodes[operator.opcodeIndex]
        kind = _builtins().get(max(code.builtinCode, code.deprecatedBuiltinCode), "?")
        kind = code.customCode.decode("utf-8", "replace") if kind == "CUSTOM" else kind
        inputs = [values[i] if i >= 0 else None for i in _listed(operator.inputs)]
        outputs = [values[i] for i in _listed(operator.outputs) if i >= 0]
        nodes.append(Node(number, kind, inputs, outputs, operator.builtinOptions))
    nodes = _decoded(nodes, values)
    ends = [[values[i] for i in _listed(of)] for of in (graph.inputs, graph.outputs)]
    for value in ends[0]:
        signature = _listed(graph.tensors[value.index].shapeSignature)
        if -1 in signature[1:]:  # an open batch is one of 1
            raise ModelError(
                f"input {value.name!r} has the open shape {signature}; convert the model with fixed sizes "
                "(--input-shape of `edgekit build`)"
            )
    if not all(ends):
        raise ModelError("it has no inputs, or no outputs; C code is written for models with both")
    nodes, ends[0], ends[1] = _without_float_ends(nodes, *ends)
    known = {value.index for value in ends[0]}
    for node in nodes:
        node.require(bool(node.outputs))
        node.require(all(v is None or v.state or v.data is not None or v.index in known for v in node.inputs))
        known |= {value.index for value in node.outputs}
        for value in (v for v in (*node.inputs, *node.outputs) if v is not None and v.data is None):
            if value.dtype not in TYPES or len(value.scales) != 1:
                said = value.dtype if value.dtype not in TYPES else f"{value.dtype} without one scale"
                raise node.refusal(f"tensor {value.name!r} is {said}; C code is written for int8 and int16")
    read = {v.index: v for node in nodes for v in node.inputs if v is not None and v.state}
    return Network(values, nodes, ends[0], ends[1], list(read.values()))


def _listed(indices: Any) -> list[int]:
    """A vector of the schema, which may be absent."""
    return [] if indices is None else [int(i) for i in indices]


def _decoded(nodes: list[Node], values: dict[int, Value]) -> list[Node]:
    """A graph whose weights are constants, where operators decode them from lookup tables."""
    left, stored = [], set()
    for node in nodes:
        if node.kind != DECODE:
            left.append(node)
            continue
        indexes, tables = ([v.data if v else None for v in node.inputs[start::2]] for start in (0, 1))
        for made, packed, header in zip(node.outputs, indexes, tables, strict=False):
            made.data = looked_up(packed, header, made.shape, made.dtype)
        if any(made.data is None for made in node.outputs):
            raise node.refusal("what it decodes are no lookup tables; write the code of the file without this operator")
        stored |= {value.index for value in node.inputs if value}
    for index in stored:
        del values[index]
    return left


def _without_float_ends(
    nodes: list[Node], inputs: list[Value], outputs: list[Value]
) -> tuple[list[Node], list[Value], list[Value]]:
    """A graph that starts behind the operators which quantize its inputs, and ends before those which dequantize."""
    given, made = ({v.index for v in of if v.dtype == "float32"} for of in (inputs, outputs))
    starts: dict[int, Value] = {}
    stops: dict[int, Value] = {}
    left = []
    for node in nodes:
        source = node.inputs[0] if node.inputs else None
        if node.kind == "QUANTIZE" and source and source.index in given - starts.keys():
            starts[source.index] = node.outputs[0]
        elif node.kind == "DEQUANTIZE" and source and node.outputs[0].index in made:
            stops[node.outputs[0].index] = source
        else:
            left.append(node)
    if {v.index for n in left for v in n.inputs if v is not None} & (starts.keys() | stops.keys()):
        return nodes, inputs, outputs
    return left, [starts.get(v.index, v) for v in inputs], [stops.get(v.index, v) for v in outputs]


def floats(value: Value) -> np.ndarray:
    """Scales of each channel as float32."""
    import numpy as np

    return np.asarray(value.scales, np.float32)
