"""Repetition along an axis, as RepeatVector makes it, by an operator that TFLM and standalone C have."""

from __future__ import annotations

from edgekit.flatbuffer.edit import constants, objects
from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.schema import accessors
from edgekit.quantize.casts import add_constant, code_of, with_used_codes


def with_gathers(content: bytes) -> bytes:
    """The same float `.tflite`, in which TILE along one axis is GATHER, which takes the same values again and again."""
    import numpy as np

    graph, fixed = parse_graph(content, "the float model"), constants(content)
    found = {}
    for number, operator in enumerate(graph.operators):
        if operator.name != "TILE" or operator.subgraph or operator.inputs[1] not in fixed:
            continue
        times = fixed[operator.inputs[1]].ravel()
        source = graph.tensors[operator.inputs[0]]
        axes = np.flatnonzero(times != 1)
        if len(axes) == 1 and source.dtype == "float32" and len(times) == len(source.shape):
            found[number] = int(axes[0]), np.tile(np.arange(source.shape[axes[0]], dtype=np.int32), times[axes[0]])
    if not found:
        return content
    schema, model = accessors(), objects(content)
    for number, (axis, rows) in found.items():
        operator, options = model.subgraphs[0].operators[number], schema.GatherOptionsT()
        options.axis = axis
        operator.opcodeIndex = code_of(model, "GATHER")
        operator.inputs = [operator.inputs[0], add_constant(model, rows, "rows")]
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.GatherOptions, options
    return with_used_codes(model)
