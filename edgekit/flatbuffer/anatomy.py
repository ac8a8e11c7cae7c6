"""What the bytes of a `.tflite` are for, and how much memory its tensors take while it runs."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.edit import vectors
from edgekit.flatbuffer.macs import elements
from edgekit.flatbuffer.names import beside, known_layer, with_names
from edgekit.flatbuffer.read import Graph, Operator, Tensor, read_graph
from edgekit.types import Artifact

BITS = {"int4": 4, "int2": 2, "uint4": 4, "bool": 8, "float16": 16, "bfloat16": 16, "int16": 16, "uint16": 16}
WIDE = {"float64": 64, "int64": 64, "uint64": 64, "complex64": 64, "complex128": 128}
"""Bits of an element; of the others it is 32, or 8 where the name says so."""


class Layer(Struct, frozen=True):
    """One operator of the main graph, in the order of execution."""

    name: str
    """Of the Keras layer that it came from; else what its tensor is called."""
    kind: str
    weights: int
    """Bytes of its constants of more than one dimension."""
    biases: int
    """Bytes of the others."""
    macs: int
    live: int
    """Bytes of the tensors in memory while it runs: what it reads and makes, and what others still need."""
    tensor: str = ""
    """What it makes is called in the file, with all the names of a fused operator."""


class Anatomy(Struct, frozen=True):
    """A file's bytes and its memory over time."""

    bytes: int
    weights: int
    biases: int
    quantization: int
    """Scales and zero points."""
    names: int
    structure: int
    """Everything else: tables, offsets, padding, metadata."""
    layers: list[Layer]

    @property
    def peak(self) -> Layer | None:
        """The operator during which most memory is in use."""
        return max(self.layers, key=lambda layer: layer.live, default=None)


@stage("anatomy", process=TOOLS, libraries=READING)
def anatomy(work: Work, model: Artifact, names: Artifact | None = None, known: tuple[str, ...] = ()) -> Anatomy:
    """Takes a file apart.

    Args:
      names: file with those of its tensors, if it lacks them.
      known: the layers of the Keras model that it was made of.

    Raises:
      ModelError: it is no `.tflite`.
    """
    bare, content = read_graph(Path(model.path)), Path(model.path).read_bytes()
    graph = with_names(bare, Path(names.path) if names else beside(Path(model.path)))
    operators = [op for op in graph.operators if op.subgraph == 0]
    live, kept = _live(graph, operators), frozenset(known)
    seen: set[int] = set()
    layers = []
    for number, op in enumerate(operators):
        constants = {
            t.buffer: t for i in op.inputs if i >= 0 and (t := graph.tensors[i]).bytes and t.buffer not in seen
        }
        seen |= set(constants)
        wide = sum(t.bytes for t in constants.values() if len(t.shape) > 1)
        narrow = sum(t.bytes for t in constants.values()) - wide
        name, made = known_layer(op, graph, kept), graph.tensors[op.outputs[0]].name if op.outputs else ""
        layers.append(Layer(name, op.name, wide, narrow, op.macs, live[number], made))
    weights, biases = sum(layer.weights for layer in layers), sum(layer.biases for layer in layers)
    quantization, own = vectors(content), sum(len(name.encode()) for name in {t.name for t in bare.tensors})
    rest = graph.bytes - weights - biases - quantization - own
    return Anatomy(graph.bytes, weights, biases, quantization, own, rest, layers)


def peak(graph: Graph) -> int:
    """The most bytes of tensors that an operator and those after it need at once; no plan of an arena is smaller."""
    return max(_live(graph, [op for op in graph.operators if op.subgraph == 0]), default=0)


def _live(graph: Graph, operators: list[Operator]) -> list[int]:
    """Bytes in use during each operator; tensors live from the operator that makes them to the last that reads them."""
    first: dict[int, int] = dict.fromkeys(_indices(graph, "inputs"), 0)
    last: dict[int, int] = dict.fromkeys(_indices(graph, "outputs"), len(operators) - 1)
    for number, op in enumerate(operators):
        for i in op.outputs:
            first.setdefault(i, number)
            last.setdefault(i, number)
        for i in op.inputs:
            if i in first:
                last[i] = max(number, last.get(i, number))
    spans = [(first[i], last.get(i, first[i]), _bytes(graph.tensors[i])) for i in first]
    return [sum(size for a, b, size in spans if a <= number <= b) for number in range(len(operators))]


def _indices(graph: Graph, ends: str) -> list[int]:
    """The tensors at one end of the main graph: those that nothing in it makes, or reads."""
    made = {i for op in graph.operators if op.subgraph == 0 for i in op.outputs}
    used = {i for op in graph.operators if op.subgraph == 0 for i in op.inputs}
    if ends == "inputs":
        return [i for i in sorted(used - made) if i >= 0 and not graph.tensors[i].bytes]
    return sorted(made - used)


def _bytes(tensor: Tensor) -> int:
    bits = WIDE.get(tensor.dtype) or BITS.get(tensor.dtype) or (8 if tensor.dtype.endswith("int8") else 32)
    return -(-elements(tensor.shape) * bits // 8)
