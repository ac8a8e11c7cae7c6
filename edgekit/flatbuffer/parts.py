"""The operators of a `.tflite`, one by one."""

from __future__ import annotations

from edgekit.flatbuffer.macs import elements
from edgekit.flatbuffer.read import Graph
from edgekit.types import Part


def operator_parts(graph: Graph) -> tuple[Part, ...]:
    """What each operator makes and costs, in the file's order; a weight counts where it is read."""
    parts = []
    for operator in graph.operators:
        made = graph.tensors[operator.outputs[0]] if operator.outputs else None
        weights = [graph.tensors[i] for i in operator.inputs if i >= 0 and graph.tensors[i].bytes]
        size = sum(elements(t.shape) for t in weights if t.scales or t.dtype.startswith(("float", "bfloat")))
        shape = "x".join(map(str, made.shape)) or "scalar" if made else ""
        kind = f"{operator.name} v{operator.version}"
        output = f"{made.dtype} {shape}" if made else ""
        parts.append(Part(made.name if made else "", kind, output, size, operator.macs))
    return tuple(parts)
