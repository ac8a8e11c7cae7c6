"""What is in a `.tflite` file, read without TensorFlow.

The file may come from anyone: whatever its bytes say, `read` returns a `Graph` or raises `ModelError`, and its work
is bounded by the file's size.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from edgekit.errors import ModelError, SetupError
from edgekit.flatbuffer.macs import elements, macs
from edgekit.types import TensorSpec

T = TypeVar("T")
_MOST_DIMENSIONS = 64
_MOST = 2**63 - 1


class Tensor(Struct, frozen=True):
    """A tensor of the graph: an input, a weight, or a value in between."""

    index: int
    """Its position in `Graph.tensors`."""
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    """The shape with -1 where a dimension is open; empty where none is."""
    dtype: str
    """NumPy's name (`int8`), or the schema's in lower case where NumPy has none (`int4`, `bfloat16`, `string`)."""
    scales: tuple[float, ...]
    """real = scale * (stored - zero_point). One, or one a slice of `quantized_dimension`; empty if not quantized."""
    zero_points: tuple[int, ...]
    quantized_dimension: int
    bytes: int
    """Of its constant data; 0 where it has none."""
    subgraph: int = 0
    buffer: int = 0
    """Which of the file's buffers holds its data; equal constants may share one."""
    variable: bool = False
    """Whether its value lasts from one execution to the next."""


class Operator(Struct, frozen=True):
    """One step of the graph."""

    name: str
    """As in the schema (`CONV_2D`), or a custom operator's code."""
    version: int
    custom: bool
    inputs: tuple[int, ...]
    """Positions in `Graph.tensors`; -1 where an optional input is absent."""
    outputs: tuple[int, ...]
    macs: int
    """Multiply-accumulates of one execution."""
    subgraph: int = 0


class Graph(Struct, frozen=True):
    """A model as it lies in its file. The main subgraph is the first; its tensors and operators come first too."""

    description: str
    version: int
    """Of the schema: 3."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    subgraphs: int
    signatures: tuple[str, ...]
    bytes: int
    """Of the file."""
    sha256: str
    macs: int
    """Of one inference: all operators but those of another signature's subgraph; the body of a loop counts once."""
    parameters: int
    """Elements of the constant weights, biases included; a buffer that several tensors share counts once."""

    @property
    def operator_names(self) -> tuple[str, ...]:
        """Each kind of operator once, in alphabetical order."""
        return tuple(sorted({operator.name for operator in self.operators}))


def read(path: Path) -> Graph:
    """Reads a `.tflite` file.

    Raises:
      ModelError: the file cannot be read, or is not a valid TensorFlow Lite model.

    Source: schema.fbs of TensorFlow Lite, version 3, as generated in `ai_edge_litert`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; name a .tflite file that can be read") from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Graph:
    """The same of a file's content.

    Args:
      name: of the file, for errors.

    Raises:
      ModelError: it is not a valid TensorFlow Lite model.
    """
    try:
        return _graph(data)
    except _Malformed as error:
        raise ModelError(f"{name}: {error}; convert the model again, or fetch the file again") from None
    except SetupError:
        raise
    except Exception:  # whatever an accessor of the schema runs into: struct.error, TypeError, ValueError, …
        reason = "is damaged: an offset in it points outside the file"
        raise ModelError(f"{name}: {reason}; convert the model again, or fetch the file again") from None


class _Malformed(Exception):
    """What is wrong with the file."""


class _Allowance:
    """Bounds the work by the file's size: tables may point at one vector many times, but not without end."""

    def __init__(self, size: int) -> None:
        self._left = 2 * size + 65536

    def take(self, count: int) -> int:
        self._left -= count + 1
        if self._left < 0:
            raise _Malformed("is damaged: it names more elements than fit into it")
        return count


