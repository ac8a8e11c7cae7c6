"""What a model costs by its layers, also before channels are really removed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.compress.dependencies import Dependencies
from edgekit.compress.narrow import axes, stays

if TYPE_CHECKING:
    import numpy as np


class Cost(NamedTuple):
    """Sums over a model's layers."""

    parameters: int
    macs: int
    """Multiply-accumulates of one inference."""
    bytes: int
    """Of the weights as int8 and the biases as int32; BatchNormalization is folded into its neighbour."""


def cost(model: Any, found: Dependencies | None = None, removed: np.ndarray | None = None) -> Cost:
    """What a `tf_keras` model costs, or would cost without some channels.

    Args:
      found: the model's dependencies; only with `removed`.
      removed: labels, each the root of its class.
    """
    calls = {call.layer.name: call for call in found.calls} if found else {}
    positions: dict[int, int] = {}
    for node in _nodes(model):
        positions[id(node.layer)] = positions.get(id(node.layer), 0) + _positions(node)
    parameters = macs = size = 0
    for layer in _flat(model):
        kind, call = type(layer).__name__, calls.get(layer.name)
        for weight in layer.weights:
            name, shape = weight.name.split("/")[-1].split(":")[0], list(weight.shape)
            if call is not None and found is not None and removed is not None:
                before, after = (stays(found, labels, removed) for labels in (call.inputs[0], call.output))
                for axis, kept in axes(kind, name, shape, before, after).items():
                    shape[axis] = shape[axis] // len(kept) * int(kept.sum())
            count = math.prod(shape)
            parameters += count
            if "kernel" in name:
                macs += count * positions.get(id(layer), 0)
                size += count
            elif kind != "BatchNormalization":
                size += count * (4 if name == "bias" else 1)
    return Cost(parameters, macs, size)


def _flat(model: Any) -> list[Any]:
    return [x for layer in model.layers for x in (_flat(layer) if hasattr(layer, "layers") else [layer])]


def _nodes(model: Any) -> Iterator[Any]:
    """Each call of each layer; a layer that stands in several places computes in each."""
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            if hasattr(node.layer, "layers"):
                yield from _nodes(node.layer)
            elif not node.is_input:
                yield node


def _positions(node: Any) -> int:
    """How often a kernel is applied in a call: at each place of its output."""
    recurrent = hasattr(node.layer, "cell")
    backwards = recurrent or type(node.layer).__name__.endswith("Transpose")
    shape = node.input_shapes if backwards else node.output_shapes
    if isinstance(shape, list):
        shape = shape[0]
    return math.prod(n or 1 for n in (shape[1:2] if recurrent else shape[1:-1]))
