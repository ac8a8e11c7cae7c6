"""Names of inner tensors, kept beside a file that does without them, as symbols are beside a stripped binary."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgekit.files import DAMAGE
from edgekit.flatbuffer.read import Graph, parse


class Names(msgspec.Struct, frozen=True):
    """`NAME.names.json`."""

    sha256: str
    """Of the `.tflite` that they belong to."""
    tensors: tuple[str, ...]
    """Of all subgraphs, in the file's order."""


def beside(path: Path) -> Path:
    """Where the names of a `.tflite` lie."""
    return path.with_suffix(".names.json")


def names(sha256: str, tensors: tuple[str, ...]) -> bytes:
    """The names of a file's tensors, as a file."""
    return msgspec.json.encode(Names(sha256, tensors)) + b"\n"


def moved(place: Path, content: bytes, changed: bytes) -> bytes:
    """The names of a file for one that was made of it by replacing constants and adding tensors at the end."""
    old, new = parse(content, "the file"), parse(changed, "the changed file")
    names = [t.name for t in with_names(old, place).tensors]
    pairs = zip(old.tensors, new.tensors, strict=False)
    same = [a.shape == b.shape and a.dtype == b.dtype for a, b in pairs if not a.bytes]
    added = len(new.tensors) - len(old.tensors)
    kept = names if added == 0 or all(same) else [""] * len(names)
    return msgspec.json.encode(Names(new.sha256, (*kept, *[""] * added))) + b"\n"


def with_names(graph: Graph, place: Path) -> Graph:
    """A graph whose tensors have their names again; as it is where there are none for this very file."""
    try:
        found = msgspec.json.decode(place.read_bytes(), type=Names)
    except (OSError, *DAMAGE):
        return graph
    if found.sha256 != graph.sha256 or len(found.tensors) != len(graph.tensors):
        return graph
    return with_tensor_names(graph, found.tensors)


def with_tensor_names(graph: Graph, names: tuple[str, ...]) -> Graph:
    """A graph whose first tensors have these names, if they have none."""
    pairs = list(zip(graph.tensors, names, strict=False))
    if all(tensor.name or not name for tensor, name in pairs):
        return graph
    first = [msgspec.structs.replace(tensor, name=tensor.name or name) for tensor, name in pairs]
    return msgspec.structs.replace(graph, tensors=(*first, *graph.tensors[len(first) :]))


def read_named(path: Path, place: Path | None = None) -> Graph:
    """Reads a `.tflite` with the names that lie beside it, or elsewhere.

    Raises:
      ModelError: see `edgekit.flatbuffer.read.read`.
    """
    from edgekit.flatbuffer.read import read

    return with_names(read(path), place or beside(path))
