"""What a `.tflite` costs before it runs: its size, its download, its multiply-accumulates."""

from __future__ import annotations

import zlib
from pathlib import Path

from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.anatomy import peak
from edgekit.flatbuffer.edit import constants
from edgekit.flatbuffer.read import Graph, is_weight, read_graph
from edgekit.types import Artifact, Measurement


@stage("describe", process=TOOLS, libraries=READING)
def measure_file(work: Work, model: Artifact) -> list[Measurement]:
    """`model_size`, `download_size` (deflated at level 9), `macs`, `parameters` and how many of them are not zero; and
    `activations`, the most bytes of tensors that are needed at once.

    Raises:
      ModelError: the file is none.
    """
    graph, content = read_graph(Path(model.path)), Path(model.path).read_bytes()
    return [
        Measurement("model_size", graph.bytes, "B"),
        Measurement("download_size", len(zlib.compress(content, 9)), "B"),
        Measurement("macs", graph.macs, "1"),
        Measurement("parameters", graph.parameters, "1"),
        Measurement("nonzero", _nonzero(graph, content), "1"),
        Measurement("activations", peak(graph), "B"),
    ]


def _nonzero(graph: Graph, content: bytes) -> int:
    """Weights that are not zero, biases included; a buffer that several tensors share counts once."""
    import numpy as np

    weights = {}
    for index, value in constants(content).items():
        tensor = graph.tensors[index]
        if is_weight(tensor):
            zero = tensor.zero_points[0] if len(set(tensor.zero_points)) == 1 else 0
            weights[value.__array_interface__["data"][0]] = int(np.count_nonzero(value != zero))
    return sum(weights.values())
