"""Weights rounded so that what a layer computes changes least: each weight makes up for the errors before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from edgekit.flatbuffer.edit import constants, with_constants
from edgekit.flatbuffer.linear import Linear, linear_layers, windows
from edgekit.quantize.activations import activations

if TYPE_CHECKING:
    import numpy as np

Granularity = Literal["channel", "tensor"]
LARGEST = 127
"""Of the integers that weights become: -127 to 127."""
DAMPING = 0.01
"""Share of the mean of the Hessian's diagonal that is added to it."""
BLOCK = 128
"""Columns between two updates of all that follow, which is a matter of speed."""
POSITIONS = 128
"""At most so many positions of a layer's output are looked at in each sample, evenly spaced."""
MOST_INPUTS = 4608
"""An output with more inputs than a 3x3 kernel over 512 channels keeps plain rounding: its Hessian takes gigabytes."""
ELEMENTS = 2**26
"""Of the Hessians that are in memory at a time."""


def round_weights(model: bytes, samples: list[np.ndarray], granularity: Granularity) -> bytes:
    """A float `.tflite` whose weights are multiples of their int8 scales, chosen by GPTQ.

    The largest weight of each scale stays what it is, so that a quantizer finds the same scales and, rounding to the
    nearest, exactly these integers. Weights that are zero stay zero.

    Args:
      model: float, with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.

    Source: Frantar et al. 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers".
    """
    import numpy as np

    fixed, rounded = constants(model), {}
    for layers in _portions(model):
        for layer, hessian in zip(layers, hessians(model, layers, samples), strict=True):
            weights = fixed[layer.weights]
            scale = scales(weights, layer.axis, granularity)
            each = np.broadcast_to(scale, weights.shape)
            rows = _grouped(layer, weights), hessian, _grouped(layer, each)[..., 0]
            integers = np.stack([gptq(*group) for group in zip(*rows, strict=True)])
            rounded[layer.weights] = (_ungrouped(layer, integers, weights.shape) * scale).astype(np.float32)
    return with_constants(model, rounded)


def gptq(weights: np.ndarray, hessian: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Integers for the weights of one layer.

    The inputs that matter most come first. Each is rounded for all outputs at once, and its errors go, in the measure
    in which inputs occur together, to the weights that are still to come.

    Args:
      weights: (outputs, inputs).
      hessian: mean of x xᵀ over the layer's inputs x (inputs, inputs).
      scale: (outputs,), at most 1/127 larger or smaller than the largest weight; a weight at 127 stays there.

    Returns:
      (outputs, inputs) float64, whole numbers of -127 to 127; 0 where the weight is 0.
    """
    import numpy as np

    steps = weights.astype(np.float64) / scale[:, None]
    pinned = np.abs(steps) >= LARGEST * (1 - 1e-6)
    diagonal = np.diag(hessian).astype(np.float64)
    if not diagonal.any():
        return np.clip(np.round(steps), -LARGEST, LARGEST)
    most = np.where(steps == 0, 0, LARGEST)
    order = np.argsort(-diagonal, kind="stable")
    steps, pinned, most = steps[:, order], pinned[:, order], most[:, order]
    damped = hessian[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += DAMPING * diagonal.mean()
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    integers = np.empty_like(steps)
    count = len(order)
    for first in range(0, count, BLOCK):
        end = min(first + BLOCK, count)
        errors = np.empty((len(steps), end - first))
        for j in range(first, end):
            nearest = np.clip(np.round(steps[:, j]), -most[:, j], most[:, j])
            integers[:, j] = np.where(pinned[:, j], np.sign(steps[:, j]) * LARGEST, nearest)
            errors[:, j - first] = (steps[:, j] - integers[:, j]) / upper[j, j]
            steps[:, j + 1 : end] -= np.outer(errors[:, j - first], upper[j, j + 1 : end])
        steps[:, end:] -= errors @ upper[first:end, end:]
    return integers[:, np.argsort(order)]


def scales(weights: np.ndarray, axis: int, granularity: Granularity) -> np.ndarray:
    """Of int8 weights, of the shape of the weights with 1 where a scale is shared; 1.0 where all weights are zero."""
    import numpy as np

    others = tuple(i for i in range(weights.ndim) if granularity == "tensor" or i != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True).astype(np.float64)
    return np.where(largest > 0, largest / LARGEST, 1.0)


def hessians(model: bytes, layers: list[Linear], samples: list[np.ndarray]) -> list[np.ndarray]:
    """Mean of x xᵀ over what the outputs of each layer see of its input.

    Returns:
      for each layer (groups, inputs, inputs) float32; a group is a channel of a depthwise convolution, else there is
      one.
    """
    import numpy as np

    fixed = constants(model)
    found: list[np.ndarray] = []
    for number, values in enumerate(activations(model, samples, {layer.input for layer in layers})):
        for place, layer in enumerate(layers):
            x = _inputs(layer, windows(layer, values[layer.input], fixed[layer.weights]))
            product = np.matmul(x.transpose(0, 2, 1), x) / np.float32(x.shape[1] * len(samples[0]))
            if number:
                found[place] += product
            else:
                found.append(product)
    return found


def _inputs(layer: Linear, seen: np.ndarray) -> np.ndarray:
    """(groups, positions, inputs) float32 of some of the positions."""
    import numpy as np

    places = seen.shape[:1] if layer.kind == "dense" else seen.shape[:2]
    total = int(np.prod(places))
    picked = np.linspace(0, total - 1, min(total, POSITIONS)).astype(int)
    some = seen[np.unravel_index(picked, places)].astype(np.float32)
    if layer.kind == "depthwise":
        return some.reshape(len(some), -1, some.shape[-1]).transpose(2, 0, 1)
    return some.reshape(1, len(some), -1)


def _portions(model: bytes) -> Iterator[list[Linear]]:
    """The layers to round, in portions whose Hessians fit into memory together."""
    import numpy as np

    fixed, layers = constants(model), linear_layers(model)
    readers = [layer.weights for layer in layers]
    portion: list[Linear] = []
    room = ELEMENTS
    for layer in layers:
        weights = fixed[layer.weights]
        groups, _, inputs = _grouped(layer, weights).shape
        if weights.dtype != np.float32 or readers.count(layer.weights) > 1 or inputs > MOST_INPUTS:
            continue
        if portion and room < groups * inputs**2:
            yield portion
            portion, room = [], ELEMENTS
        portion.append(layer)
        room -= groups * inputs**2
    if portion:
        yield portion


def _grouped(layer: Linear, weights: np.ndarray) -> np.ndarray:
    """(groups, outputs, inputs)."""
    if layer.kind == "depthwise":
        height, width, outputs = weights.shape[1:]
        return weights.reshape(height * width, outputs // layer.multiplier, layer.multiplier).transpose(1, 2, 0)
    return weights.reshape(1, len(weights), -1)


def _ungrouped(layer: Linear, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (values.transpose(2, 0, 1) if layer.kind == "depthwise" else values).reshape(shape)
