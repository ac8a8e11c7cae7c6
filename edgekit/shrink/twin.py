"""The twin of a `.tflite` whose weights TFLM decodes from lookup tables: the same model for all other runtimes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgekit.engine import worker
from edgekit.flatbuffer.read import read_graph

TIME_LIMIT = 120.0
"""Seconds."""
SAID = "its twin without lookup tables, which TFLM alone decodes"


@contextlib.contextmanager
def twin(path: Path) -> Iterator[Path]:
    """The file itself where it has no tables, else its twin, which is there for as long as the block.

    Raises:
      ModelError: it is no `.tflite`, or what it decodes are no lookup tables.
    """
    from edgekit.flatbuffer.lookup import DECODE

    if DECODE not in read_graph(path).operator_names:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / path.name
        arguments = str(path), str(place)
        worker.call_confined(twin_file, *arguments, returns=type(None), writes=[folder], time_limit=TIME_LIMIT)
        yield place


def twin_file(model: str, place: str) -> None:
    """Writes the twin of a file, with the names that lie beside it.

    Raises:
      ModelError: what it decodes are no lookup tables.
    """
    from edgekit.errors import ModelError
    from edgekit.flatbuffer.bounds import guarded
    from edgekit.flatbuffer.lookup import without_lookup_tables
    from edgekit.flatbuffer.names import read_named

    content = Path(model).read_bytes()
    names = tuple(tensor.name for tensor in read_named(Path(model)).tensors)
    try:
        with guarded(len(content)):
            Path(place).write_bytes(without_lookup_tables(content, names))
    except ModelError as problem:
        raise ModelError(f"{model}: {problem}") from problem