def _graph(data: bytes) -> Graph:
    if not data:
        raise _Malformed("is empty")
    if data[4:8] != b"TFL3":
        raise _Malformed("is not a TensorFlow Lite model (no TFL3 identifier)")
    model = _schema().Model.GetRootAs(data, 0)
    allowance = _Allowance(len(data))
    buffers = [_buffer_bytes(b, len(data)) for b in _each(model.Buffers, model.BuffersLength(), allowance)]
    codes = [_code(c, allowance) for c in _each(model.OperatorCodes, model.OperatorCodesLength(), allowance)]
    graphs = list(_each(model.Subgraphs, model.SubgraphsLength(), allowance))
    if not graphs:
        raise _Malformed("holds no graph")

    tensors: list[Tensor] = []
    operators: list[Operator] = []
    weights: dict[int, int] = {}
    inputs: dict[int, str] = {}
    outputs: dict[int, str] = {}
    for number, graph in enumerate(graphs):
        first = len(tensors)
        for table in _each(graph.Tensors, graph.TensorsLength(), allowance):
            tensor = _tensor(table, len(tensors), number, buffers, allowance)
            tensors.append(tensor)
            if is_weight(tensor):
                weights[table.Buffer()] = max(weights.get(table.Buffer(), 0), elements(tensor.shape))
        for table in _each(graph.Operators, graph.OperatorsLength(), allowance):
            operators.append(_operator(table, number, codes, tensors, first, allowance))

    signatures = list(_each(model.SignatureDefs, model.SignatureDefsLength(), allowance))
    main = next((signature for signature in signatures if signature.SubgraphIndex() == 0), None)
    if main:
        inputs = _names(main.Inputs, main.InputsLength(), allowance)
        outputs = _names(main.Outputs, main.OutputsLength(), allowance)
    others = {signature.SubgraphIndex() for signature in signatures} - {0}
    return Graph(
        description=_text(model.Description(), allowance),
        version=model.Version(),
        inputs=_specs(graphs[0].InputsAsNumpy, graphs[0].InputsLength(), tensors, inputs, allowance),
        outputs=_specs(graphs[0].OutputsAsNumpy, graphs[0].OutputsLength(), tensors, outputs, allowance),
        tensors=tuple(tensors),
        operators=tuple(operators),
        subgraphs=len(graphs),
        signatures=tuple(_text(signature.SignatureKey(), allowance) for signature in signatures),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        macs=_bounded(sum(operator.macs for operator in operators if operator.subgraph not in others)),
        parameters=_bounded(sum(weights.values())),
    )


def _each(get: Callable[[int], T | None], count: int, allowance: _Allowance) -> Iterator[T]:
    """The tables of a vector."""
    for index in range(allowance.take(count)):
        table = get(index)
        if table is None:
            raise _Malformed("is damaged: a table is missing")
        yield table


def _numbers(get: Callable[[], Any], count: int, allowance: _Allowance) -> tuple[Any, ...]:
    """A vector of numbers."""
    return tuple(get().tolist()) if allowance.take(count) else ()


def _text(raw: bytes | None, allowance: _Allowance) -> str:
    allowance.take(len(raw or b""))
    return (raw or b"").decode("utf-8", "replace")


def _buffer_bytes(table: Any, size: int) -> int:
    """Length of a buffer's data, which must lie inside the file; models above 2 GiB keep it behind the FlatBuffer."""
    if table.Offset() > 1:
        if table.Offset() + table.Size() > size:
            raise _Malformed("is cut off: data of a tensor lies outside the file")
        return int(table.Size())
    count: int = table.DataLength()
    if count:
        table.DataAsNumpy()  # a view; ValueError where it would leave the file
    return count


def _code(table: Any, allowance: _Allowance) -> tuple[str, int, bool]:
    """Name, version, and whether it is custom."""
    # Files of before 2020 have only the first field, an int8; later ones put 127 there for codes beyond it.
    code = max(table.DeprecatedBuiltinCode(), table.BuiltinCode())
    name = _text(table.CustomCode(), allowance)
    if _builtins().get(code) == "CUSTOM":
        return name, table.Version(), True
    return _builtins().get(code, f"BUILTIN_{code}"), table.Version(), False


