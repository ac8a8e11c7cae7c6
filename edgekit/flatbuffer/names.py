"""Names of inner tensors, kept beside a file that does without them, as symbols are beside a stripped binary."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgekit.files import DAMAGE
from edgekit.flatbuffer.read import Graph, Operator, parse_graph

INSIDE = ("BiasAdd", "ReadVariableOp", "separable_conv2d", "Conv2D", "MatMul", "Tensordot")
"""Parts of a name that lie inside of a layer."""

MADE = ("tfl.", "arith.")
"""How names begin that the converter gives to what it makes itself, such as fused recurrent layers."""


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
    old, new = parse_graph(content, "the file"), parse_graph(changed, "the changed file")
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
    from edgekit.flatbuffer.read import read_graph

    return with_names(read_graph(path), place or beside(path))


def known_layer(operator: Operator, graph: Graph, layers: frozenset[str]) -> str:
    """The layer of a Keras model that an operator came from, with those of the models around it: `block/conv`.

    A fused operator has the names of all its parts; the layer whose weights it has comes first, then the one that made
    the sum before the activation. Where the names hold none of the layers (those of a student are others) it is what
    stands between the model and the operation, or the operation; of a file without layers it is what `plain` says.

    Args:
      layers: names of the model's layers, and of those in them; none where it has no layers.
    """
    weights = [i for i in operator.inputs[1:2] if i >= 0 and graph.tensors[i].bytes]
    for i in (*weights, *operator.outputs) if layers else ():
        for name in reversed(graph.tensors[i].name.split(";")):
            parts = name.split(":")[0].split("/")
            if found := _path(parts[1:], layers) or _path(parts, layers):
                return found
    parts = plain(operator, graph).split("/")
    if layers and parts[0].startswith(MADE):
        return operator.name
    return "/".join(parts[1:-1] if layers and len(parts) > 2 else parts)


def _path(parts: list[str], layers: frozenset[str]) -> str:
    """The layers that the first parts of a name are; a layer's own name may have several parts."""
    path = list[str]()
    while parts:
        size = next((n for n in range(len(parts), 0, -1) if "/".join(parts[:n]) in layers), 0)
        if not size:
            break
        path.append("/".join(parts[:size]))
        parts = parts[size:]
    return "/".join(path)


def plain(operator: Operator, graph: Graph) -> str:
    """The plainest of the names of what an operator makes."""
    names = graph.tensors[operator.outputs[0]].name.split(";") if operator.outputs else []
    return min(names, key=len, default="") or operator.name


def layer_name(operator: Operator, graph: Graph) -> str:
    """The Keras layer that an operator of a float graph came from, as the names of its tensors tell.

    A name such as `model/block/conv/Conv2D` holds the layer between the model and the operation. Weights have the
    plainest name; the output of fused operators has the names of all parts, the layer with the weights last.
    """
    weights = [i for i in operator.inputs[1:2] if i >= 0 and len(graph.tensors[i].shape) > 1 and graph.tensors[i].bytes]
    for i in (*weights, *operator.outputs, *operator.inputs[:1]):
        parts = graph.tensors[i].name.split(";")[-1].split("/") if i >= 0 else []
        if len(parts) > 1:
            inner = parts[1:-1] or parts[:1]
            cut = next((k for k, part in enumerate(inner) if k and part in INSIDE), len(inner))
            return "/".join(inner[:cut])
    return graph.tensors[operator.outputs[0]].name if operator.outputs else ""
