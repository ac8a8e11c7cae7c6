"""The mean error of each output channel, moved into its bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.flatbuffer.edit import constants, with_constants
from edgekit.flatbuffer.linear import Linear, linear_layers, windows
from edgekit.flatbuffer.read import parse_graph
from edgekit.quantize.activations import activations

if TYPE_CHECKING:
    import numpy as np

LIMIT = 2**31 - 1


def correct_bias(model: bytes, quantized: bytes, samples: list[np.ndarray]) -> bytes:
    """An int8 `.tflite` whose layers give, on average over the samples, what the float model's give.

    A layer is linear before its activation, so the mean of what it computes follows from the mean of what it sees. The
    layers are corrected in their order, each on inputs from layers that are corrected already.

    Args:
      model: the float `.tflite` that was quantized, before its weights were rounded.
      quantized: its int8 form, whose tensors have the same names.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.

    Returns:
      the file with other int32 biases; layers that have no bias, or no counterpart by name, stay.

    Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2
    and appendix D, with the mean of what is measured in place of the one that BatchNorm implies.
    """
    import numpy as np

    expected = {layer.name: layer for layer in linear_layers(model)}
    means = mean_outputs(model, list(expected.values()), samples)
    tensors = parse_graph(quantized, "the quantized model").tensors
    for layer in linear_layers(quantized):
        if layer.bias < 0 or layer.name not in means or tensors[layer.bias].dtype != "int32":
            continue
        stored = constants(quantized)[layer.bias]
        error = means[layer.name] - mean_outputs(quantized, [layer], samples)[layer.name]
        shift = np.round(error / np.array(tensors[layer.bias].scales))
        shifted = np.clip(stored.astype(np.float64) + shift, -LIMIT, LIMIT).astype(np.int32)
        quantized = with_constants(quantized, {layer.bias: shifted})
    return quantized


def mean_outputs(model: bytes, layers: list[Linear], samples: list[np.ndarray]) -> dict[str, np.ndarray]:
    """What each layer computes before its activation, on average over samples and positions.

    Returns:
      by layer name, real values (outputs,) float64.
    """
    import numpy as np

    sums: dict[int, np.ndarray] = {}
    for values in activations(model, samples, {layer.input for layer in layers}):
        for index, value in values.items():
            sums[index] = sums.get(index, 0) + value.astype(np.float64)
    fixed, found = constants(model), {}
    for layer in layers:
        seen = windows(layer, sums[layer.input] / len(samples[0]), fixed[layer.weights])
        found[layer.name] = _output(layer, seen.mean(axis=0 if layer.kind == "dense" else (0, 1)), model)
    return found


def _output(layer: Linear, mean: np.ndarray, model: bytes) -> np.ndarray:
    """Of a layer on one window (height, width, C) or vector (inputs,)."""
    import numpy as np

    weights = _real(model, layer.weights)
    bias = _real(model, layer.bias) if layer.bias >= 0 else 0.0
    if layer.kind == "depthwise":
        return (weights[0] * np.repeat(mean, layer.multiplier, axis=-1)).sum(axis=(0, 1)) + bias
    return weights.reshape(len(weights), -1) @ mean.ravel() + bias


def _real(model: bytes, index: int) -> np.ndarray:
    """A constant in real numbers, float64."""
    import numpy as np

    tensor, stored = parse_graph(model, "the model").tensors[index], constants(model)[index].astype(np.float64)
    if not tensor.scales:
        return stored
    shape = [1] * stored.ndim
    shape[tensor.quantized_dimension] = len(tensor.scales)
    return stored * np.array(tensor.scales).reshape(shape)
