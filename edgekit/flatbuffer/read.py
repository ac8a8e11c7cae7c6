"""What is in a `.tflite` file, read without TensorFlow.

The file may come from anyone: whatever its bytes say, `read` returns a `Graph` or raises `ModelError`, and its work
is bounded by the file's size.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from edgekit.errors import ModelError, SetupError
from edgekit.files import near
from edgekit.flatbuffer.bounds import Allowance, Malformed
from edgekit.flatbuffer.graph import Graph as Graph
from edgekit.flatbuffer.graph import Operator as Operator
from edgekit.flatbuffer.graph import Tensor as Tensor
from edgekit.flatbuffer.macs import elements, macs
from edgekit.flatbuffer.schema import accessors, operator_names, option_types, tensor_dtypes
from edgekit.types import TensorSpec

T = TypeVar("T")
_MOST_DIMENSIONS = 64
_MOST = 2**63 - 1
DATA = 4
"""Where the table of a buffer says where its data lies."""


def read_graph(path: Path) -> Graph:
    """Reads a `.tflite` file.

    Raises:
      ModelError: the file cannot be read, or is not a valid TensorFlow Lite model.

    Source: schema.fbs of TensorFlow Lite, version 3, as generated in `ai_edge_litert`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; {near(path, 'name a .tflite file that can be read')}") from None
    return parse_graph(data, str(path))


def parse_graph(data: bytes, name: str) -> Graph:
    """The same of a file's content.

    Args:
      name: of the file, for errors.

    Raises:
      ModelError: it is not a valid TensorFlow Lite model.
    """
    try:
        return _graph(data)
    except Malformed as error:
        raise ModelError(f"{name}: {error}; convert the model again, or fetch the file again") from None
    except SetupError:
        raise
    except Exception:  # whatever an accessor of the schema runs into: struct.error, TypeError, ValueError, …
        reason = "is damaged: an offset in it points outside the file"
        raise ModelError(f"{name}: {reason}; convert the model again, or fetch the file again") from None


def _graph(data: bytes) -> Graph:
    if not data:
        raise Malformed("is empty")
    if data[4:8] != b"TFL3":
        raise Malformed("is not a TensorFlow Lite model (no TFL3 identifier)")
    model = accessors().Model.GetRootAs(data, 0)
    allowance = Allowance(len(data))
    buffers = [_buffer_span(b, len(data)) for b in _each(model.Buffers, model.BuffersLength(), allowance)]
    codes = [_code(c, allowance) for c in _each(model.OperatorCodes, model.OperatorCodesLength(), allowance)]
    graphs = list(_each(model.Subgraphs, model.SubgraphsLength(), allowance))
    if not graphs:
        raise Malformed("holds no graph")

    tensors: list[Tensor] = []
    operators: list[Operator] = []
    settings: list[tuple[int, int]] = []
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
            settings.append(_settings(table))

    signatures = list(_each(model.SignatureDefs, model.SignatureDefsLength(), allowance))
    main = next((signature for signature in signatures if signature.SubgraphIndex() == 0), None)
    if main:
        inputs = _names(main.Inputs, main.InputsLength(), allowance)
        outputs = _names(main.Outputs, main.OutputsLength(), allowance)
    others = {signature.SubgraphIndex() for signature in signatures} - {0}
    given, made = (
        _positions(get, 0, len(tensors), allowance) for get in (graphs[0].InputsAsNumpy, graphs[0].OutputsAsNumpy)
    )
    return Graph(
        description=_text(model.Description(), allowance),
        version=model.Version(),
        inputs=_specs(given, tensors, inputs),
        outputs=_specs(made, tensors, outputs),
        tensors=tuple(tensors),
        operators=tuple(operators),
        subgraphs=len(graphs),
        signatures=tuple(_text(signature.SignatureKey(), allowance) for signature in signatures),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        macs=_bounded(sum(operator.macs for operator in operators if operator.subgraph not in others)),
        parameters=_bounded(sum(weights.values())),
        ends=(given, made),
        content=data,
        data=tuple(buffers[tensor.buffer][0] if buffers else 0 for tensor in tensors),
        options=tuple(settings),
    )


def _each(get: Callable[[int], T | None], count: int, allowance: Allowance) -> Iterator[T]:
    """The tables of a vector."""
    for index in range(allowance.take(count)):
        table = get(index)
        if table is None:
            raise Malformed("is damaged: a table is missing")
        yield table


def _numbers(get: Callable[[], Any], allowance: Allowance) -> tuple[Any, ...]:
    """A vector of numbers, of which the schema's code makes 0 where there is none."""
    found = get()
    return tuple(found.tolist()) if not isinstance(found, int) and allowance.take(len(found)) else ()


def _text(raw: bytes | None, allowance: Allowance) -> str:
    allowance.take(len(raw or b""))
    return (raw or b"").decode("utf-8", "replace")


def _buffer_span(table: Any, size: int) -> tuple[int, int]:
    """Where a buffer's data starts and how long it is; it must lie inside the file, behind the FlatBuffer where that is
    above 2 GiB."""
    if table.Offset() > 1:
        if table.Offset() + table.Size() > size:
            raise Malformed("is cut off: data of a tensor lies outside the file")
        return int(table.Offset()), int(table.Size())
    count: int = table.DataLength()
    if not count:
        return 0, 0
    start = int(table._tab.Vector(table._tab.Offset(DATA)))
    if start + count > size:
        raise Malformed("is cut off: data of a tensor lies outside the file")
    return start, count


