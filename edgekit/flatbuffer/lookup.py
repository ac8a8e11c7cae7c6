"""Weights with few different values as indices into a table of them, for TFLM, which decodes them while it runs.

TFLM's own tool writes the file; which tensors, and with how many bits, is decided here. Every other runtime refuses the
result, for it holds operators that only TFLM has.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import constants, move_inside, objects
from edgekit.flatbuffer.edit import packed as packed_file
from edgekit.flatbuffer.read import Graph, parse_graph
from edgekit.flatbuffer.schema import accessors, tensor_dtypes
from edgekit.flatbuffer.strip import dieted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

DECODE = "TFLM_DECODE"
"""The operator."""
MOST_BITS = 7
"""Of an index."""
ONE_TABLE = 15
"""What stands for the axis of channels where there is one table for all."""
WORTH = 0.75
"""Share of a weight's bytes that indices and tables may take at most: less is not worth the time of decoding."""


class Candidate(NamedTuple):
    """A weight that can become indices."""

    tensor: int
    bits: int
    """Of an index."""
    axis: int | None
    """Along which each slice has a table of its own; None for one table."""


def with_lookup_tables(content: bytes, fits: Callable[[bytes], bool]) -> bytes:
    """The same model with lookup tables where they make the file smaller.

    Args:
      content: a file that `edgekit.flatbuffer.read` accepts.
      fits: whether the device can bear a file; a table costs arena, for what is decoded lies there.

    Source: `tflite_micro.compression`, and its operator DECODE.
    """
    best: bytes = content
    chosen: list[Candidate] = []
    alone = [(len(_compressed(content, [candidate])), candidate) for candidate in candidates(content)]
    for size, candidate in sorted(alone, key=lambda pair: pair[0]):
        tried = _compressed(content, [*chosen, candidate])
        if size < len(content) and len(tried) < len(best) and fits(tried):
            best, chosen = tried, [*chosen, candidate]
    return best


def without_lookup_tables(content: bytes, names: tuple[str, ...] = ()) -> bytes:
    """The same model with weights as they are in the place of tables, which all runtimes take.

    Args:
      content: a file that `edgekit.flatbuffer.read` accepts.
      names: of its tensors, if it lacks them.

    Raises:
      ModelError: what it decodes are no lookup tables.
    """
    import numpy as np

    model = objects(content)
    move_inside(model, content)
    for tensor, name in zip((t for graph in model.subgraphs for t in graph.tensors), names, strict=False):
        tensor.name = name.encode()
    for graph in model.subgraphs:
        left = []
        for operator in graph.operators or []:
            if (model.operatorCodes[operator.opcodeIndex].customCode or b"") != DECODE.encode():
                left.append(operator)
                continue
            stored = [_bytes_of(model, graph.tensors[int(index)]) for index in operator.inputs]
            pairs = zip(operator.outputs, stored[::2], stored[1::2], strict=False)
            for index, packed, header in pairs:
                made = graph.tensors[int(index)]
                shape = tuple(int(n) for n in made.shape)
                values = looked_up(packed, header, shape, tensor_dtypes().get(made.type, ""))
                if values is None:
                    raise ModelError(f"what {DECODE} reads are no lookup tables; fetch the file again")
                buffer = accessors().BufferT()
                buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
                model.buffers.append(buffer)
                made.buffer = len(model.buffers) - 1
        graph.operators = left
    return dieted(packed_file(model), keep_names=True, harvest=False)


def _bytes_of(model: Any, tensor: Any) -> np.ndarray | None:
    import numpy as np

    data = model.buffers[tensor.buffer].data
    return None if data is None else np.asarray(data, np.uint8)


def looked_up(
    packed: np.ndarray | None, header: np.ndarray | None, shape: tuple[int, ...], dtype: str
) -> np.ndarray | None:
    """The weights that DECODE makes of a pair of constants; None where these are no lookup tables for them.

    Args:
      packed: indices uint8, one after the other, highest bits first.
      header: 16 bytes uint8, then the tables.
      shape, dtype: of the weights.

    Source: TFLM, tensorflow/lite/micro/kernels/decode_state_lut.cc.
    """
    import numpy as np

    if packed is None or header is None or packed.dtype != np.uint8 or header.dtype != np.uint8 or header.size < 16:
        return None
    kind, version, _, _, own_version, parameters, step = header[:7].tolist()
    bits, axis, total = parameters & 7, parameters >> 4, math.prod(shape)
    if (kind, version, own_version) != (0, 1, 1) or not bits or (axis >= len(shape) and axis != ONE_TABLE):
        return None
    digits = np.unpackbits(packed)[: bits * total]
    if dtype not in ("int8", "int16", "int32", "int64") or min(shape, default=1) < 1 or len(digits) < bits * total:
        return None
    tables = header[16 : len(header) - len(header) % np.dtype(dtype).itemsize].view(dtype)
    indices = (digits.reshape(-1, bits) @ (1 << np.arange(bits)[::-1])).reshape(shape)
    if axis != ONE_TABLE:
        indices = np.moveaxis(np.moveaxis(indices, axis, -1) + step * np.arange(shape[axis]), -1, axis)
    return tables[indices] if indices.max() < len(tables) else None


def candidates(content: bytes) -> list[Candidate]:
    """Weights whose indices and tables take clearly fewer bytes than their values."""
    import numpy as np

    graph, found = parse_graph(content, "the model"), []
    weights = _weights(graph)
    for index, values in constants(content).items():
        if index not in weights or values.dtype != np.int8:
            continue
        # TFLM looks for a table for each channel wherever there is a scale for each, whatever the file says.
        tensor = graph.tensors[index]
        option = _option(index, values, tensor.quantized_dimension if len(tensor.scales) > 1 else None)
        if option and option[0] <= WORTH * values.size:
            found.append(option[1])
    return found


def _weights(graph: Graph) -> set[int]:
    """Tensors of the main graph that are the weights of a layer, and nothing else."""
    layers = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
    used: dict[int, bool] = {}
    for operator in graph.operators:
        for place, index in enumerate(operator.inputs):
            own = operator.subgraph == 0 and layers.get(operator.name) == place
            used[index] = used.get(index, True) and own
    return {index for index, own in used.items() if own}


def _option(index: int, values: np.ndarray, axis: int | None) -> tuple[int, Candidate] | None:
    """Bytes of indices and tables, and how they are made; None where there are too many values."""
    import numpy as np

    rows = values.reshape(1, -1) if axis is None else np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    most = max(len(np.unique(row)) for row in rows)
    bits = max(1, math.ceil(math.log2(most)))
    if bits > MOST_BITS:
        return None
    return math.ceil(values.size * bits / 8) + len(rows) * 2**bits, Candidate(index, bits, axis)


def _compressed(content: bytes, chosen: list[Candidate]) -> bytes:
    from tflite_micro.tensorflow.lite.micro.compression import spec

    specs = []
    for c in chosen:
        mode = spec.PerTensor() if c.axis is None else spec.PerChannel(axis=c.axis)
        specs.append(spec.Tensor(0, c.tensor, [spec.LookUpTableCompression(c.bits, mode)]))
    return dieted(bytes(_tool().compress(content, specs)), keep_names=True)


def _tool() -> Any:
    """The module, which its package hides behind a function of the same name."""
    import tflite_micro.tensorflow.lite.micro.compression  # noqa: F401

    return sys.modules["tflite_micro.tensorflow.lite.micro.compression.compress"]
