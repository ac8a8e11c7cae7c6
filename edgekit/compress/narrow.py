"""The smaller model: the same layers without the channels that were removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.compress.dependencies import CONVOLUTIONS, DEPTHWISE, Call, Dependencies

if TYPE_CHECKING:
    import numpy as np


def narrowed(model: Any, found: Dependencies, removed: np.ndarray) -> Any:
    """A dense model without some channels.

    Where a channel with zero weights is a constant that is not zero, as after a sigmoid, the constant goes into the
    biases of the layers that read it: the outputs are those of the larger model with the channels' weights at zero.

    Args:
      model: the `tf_keras.Model` that was analysed.
      removed: labels, each the root of its class.
    """
    plans = {call.layer.name: call for call in found.calls}
    config = model.get_config()
    for layer in config["layers"]:
        call = plans.get(layer["config"]["name"])
        if call is None:
            continue
        width = int(stays(found, call.output, removed).sum())
        for key in ("filters", "units"):
            if key in layer["config"] and layer["class_name"] in CONVOLUTIONS:
                layer["config"][key] = width
        if layer["class_name"] == "Reshape":
            layer["config"]["target_shape"] = [*layer["config"]["target_shape"][:-1], width]
    smaller = type(model).from_config(config)
    for layer in smaller.layers:
        original = model.get_layer(layer.name)
        weights = original.get_weights()
        if layer.name in plans:
            weights = sliced(plans[layer.name], weights, found, removed)
        layer.set_weights(weights)
    return smaller


def stays(found: Dependencies, labels: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """Which channels stay, as a mask."""
    import numpy as np

    return ~np.isin(found.root(labels), removed)


def sliced(call: Call, weights: list[np.ndarray], found: Dependencies, removed: np.ndarray) -> list[np.ndarray]:
    """A layer's weights without the channels that were removed, constants folded into the bias."""
    import numpy as np

    before, after = stays(found, call.inputs[0], removed), stays(found, call.output, removed)
    kind, names = type(call.layer).__name__, [w.name.split("/")[-1].split(":")[0] for w in call.layer.weights]
    result = []
    for name, weight in zip(names, weights, strict=True):
        if name == "bias" and kind in ("Dense", "Conv1D", "Conv2D", "Conv3D"):
            gone = np.where(before, 0, np.nan_to_num(call.constants[0]))
            kernel = weights[names.index("kernel")]
            summed = kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0)
            weight = (weight + gone.astype(np.float64) @ summed).astype(weight.dtype)
        for axis, kept in axes(kind, name, weight.shape, before, after).items():
            weight = np.compress(np.repeat(kept, weight.shape[axis] // len(kept)), weight, axis=axis)
        result.append(weight)
    return result


def axes(kind: str, name: str, shape: Sequence[int], before: np.ndarray, after: np.ndarray) -> dict[int, np.ndarray]:
    """Which axes of a weight run over channels, each with what it holds of them.

    Args:
      kind: class of the layer.
      name: of the weight, such as "kernel".
      shape: of the weight.
      before: something for each input channel.
      after: the same for each output channel.

    Returns:
      by axis; where an axis is longer, it holds each channel several times, one beside the other.
    """
    rank = len(shape)
    if kind in DEPTHWISE or (kind.startswith("Separable") and name == "depthwise_kernel"):
        return {rank - 2: before} if name != "bias" else {0: after}
    if name == "pointwise_kernel":  # reads each input channel as often as it was multiplied
        return {rank - 2: before, rank - 1: after}
    if kind.endswith("Transpose") and name == "kernel":
        return {rank - 2: after, rank - 1: before}
    if name == "kernel" and kind in CONVOLUTIONS:
        return {rank - 2: before, rank - 1: after}
    return {rank - 1: after} if shape[-1] >= len(after) else {}  # a slope that all channels share
