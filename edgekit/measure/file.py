"""What a `.tflite` costs before it runs: its size, its download, its multiply-accumulates."""

from __future__ import annotations

import zlib
from pathlib import Path

from edgekit.flatbuffer.read import read
from edgekit.types import Measurement


def measure_file(model: str) -> list[Measurement]:
    """`model_size`, `download_size` (deflated at level 9), `macs` and `parameters` of a `.tflite`.

    Raises:
      ModelError: the file is none.
    """
    graph = read(Path(model))
    return [
        Measurement("model_size", graph.bytes, "B"),
        Measurement("download_size", len(zlib.compress(Path(model).read_bytes(), 9)), "B"),
        Measurement("macs", graph.macs, "1"),
        Measurement("parameters", graph.parameters, "1"),
    ]
