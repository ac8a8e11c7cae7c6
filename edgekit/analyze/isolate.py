"""Operators on their own: a graph in which none feeds another, so that one run tells the error of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgekit.analyze.tensors import constants
from edgekit.flatbuffer.edit import objects, packed
from edgekit.flatbuffer.graph import Graph
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    import numpy as np


def isolated(model: Graph, weights: Mapping[int, np.ndarray] | None = None) -> tuple[bytes, dict[int, int]]:
    """A `.tflite` with the same operators, each reading its activations from inputs of the graph.

    Tensors keep their indices; behind them come the new inputs. Outputs of operators are read from an interpreter that
    preserves all tensors.

    Args:
      weights: new float32 values of constant tensors, by index.

    Returns:
      the file, and for each new input's index the tensor that it stands for.
    """
    import copy

    import numpy as np

    root = objects(model.content)
    [graph] = root.subgraphs
    fixed = constants(model)
    stand_in: dict[int, int] = {}
    for operator in graph.operators:
        operator.inputs = [int(i) for i in operator.inputs]
        for place, i in enumerate(operator.inputs):
            if i < 0 or i in fixed:
                continue
            if i not in stand_in:
                stand_in[i] = len(graph.tensors)
                fresh = copy.copy(graph.tensors[i])
                fresh.name, fresh.buffer = b"for " + (fresh.name or b""), 0
                graph.tensors.append(fresh)
            operator.inputs[place] = stand_in[i]
    for i, values in (weights or {}).items():
        buffer = accessors().BufferT()
        buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
        graph.tensors[i].buffer = len(root.buffers)
        root.buffers.append(buffer)
    graph.inputs = list(stand_in.values())
    root.signatureDefs = None
    return packed(root), {fresh: i for i, fresh in stand_in.items()}
