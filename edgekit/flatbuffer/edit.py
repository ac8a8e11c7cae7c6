"""Changing the numbers in a `.tflite`: constants and the ranges of calibration, in their place.

The files are our own converter's, which `edgekit.flatbuffer.read` has accepted. Bytes are overwritten where they lie,
so that everything else, the alignment of buffers included, stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgekit.flatbuffer.schema import accessors, tensor_dtypes

if TYPE_CHECKING:
    import numpy as np

ALIGNMENT = 16
"""Of constant data, in bytes: `force_align` in schema.fbs."""


def constants(content: bytes | bytearray) -> dict[int, np.ndarray]:
    """The constant tensors of the main graph, by tensor index.

    Returns:
      arrays of the tensor's shape that share the memory of `content`; types that NumPy lacks are left out.
    """
    return dict(_constants(main_graph(content)))


def with_constants(content: bytes, values: dict[int, np.ndarray]) -> bytes:
    """The same file with other constants. A buffer that other tensors read too stays as it is for them.

    Args:
      values: by tensor index, of the tensor's shape and dtype.

    Raises:
      ValueError: a tensor is not constant, or a value has another shape or dtype.
    """
    data = bytearray(_with_own_buffers(content, set(values)))
    views = constants(data)
    for index, value in values.items():
        if index not in views:
            raise ValueError(f"tensor {index} is not constant")
        if (views[index].shape, views[index].dtype) != (value.shape, value.dtype):
            raise ValueError(
                f"tensor {index} is {views[index].dtype} {views[index].shape}, not {value.dtype} {value.shape}"
            )
        views[index][...] = value
    return bytes(data)


def ranges(content: bytes | bytearray) -> dict[int, tuple[float, float]]:
    """The smallest and largest value of each tensor that calibration saw, by tensor index."""
    found = {}
    for index, tensor in enumerate(_tensors(main_graph(content)[1])):
        quantization = tensor.Quantization()
        if quantization is not None and quantization.MinLength() == quantization.MaxLength() == 1:
            found[index] = (float(quantization.Min(0)), float(quantization.Max(0)))
    return found


def with_ranges(content: bytes, values: dict[int, tuple[float, float]]) -> bytes:
    """The same calibrated file with other ranges.

    Raises:
      ValueError: a tensor has no range that could be replaced.
    """
    data = bytearray(content)
    graph, known = main_graph(data)[1], ranges(data)
    for index, (low, high) in values.items():
        if index not in known:
            raise ValueError(f"tensor {index} has no range")
        quantization = graph.Tensors(index).Quantization()
        quantization.MinAsNumpy()[:], quantization.MaxAsNumpy()[:] = low, high
    return bytes(data)


def with_own_biases(content: bytes) -> bytes:
    """The same model, in which no two operators read the same float vector as a constant; the converter merges equal
    ones, and changing the bias of one layer must not change another's."""
    vectors = {i for i, value in constants(content).items() if value.ndim == 1 and value.dtype.kind == "f"}
    model = objects(content)
    graph, seen, changed = model.subgraphs[0], set(), False
    for operator in graph.operators:
        inputs = [int(index) for index in operator.inputs]
        for place, index in enumerate(inputs):
            if index in vectors and index in seen:
                inputs[place] = _copied(model, graph, index)
                changed = True
            seen.add(index)
        operator.inputs = inputs
    return packed(model) if changed else content


def with_relu(content: bytes, operators: set[int]) -> bytes:
    """The same model, in which these operators of the main graph end in ReLU, without an upper limit."""
    if not operators:
        return content
    model = objects(content)
    for number in operators:
        model.subgraphs[0].operators[
            number
        ].builtinOptions.fusedActivationFunction = accessors().ActivationFunctionType.RELU
    return packed(model)


def vectors(content: bytes) -> int:
    """Bytes of all scales and zero points in a file; those that several tensors share count once."""
    model = accessors().Model.GetRootAs(content, 0)
    found = {}
    for number in range(model.SubgraphsLength()):
        for tensor in _tensors(model.Subgraphs(number)):
            quantization = tensor.Quantization()
            if quantization is not None and quantization.ScaleLength() and quantization.ZeroPointLength():
                for vector in (quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()):
                    found[vector.__array_interface__["data"][0]] = vector.nbytes
    return sum(found.values())


def main_graph(content: bytes | bytearray) -> tuple[Any, Any]:
    """The schema's accessors of the model and of its first subgraph."""
    model = accessors().Model.GetRootAs(content, 0)
    return model, model.Subgraphs(0)


def _tensors(graph: Any) -> Iterator[Any]:
    return (graph.Tensors(index) for index in range(graph.TensorsLength()))


