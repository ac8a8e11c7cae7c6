"""Whether a quantized graph computes in integers throughout."""

from __future__ import annotations

from edgekit.flatbuffer.read import Graph

INTEGERS = {"int4", "int8", "int16", "int32", "int64", "bool"}


def float_operators(graph: Graph) -> list[str]:
    """The operators that still compute in floating point, each with the tensor that it makes, named after its layer.

    The conversions at the edges of a model with float inputs and outputs do not count.
    """
    found = []
    for operator in graph.operators:
        tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        if operator.name not in ("QUANTIZE", "DEQUANTIZE") and any(t.dtype not in INTEGERS for t in tensors):
            made = tensors[-1].name.split(";")[0] if operator.outputs else ""
            found.append(f"{operator.name} ({made})")
    return found