@functools.cache
def _schema() -> Any:
    """The generated accessors, from their file: importing the package around them would load its native library, and
    this code also runs in processes that have loaded another TFLite runtime."""
    package = importlib.util.find_spec("ai_edge_litert")
    if package is None or not package.submodule_search_locations:
        raise SetupError("ai-edge-litert is not installed, which has the schema: pip install ai-edge-litert")
    path = Path(package.submodule_search_locations[0]) / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("edgekit_tflite_schema", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def _builtins() -> dict[int, str]:
    return {code: name for name, code in vars(_schema().BuiltinOperator).items() if not name.startswith("_")}


@functools.cache
def _dtypes() -> dict[int, str]:
    return {code: name.lower() for name, code in vars(_schema().TensorType).items() if not name.startswith("_")}


def _tensor(table: Any, index: int, subgraph: int, buffers: list[int], allowance: _Allowance) -> Tensor:
    if max(table.ShapeLength(), table.ShapeSignatureLength()) > _MOST_DIMENSIONS:
        raise _Malformed(f"is damaged: a tensor has more than {_MOST_DIMENSIONS} dimensions")
    if table.Buffer() >= len(buffers) and table.Buffer():
        raise _Malformed("is damaged: a tensor's data is in a buffer that does not exist")
    if table.Type() not in _dtypes():
        raise _Malformed(f"has a tensor of the unknown type {table.Type()}")
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantization = table.Quantization()
    if quantization is not None:
        scales = _numbers(quantization.ScaleAsNumpy, quantization.ScaleLength(), allowance)
        zero_points = _numbers(quantization.ZeroPointAsNumpy, quantization.ZeroPointLength(), allowance)
        if not all(map(math.isfinite, scales)):
            raise _Malformed("is damaged: a scale is not a finite number")
    name, shape = _text(table.Name(), allowance), _numbers(table.ShapeAsNumpy, table.ShapeLength(), allowance)
    if min(shape, default=0) < 0:
        raise _Malformed(f"is damaged: its tensor {name[:80]!r} has a dimension of {min(shape)}")
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        shape_signature=_numbers(table.ShapeSignatureAsNumpy, table.ShapeSignatureLength(), allowance),
        dtype=_dtypes()[table.Type()],
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=quantization.QuantizedDimension() if quantization is not None else 0,
        bytes=buffers[table.Buffer()] if buffers else 0,
        subgraph=subgraph,
        buffer=table.Buffer(),
        variable=table.IsVariable(),
    )


def _operator(
    table: Any,
    subgraph: int,
    codes: list[tuple[str, int, bool]],
    tensors: list[Tensor],
    first: int,
    allowance: _Allowance,
) -> Operator:
    if table.OpcodeIndex() >= len(codes):
        raise _Malformed("is damaged: an operator has no code")
    name, version, custom = codes[table.OpcodeIndex()]
    inputs = _positions(table.InputsAsNumpy, table.InputsLength(), first, len(tensors), allowance)
    outputs = _positions(table.OutputsAsNumpy, table.OutputsLength(), first, len(tensors), allowance)
    shapes = [None if i < 0 else tensors[i].shape for i in inputs]
    output = tensors[outputs[0]].shape if outputs and outputs[0] >= 0 else ()
    cost = 0 if custom else macs(name, shapes, output, name == "BATCH_MATMUL" and _adjoint(table))
    return Operator(name, version, custom, inputs, outputs, _bounded(cost), subgraph)


def _positions(get: Callable[[], Any], count: int, first: int, end: int, allowance: _Allowance) -> tuple[int, ...]:
    """Indices of a subgraph's tensors, as positions in `Graph.tensors`."""
    indices = _numbers(get, count, allowance)
    if any(not -1 <= index < end - first for index in indices):
        raise _Malformed("is damaged: an operator reads or writes a tensor that does not exist")
    return tuple(index if index < 0 else first + index for index in indices)


def _adjoint(table: Any) -> bool:
    union = table.BuiltinOptions()
    if union is None:
        return False
    options = _schema().BatchMatMulOptions()
    options.Init(union.Bytes, union.Pos)
    return bool(options.AdjX())


def _names(get: Callable[[int], Any], count: int, allowance: _Allowance) -> dict[int, str]:
    """What a signature calls the tensors at one end, by their index."""
    return {ends.TensorIndex(): _text(ends.Name(), allowance) for ends in _each(get, count, allowance)}


def _specs(
    get: Callable[[], Any], count: int, tensors: list[Tensor], names: dict[int, str], allowance: _Allowance
) -> tuple[TensorSpec, ...]:
    """The ends of the main graph, each by the name that the signature gives it, or else that of its tensor."""
    specs = []
    for index in _positions(get, count, 0, len(tensors), allowance):
        if index < 0:
            raise _Malformed("is damaged: an input or output of the model does not exist")
        tensor = tensors[index]
        single = len(tensor.scales) == 1
        zero_point = tensor.zero_points[0] if single and tensor.zero_points else 0
        specs.append(
            TensorSpec(
                names.get(index) or tensor.name,
                tensor.shape,
                tensor.dtype,
                tensor.scales[0] if single else 0.0,
                zero_point,
            )
        )
    return tuple(specs)


def is_weight(tensor: Tensor) -> bool:
    """Constant and not a shape, an axis or a padding, which are integers without a scale."""
    return tensor.bytes > 0 and (bool(tensor.scales) or tensor.dtype not in ("int32", "int64", "bool", "string"))


def _bounded(count: int) -> int:
    """Sizes that no file means would not fit into JSON either."""
    if count > _MOST:
        raise _Malformed("is damaged: its tensors are larger than any memory")
    return count
