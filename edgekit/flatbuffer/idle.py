"""Operators that do nothing, taken out."""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.schema import kind_of

SAME_VALUES = {"RESHAPE", "QUANTIZE", "PAD", "PADV2", "SLICE", "STRIDED_SLICE", "TRANSPOSE", "CONCATENATION", "TILE"}
"""Operators that do nothing if neither shape nor quantization changes; some need a closer look."""


def without_idle_operators(model: Any) -> None:
    """Takes out, in place, each operator of `SAME_VALUES` whose output is its input, and each RESHAPE before a
    FULLY_CONNECTED that reads its input as rows of as many values as it has weights for each output.

    Source: `tensorflow/lite/kernels/fully_connected.cc`, `batch_size = input_size / filter->dims->data[1]`.
    """
    for graph in model.subgraphs:
        ends = {int(i) for i in (*graph.inputs, *graph.outputs)}
        readers: dict[int, list[Any]] = {}
        for operator in graph.operators or []:
            for index in operator.inputs:
                readers.setdefault(int(index), []).append(operator)
        kept = []
        for operator in graph.operators or []:
            if kind_of(model, operator) in SAME_VALUES and _idle(model, graph, operator, ends, readers):
                source, made = int(operator.inputs[0]), int(operator.outputs[0])
                for reader in readers.get(made, []):
                    reader.inputs = [source if int(i) == made else int(i) for i in reader.inputs]
                    readers.setdefault(source, []).append(reader)
            else:
                kept.append(operator)
        graph.operators = kept


def _idle(model: Any, graph: Any, operator: Any, ends: set[int], readers: dict[int, list[Any]]) -> bool:
    source, made = graph.tensors[int(operator.inputs[0])], graph.tensors[int(operator.outputs[0])]
    if int(operator.outputs[0]) in ends or not readers.get(int(operator.outputs[0])):
        return False
    if source.type != made.type or not _alike(source.quantization, made.quantization):
        return False
    kind = kind_of(model, operator)
    if list(source.shape) == list(made.shape):
        return _straight(model, graph, operator, kind)
    if kind != "RESHAPE" or len(made.shape) != 2 or int(made.shape[0]) != int(source.shape[0]):
        return False
    return all(
        kind_of(model, reader) == "FULLY_CONNECTED"
        and int(reader.inputs[0]) == int(operator.outputs[0])
        and not reader.builtinOptions.keepNumDims
        and int(graph.tensors[int(reader.inputs[1])].shape[-1]) == int(made.shape[-1])
        for reader in readers[int(operator.outputs[0])]
    )


def _straight(model: Any, graph: Any, operator: Any, kind: str) -> bool:
    """Whether an operator that leaves the shape leaves the order of the values too."""
    if kind == "CONCATENATION":
        return len(operator.inputs) == 1 and not operator.builtinOptions.fusedActivationFunction
    if kind not in ("TRANSPOSE", "STRIDED_SLICE"):
        return True
    values = _integers(model, graph, int(operator.inputs[-1]))  # the permutation, the strides
    if values is None:
        return False
    return values == list(range(len(values))) if kind == "TRANSPOSE" else all(v == 1 for v in values)


def _integers(model: Any, graph: Any, index: int) -> list[int] | None:
    """A constant of int32, None where it is none."""
    import numpy as np

    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) != 4 * int(np.prod(tensor.shape)):
        return None
    return [int(v) for v in np.asarray(data, np.uint8).view(np.int32)]


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    pairs = ((one.scale, other.scale), (one.zeroPoint, other.zeroPoint))
    return all(([] if a is None else list(a)) == ([] if b is None else list(b)) for a, b in pairs)
