"""Which tensor of a quantized `.tflite` is which of the float one it was made from."""

from __future__ import annotations

import difflib
import math

from edgekit.errors import ModelError
from edgekit.flatbuffer.graph import Graph, Operator, Tensor
from edgekit.flatbuffer.read import parse_graph

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
"""Operators that quantizers put in: their output has the same meaning as their input."""


def single_graph(content: bytes, name: str) -> Graph:
    """Reads a `.tflite`.

    Raises:
      ModelError: it is damaged, or has several graphs.
    """
    graph = parse_graph(content, name)
    if graph.subgraphs > 1:
        raise ModelError(
            f"{name}: has {graph.subgraphs} graphs, of which an explanation follows one: convert the model with one "
            "signature, and without loops or branches"
        )
    return graph


def constants(model: Graph) -> set[int]:
    """Tensors that do not depend on the model's inputs: weights, states, and what is computed of them alone."""
    made = {i for operator in model.operators for i in operator.outputs}
    known = {t.index for t in model.tensors} - made - set(model.ends[0])
    for operator in model.operators:
        if all(i < 0 or i in known for i in operator.inputs):
            known.update(operator.outputs)
    return known


def match(quantized: Graph, reference: Graph) -> dict[int, int]:
    """For tensors of the quantized graph the tensor of the float graph that means the same.

    By name, where the size agrees too. Quantizers rename tensors and merge names, so what is left is matched by the
    place of the operator that makes it, and across conversions. Weights are matched by the operator that reads them.
    """
    ours, theirs = quantized.tensors, reference.tensors
    fixed, others = constants(quantized), constants(reference)
    names = {t.name: t for t in theirs if t.name and t.index not in others}
    aligned = operators(quantized, reference)
    found = {
        t.index: names[t.name].index
        for t in ours
        if t.index not in fixed and t.name in names and _alike(t, names[t.name])
    }
    for i, j in zip(quantized.ends[0], reference.ends[0], strict=False):
        if _alike(ours[i], theirs[j]):
            found[i] = j
    for one, other in aligned:
        for i, j in zip(one.outputs, other.outputs, strict=False):
            found.setdefault(i, j)
    conversions = [(op.inputs[0], op.outputs[0]) for op in quantized.operators if op.name in CONVERSIONS]
    for before, after in conversions:
        if before in found:
            found.setdefault(after, found[before])
    for before, after in reversed(conversions):
        if after in found:
            found.setdefault(before, found[after])
    for one, other in aligned:
        for i, j in zip(one.inputs, other.inputs, strict=False):
            if i in fixed and j in others and _alike(ours[i], theirs[j]):
                found.setdefault(i, j)
    return found


def operators(quantized: Graph, reference: Graph) -> list[tuple[Operator, Operator]]:
    """Operators of the two graphs that stand at the same place: of the same kind, with outputs of the same shape."""
    ours, theirs = ([op for op in g.operators if op.name not in CONVERSIONS] for g in (quantized, reference))
    matcher = difflib.SequenceMatcher(
        a=[_signature(op, quantized) for op in ours], b=[_signature(op, reference) for op in theirs], autojunk=False
    )
    blocks = matcher.get_matching_blocks()
    return [(ours[block.a + i], theirs[block.b + i]) for block in blocks for i in range(block.size)]


def _signature(operator: Operator, graph: Graph) -> tuple[object, ...]:
    return (operator.name, *(graph.tensors[i].shape for i in operator.outputs))


def _alike(one: Tensor, other: Tensor) -> bool:
    return math.prod(one.shape) == math.prod(other.shape)
