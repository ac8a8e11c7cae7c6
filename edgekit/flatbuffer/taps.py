"""A model that hands out what every operator makes."""

from __future__ import annotations

from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.schema import tensor_dtypes

OPAQUE = {"string", "resource", "variant"}
"""Types whose values are no numbers."""


def tapped(content: bytes) -> tuple[bytes, list[int]]:
    """The same model with the outputs of all operators of its main graph as further outputs.

    This works in every runtime and with every delegate: a tensor that is an output has to be made.

    Returns:
      the file, and the index of the tensor that each of its outputs is, those of the model first.
    """
    model = objects(content)
    move_inside(model, content)
    graph = model.subgraphs[0]
    outputs = [int(i) for i in graph.outputs]
    for operator in graph.operators or []:
        for index in map(int, operator.outputs):
            tensor = graph.tensors[index]
            if index not in outputs and not tensor.isVariable and tensor_dtypes()[tensor.type] not in OPAQUE:
                outputs.append(index)
    graph.outputs = outputs
    return packed(model), outputs


def ending_at(content: bytes, number: int) -> bytes:
    """The part of a model that ends with an operator of its main graph, whose first output is its only one."""
    model = objects(content)
    move_inside(model, content)
    graph = model.subgraphs[0]
    graph.outputs = [int(graph.operators[number].outputs[0])]
    graph.operators = graph.operators[: number + 1]
    model.signatureDefs = None
    return packed(model)
