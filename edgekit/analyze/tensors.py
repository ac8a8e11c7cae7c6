"""Which tensor of a quantized `.tflite` is which of the float one it was made from."""

from __future__ import annotations

import difflib
import math
from typing import NamedTuple

from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, Operator, Tensor, _schema, parse

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
"""Operators that quantizers put in: their output has the same meaning as their input."""


class Network(NamedTuple):
    """A `.tflite` with one graph."""

    content: bytes
    graph: Graph
    inputs: tuple[int, ...]
    """Positions of the model's inputs in `graph.tensors`,"""
    outputs: tuple[int, ...]
    """and of its outputs."""


def network(content: bytes, name: str) -> Network:
    """Reads a `.tflite`.

    Raises:
      ModelError: it is damaged, or has several graphs.
    """
    graph = parse(content, name)
    if graph.subgraphs > 1:
        raise ModelError(
            f"{name}: has {graph.subgraphs} graphs, of which an explanation follows one: convert the model with one "
            "signature, and without loops or branches"
        )
    root = _schema().Model.GetRootAs(content, 0).Subgraphs(0)
    inputs = tuple(int(root.Inputs(i)) for i in range(root.InputsLength()))
    outputs = tuple(int(root.Outputs(i)) for i in range(root.OutputsLength()))
    return Network(content, graph, inputs, outputs)


def constants(model: Network) -> set[int]:
    """Tensors that do not depend on the model's inputs: weights, states, and what is computed of them alone."""
    made = {i for operator in model.graph.operators for i in operator.outputs}
    known = {t.index for t in model.graph.tensors} - made - set(model.inputs)
    for operator in model.graph.operators:
        if all(i < 0 or i in known for i in operator.inputs):
            known.update(operator.outputs)
    return known


def match(quantized: Network, reference: Network) -> dict[int, int]:
    """For tensors of the quantized graph the tensor of the float graph that means the same.

    By name, where the size agrees too. Quantizers rename tensors and merge names, so what is left is matched by the
    place of the operator that makes it, and across conversions. Weights are matched by the operator that reads them.
    """
    ours, theirs = quantized.graph.tensors, reference.graph.tensors
    fixed, others = constants(quantized), constants(reference)
    names = {t.name: t for t in theirs if t.name and t.index not in others}
    aligned = operators(quantized.graph, reference.graph)
    found = {
        t.index: names[t.name].index
        for t in ours
        if t.index not in fixed and t.name in names and _alike(t, names[t.name])
    }
    for i, j in zip(quantized.inputs, reference.inputs, strict=False):
        if _alike(ours[i], theirs[j]):
            found[i] = j
    for one, other in aligned:
        for i, j in zip(one.outputs, other.outputs, strict=False):
            found.setdefault(i, j)
    conversions = [(op.inputs[0], op.outputs[0]) for op in quantized.graph.operators if op.name in CONVERSIONS]
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