def _code(table: Any, allowance: Allowance) -> tuple[str, int, bool]:
    """Name, version, and whether it is custom."""
    # Files of before 2020 have only the first field, an int8; later ones put 127 there for codes beyond it.
    code = max(table.DeprecatedBuiltinCode(), table.BuiltinCode())
    name = _text(table.CustomCode(), allowance)
    if operator_names().get(code) == "CUSTOM":
        return name, table.Version(), True
    return operator_names().get(code, f"BUILTIN_{code}"), table.Version(), False


def _tensor(table: Any, index: int, subgraph: int, buffers: list[tuple[int, int]], allowance: Allowance) -> Tensor:
    shape = _numbers(table.ShapeAsNumpy, allowance)
    signature = _numbers(table.ShapeSignatureAsNumpy, allowance)
    if max(len(shape), len(signature)) > _MOST_DIMENSIONS:
        raise Malformed(f"is damaged: a tensor has more than {_MOST_DIMENSIONS} dimensions")
    buffer, dtype = table.Buffer(), tensor_dtypes().get(table.Type())
    if buffer >= len(buffers) and buffer:
        raise Malformed("is damaged: a tensor's data is in a buffer that does not exist")
    if dtype is None:
        raise Malformed(f"has a tensor of the unknown type {table.Type()}")
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantization = table.Quantization()
    if quantization is not None and quantization.Details() is None:
        scales = _numbers(quantization.ScaleAsNumpy, allowance)
        zero_points = _numbers(quantization.ZeroPointAsNumpy, allowance)
        if not all(map(math.isfinite, scales)):
            raise Malformed("is damaged: a scale is not a finite number")
    name = _text(table.Name(), allowance)
    if min(shape, default=0) < 0:
        raise Malformed(f"is damaged: its tensor {name[:80]!r} has a dimension of {min(shape)}")
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        shape_signature=signature,
        dtype=dtype,
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=quantization.QuantizedDimension() if quantization is not None else 0,
        bytes=buffers[buffer][1] if buffers else 0,
        subgraph=subgraph,
        buffer=buffer,
        variable=bool(table.IsVariable()),
        sparse=table.Sparsity() is not None,
    )


def _operator(
    table: Any,
    subgraph: int,
    codes: list[tuple[str, int, bool]],
    tensors: list[Tensor],
    first: int,
    allowance: Allowance,
) -> Operator:
    code = table.OpcodeIndex()
    if code >= len(codes):
        raise Malformed("is damaged: an operator has no code")
    name, version, custom = codes[code]
    inputs = _positions(table.InputsAsNumpy, first, len(tensors), allowance)
    outputs = _positions(table.OutputsAsNumpy, first, len(tensors), allowance)
    shapes = [None if i < 0 else tensors[i].shape for i in inputs]
    output = tensors[outputs[0]].shape if outputs and outputs[0] >= 0 else ()
    cost = 0 if custom else macs(name, shapes, output, name == "BATCH_MATMUL" and _adjoint(table))
    return Operator(name, version, custom, inputs, outputs, _bounded(cost), subgraph)


def _settings(table: Any) -> tuple[int, int]:
    """The number of the table of an operator's settings, and where it lies; 0 where there is none."""
    kind, union = table.BuiltinOptionsType(), table.BuiltinOptions()
    return (kind, union.Pos) if union is not None and kind in option_types() else (0, 0)


def _positions(get: Callable[[], Any], first: int, end: int, allowance: Allowance) -> tuple[int, ...]:
    """Indices of a subgraph's tensors, as positions in `Graph.tensors`."""
    indices = _numbers(get, allowance)
    if any(not -1 <= index < end - first for index in indices):
        raise Malformed("is damaged: an operator reads or writes a tensor that does not exist")
    return tuple(index if index < 0 else first + index for index in indices)


def _adjoint(table: Any) -> bool:
    union = table.BuiltinOptions()
    if union is None:
        return False
    options = accessors().BatchMatMulOptions()
    options.Init(union.Bytes, union.Pos)
    return bool(options.AdjX())


def _names(get: Callable[[int], Any], count: int, allowance: Allowance) -> dict[int, str]:
    """What a signature calls the tensors at one end, by their index."""
    return {ends.TensorIndex(): _text(ends.Name(), allowance) for ends in _each(get, count, allowance)}


def _specs(ends: tuple[int, ...], tensors: list[Tensor], names: dict[int, str]) -> tuple[TensorSpec, ...]:
    """The ends of the main graph, each by the name that the signature gives it, or else that of its tensor."""
    specs = []
    for index in ends:
        if index < 0:
            raise Malformed("is damaged: an input or output of the model does not exist")
        tensor = tensors[index]
        single = len(tensor.scales) == 1
        zero_point = tensor.zero_points[0] if single and tensor.zero_points else 0
        scale = tensor.scales[0] if single else 0.0
        specs.append(TensorSpec(names.get(index) or tensor.name, tensor.shape, tensor.dtype, scale, zero_point))
    return tuple(specs)


def is_weight(tensor: Tensor) -> bool:
    """Constant and not a shape, an axis or a padding, which are integers without a scale."""
    return tensor.bytes > 0 and (bool(tensor.scales) or tensor.dtype not in ("int32", "int64", "bool", "string"))


def _bounded(count: int) -> int:
    """Sizes that no file means would not fit into JSON either."""
    if count > _MOST:
        raise Malformed("is damaged: its tensors are larger than any memory")
    return count
