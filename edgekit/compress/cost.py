"""What a model costs by its layers, also before channels are really removed."""

from __future__ import annotations

import math
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
    parameters = macs = size = 0
    for layer in _flat(model):
        kind, call = type(layer).__name__, calls.get(layer.name)
        for weight in layer.weights:
            name, shape = weight.name.split("/")[-1].split(":")[0], list(weight.shape)
            if call is not None and found is not None and removed is not None:
                before, after = (stays(found, labels, removed) for labels in (call.inputs[0], call.output))
                for axis, kept in axes(kind, name, len(shape), before, after).items():
                    shape[axis] = shape[axis] // len(kept) * int(kept.sum())
            count = math.prod(shape)
            parameters += count
            if "kernel" in name:
                macs += count * _positions(layer, kind)
                size += count
            elif kind != "BatchNormalization":
                size += count * (4 if name == "bias" else 1)
    return Cost(parameters, macs, size)


def _flat(model: Any) -> list[Any]:
    return [x for layer in model.layers for x in (_flat(layer) if hasattr(layer, "layers") else [layer])]


def _positions(layer: Any, kind: str) -> int:
    """How often a kernel is applied in one inference: at each place of its output."""
    shape = layer.input_shape if kind.endswith("Transpose") or hasattr(layer, "cell") else layer.output_shape
    if isinstance(shape, list):
        shape = shape[0]
    return math.prod(n or 1 for n in (shape[1:2] if hasattr(layer, "cell") else shape[1:-1]))
