"""What is tried on a layer: weights that go, weights of few bits, channels that go, activations of few bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from edgekit.compress.layers import kernels, prunable_weights
from edgekit.compress.masks import magnitude_mask

Changes = list[tuple[Any, Any]]
"""Variables, each with the values that it gets."""
WITH_CHANNELS = (
    *("Dense", "Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D"),
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
)
ELEMENTWISE = ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Dropout")


def pruned(layer: Any, sparsity: float) -> Changes:
    """Of each of a layer's kernels the smallest weights set to zero, as TFMOT does."""
    found = [(w, w.numpy()) for w in prunable_weights(layer)]
    return [(w, values * magnitude_mask(values, sparsity)) for w, values in found]


def coarsened(layer: Any, bits: int, granularity: Literal["channel", "tensor"]) -> Changes:
    """A layer's kernels rounded to few bits."""
    found = [(w, w.numpy()) for w in kernels(layer)]
    by_channel = granularity == "channel"
    return [(w, on_grid(v, bits, channel_axes(layer, w.name, v.ndim) if by_channel else ())) for w, v in found]


def on_grid(values: Any, bits: int, axes: tuple[int, ...]) -> Any:
    """Values rounded to the symmetric integers of so many bits, which are from -(2^(bits-1) - 1) to 2^(bits-1) - 1.

    Args:
      values: any shape, float32.
      axes: the dimensions along which each index has a scale of its own; () for one scale.

    Source: TensorFlow Lite 8-bit quantization specification, "Symmetric vs asymmetric", for any width.
    """
    import numpy as np

    limit = 2 ** (bits - 1) - 1
    others = tuple(n for n in range(values.ndim) if n not in axes)
    scale = np.abs(values).max(axis=others, keepdims=True) / np.float32(limit)
    scale = np.where(scale == 0, np.float32(1), scale)
    return (np.clip(np.round(values / scale), -limit, limit) * scale).astype(values.dtype)


def channel_axes(layer: Any, weight: str, rank: int) -> tuple[int, ...]:
    """The dimensions of a kernel that are its output channels; none where TensorFlow Lite has one scale for all."""
    if hasattr(layer, "cell") or "embeddings" in weight:
        return ()
    if "depthwise" in weight:
        return rank - 2, rank - 1
    return (rank - 2,) if "Transpose" in type(layer).__name__ else (rank - 1,)


def has_kernels(layer: Any) -> bool:
    """Whether a layer has weights that multiply."""
    return bool(kernels(layer))


def has_channels(layer: Any) -> bool:
    """Whether a layer has channels or neurons that can go one by one."""
    return type(layer).__name__ in WITH_CHANNELS


def narrowed(layer: Any, sparsity: float) -> Changes:
    """The channels of a layer with the smallest L2 norm set to zero, with their biases, and through the normalization
    that follows; one stays at least."""
    import numpy as np

    kernel = kernels(layer)[-1]  # of a separable convolution the pointwise one
    values = kernel.numpy()
    (axis,) = channel_axes(layer, kernel.name.replace("depthwise", ""), values.ndim)
    norms = np.sqrt(np.square(values).sum(axis=tuple(n for n in range(values.ndim) if n != axis)))
    count = min(round(sparsity * len(norms)), len(norms) - 1)
    gone = np.argsort(norms, kind="stable")[:count]
    stays = np.ones(len(norms), values.dtype)
    stays[gone] = 0
    shape = [-1 if n == axis else 1 for n in range(values.ndim)]
    changes = [(kernel, values * stays.reshape(shape))]
    vectors = [layer.bias] if layer.use_bias else []
    for norm in (x for x in followers(layer) if type(x).__name__ == "BatchNormalization"):
        vectors += [w for w in (norm.gamma, norm.beta, norm.moving_mean) if w is not None]
    return changes + [(w, w.numpy() * stays) for w in vectors if w.shape == stays.shape]


def followers(layer: Any) -> list[Any]:
    """What follows a layer and works on each value by itself, one after the other, up to where the graph branches."""
    found: list[Any] = []
    while True:
        nodes = (found[-1] if found else layer)._outbound_nodes
        if len(nodes) != 1 or type(nodes[0].layer).__name__ not in ELEMENTWISE:
            return found
        found.append(nodes[0].layer)


@contextmanager
def applied(changes: Changes) -> Iterator[None]:
    """Variables with other values, until the end."""
    before = [(w, w.numpy()) for w, _ in changes]
    try:
        for w, values in changes:
            w.assign(values)
        yield
    finally:
        for w, values in before:
            w.assign(values)


@contextmanager
def rounding(layers: list[Any], bits: int) -> Iterator[None]:
    """Layers whose outputs, after the normalization and activation that are fused to them, are rounded to few bits
    between the least and the greatest value of a batch.

    What was traced before does not notice: see `Simulation.retraced`.
    """
    import tensorflow as tf

    ends = [followers(layer)[-1] if followers(layer) else layer for layer in layers]
    calls = [end.call for end in ends]

    def rounded(y: Any) -> Any:
        low, high = tf.minimum(tf.reduce_min(y), 0.0), tf.maximum(tf.reduce_max(y), 0.0)
        return tf.quantization.fake_quant_with_min_max_vars(y, low, high, bits)

    def rounding_call(call: Any) -> Any:
        return lambda *args, **kwargs: tf.nest.map_structure(rounded, call(*args, **kwargs))

    try:
        for end, call in zip(ends, calls, strict=True):
            end.call = rounding_call(call)
        yield
    finally:
        for end in ends:
            del end.call