def _constants(main: tuple[Any, Any]) -> Iterator[tuple[int, np.ndarray]]:
    import numpy as np

    model, graph = main
    for index, tensor in enumerate(_tensors(graph)):
        buffer = model.Buffers(tensor.Buffer())
        try:
            dtype = np.dtype(tensor_dtypes()[tensor.Type()])
        except TypeError:  # int4, string, …
            continue
        shape = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
        if buffer.DataLength() and buffer.DataLength() == dtype.itemsize * int(np.prod(shape)):  # else it is sparse
            yield index, buffer.DataAsNumpy().view(dtype).reshape(shape)


def _with_own_buffers(content: bytes, indices: set[int]) -> bytes:
    """The same file, in which no other tensor reads the data of these."""
    model, _ = main_graph(content)
    readers: dict[int, int] = {}
    for number in range(model.SubgraphsLength()):
        for tensor in _tensors(model.Subgraphs(number)):
            readers[tensor.Buffer()] = readers.get(tensor.Buffer(), 0) + 1
    graph = model.Subgraphs(0)
    shared = [i for i in sorted(indices) if i < graph.TensorsLength() and readers[graph.Tensors(i).Buffer()] > 1]
    if not shared:
        return content
    changed = objects(content)
    for index in shared:
        tensor = changed.subgraphs[0].tensors[index]
        tensor.buffer = _appended(changed, tensor.buffer)
    return packed(changed)


def objects(content: bytes) -> Any:
    """The file as objects of the schema (`ModelT`), which can be changed freely."""
    return accessors().ModelT.InitFromObj(main_graph(content)[0])


def move_inside(model: Any, content: bytes) -> None:
    """Gives objects the data that lies behind the FlatBuffer of the file they came from, as that of large models does,
    where TFLM does not look: it would compute without."""
    import numpy as np

    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0


def _appended(model: Any, buffer: int) -> int:
    copy = accessors().BufferT()
    copy.data = model.buffers[buffer].data
    model.buffers.append(copy)
    return len(model.buffers) - 1


def _copied(model: Any, graph: Any, index: int) -> int:
    import copy

    tensor = copy.copy(graph.tensors[index])
    tensor.buffer = _appended(model, tensor.buffer)
    tensor.name = tensor.name + b";%d" % len(graph.tensors)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def packed(model: Any, share: bool = False) -> bytes:
    """Such objects as a file.

    Args:
      share: store equal vectors and strings once, to which all that have them point.
    """
    import flatbuffers

    class Builder(flatbuffers.Builder):
        """Aligns vectors of bytes, which the generated code does not, and finds those that are there already."""

        known: dict[tuple[str, bytes], Any] = {}  # noqa: RUF012, of one file

        def CreateNumpyVector(self, x: Any) -> Any:  # noqa: N802
            key = (x.dtype.str, x.tobytes())
            if key not in self.known or not share:
                self.known[key] = super().CreateNumpyVector(x)
            return self.known[key]

        def CreateString(self, s: Any, encoding: str = "utf-8", errors: str = "strict") -> Any:  # noqa: N802
            key = ("string", s if isinstance(s, bytes) else s.encode(encoding, errors))
            if key not in self.known or not share:
                self.known[key] = super().CreateString(s, encoding, errors)
            return self.known[key]

        def StartVector(self, size: int, count: int, alignment: int) -> Any:  # noqa: N802, the library's name
            return super().StartVector(size, count, ALIGNMENT if size == 1 else alignment)

    if share:
        _share_tables(model)
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Once:
    """An object of the schema that is written once, however many point to it."""

    def __init__(self, of: Any) -> None:
        self._of = of
        self._offset: Any = None

    def Pack(self, builder: Any) -> Any:  # noqa: N802, the schema's name
        """Where it lies in the file."""
        if self._offset is None:
            self._offset = self._of.Pack(builder)
        return self._offset


def _share_tables(model: Any) -> None:
    """Makes equal quantizations, options, tensors and operators one table each."""
    known: dict[tuple[Any, ...], _Once] = {}

    def once(table: Any) -> Any:
        return None if table is None else known.setdefault(_content(table), _Once(table))

    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.quantization = once(tensor.quantization)
        for operator in graph.operators or []:
            operator.builtinOptions = once(operator.builtinOptions)
        graph.tensors = [once(tensor) for tensor in graph.tensors]
        graph.operators = [once(operator) for operator in graph.operators or []]


def _content(table: Any) -> tuple[Any, ...]:
    """What a table says, to be compared; tables in it that are shared already are themselves."""
    parts: list[Any] = [type(table).__name__]
    for name, value in sorted(vars(table).items()):
        if hasattr(value, "tobytes"):
            value = (value.dtype.str, value.tobytes())
        elif isinstance(value, list):
            value = tuple(_content(v) if hasattr(v, "Pack") and not isinstance(v, _Once) else v for v in value)
        elif hasattr(value, "Pack") and not isinstance(value, _Once):
            value = _content(value)
        parts.append((name, value))
    return tuple(parts)
