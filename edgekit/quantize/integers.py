"""Whether a quantized graph computes in integers throughout."""

from __future__ import annotations

from edgekit.flatbuffer.detection import DETECTION
from edgekit.flatbuffer.read import Graph, Operator

INTEGERS = {"int4", "int8", "int16", "int32", "int64", "bool"}


def float_operators(graph: Graph) -> list[str]:
    """The operators that still compute in floating point, each with the tensor that it makes, named after its layer.

    The conversions at the edges of a model with float inputs and outputs do not count, nor does the end of a detector,
    which no runtime has in integers.
    """
    return [described(operator, graph) for operator in graph.operators if in_float(operator, graph)]


def in_float(operator: Operator, graph: Graph) -> bool:
    """Whether an operator computes in floating point, and does not only convert to it or from it."""
    if operator.name in ("QUANTIZE", "DEQUANTIZE") or (operator.custom and operator.name == DETECTION):
        return False
    tensors = (graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0)
    return any(t.dtype not in INTEGERS for t in tensors)


def described(operator: Operator, graph: Graph) -> str:
    """An operator and the tensor that it makes, such as "CONV_2D (model/conv1/Relu)"."""
    return f"{operator.name} ({made(operator, graph).split(';')[0]})"


def made(operator: Operator, graph: Graph) -> str:
    """The name of the first tensor that an operator makes."""
    return graph.tensors[operator.outputs[0]].name if operator.outputs else ""
