"""The names and the order of a model's inputs and outputs, where a converter has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.flatbuffer.edit import move_inside, objects, packed


def with_ends(content: bytes, outputs: Sequence[str]) -> bytes:
    """The same model, whose outputs have the order and the names of the function that it was made of.

    TensorFlow's converter calls them `Identity_1` or `StatefulPartitionedCall:1`. By way of a SavedModel it also sorts
    them by the names of layers; its signature still says which is `output_1`. Inputs get the signature's names.

    Args:
      content: what the converter made.
      outputs: names, in the function's order; where there are as many as the model has outputs they are used.
    """
    model = objects(content)
    graph = model.subgraphs[0]
    made = [int(index) for index in graph.outputs]
    if len(made) != len(outputs):
        return content
    move_inside(model, content)
    signature = next((s for s in model.signatureDefs or [] if s.subgraphIndex == 0), None)
    if signature:
        found = {bytes(part.name or b""): part for part in signature.outputs or []}
        parts = [found[key] for number in range(len(outputs)) if (key := b"output_%d" % number) in found]
        if len(parts) == len(outputs):
            made = [int(part.tensorIndex) for part in parts]
            for part, name in zip(parts, outputs, strict=True):
                part.name = name.encode()
            signature.outputs = parts
        for part in signature.inputs or []:
            graph.tensors[part.tensorIndex].name = part.name
    graph.outputs = made
    named = {int(index) for index in graph.inputs}
    for index, name in zip(made, outputs, strict=True):
        if index not in named:  # one tensor may be several ends
            graph.tensors[index].name = name.encode()
            named.add(index)
    return packed(model)


def apart(names: Sequence[Any]) -> tuple[str, ...]:
    """Names of which no two are alike, in their order."""
    made: list[str] = []
    for name in map(str, names):
        given, number = name, 0
        while name in made:
            number += 1
            name = f"{given}_{number}"
        made.append(name)
    return tuple(made)
