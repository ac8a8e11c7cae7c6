"""Multiply-accumulates of a Keras layer, of either library: products with weights, and of matrices.

They are those of the operators that the layer becomes (`edgekit.flatbuffer.macs`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Shape = tuple[int | None, ...]

WITHOUT = frozenset(
    "BatchNormalization LayerNormalization GroupNormalization RMSNormalization UnitNormalization Normalization "
    "SpectralNormalization PReLU Embedding Discretization Rescaling".split()
)
"""Layers whose weights are added, scaled with or looked up."""


def layer_macs(layer: Any, inputs: Sequence[Shape], output: Shape) -> int | None:
    """Multiply-accumulates of one call of a layer for one sample.

    Args:
      inputs: shape of each input, batch included; so `output`.

    Returns:
      None where a size is open, or the layer is of a kind that is not known here.
    """
    kind = type(layer).__name__
    if kind in WITHOUT:
        return 0
    try:
        return _macs(layer, kind, inputs, output)
    except TypeError:  # None is no size
        return None


def _macs(layer: Any, kind: str, inputs: Sequence[Shape], output: Shape) -> int | None:
    if kind == "TimeDistributed":
        inner, given = layer.layer, (inputs[0][0], *inputs[0][2:])
        once = layer_macs(inner, [given], tuple(inner.compute_output_shape(given)))
        return None if once is None else once * _product(inputs[0][1:2])
    if kind == "Bidirectional":
        return sum(_kernels(half.cell) for half in (layer.forward_layer, layer.backward_layer)) * _product(
            inputs[0][1:2]
        )
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        return _kernels(layer.cell) * _product(inputs[0][1:2])
    if kind in ("MultiHeadAttention", "GroupedQueryAttention"):
        return _attention(layer, inputs)
    if kind in ("Attention", "AdditiveAttention"):
        query, value = inputs[0], inputs[1]
        scores = 0 if kind == "AdditiveAttention" else _product(query[-1:])
        return _product((query[-2], value[-2])) * (scores + _product(value[-1:]))
    if kind == "Dot":
        axes = layer.axes if isinstance(layer.axes, (list, tuple)) else (layer.axes, layer.axes)
        return _product(output[1:]) * _product((inputs[0][axes[0]],))
    if kind == "EinsumDense":
        return _einsum(layer.equation, inputs[0], tuple(layer.kernel.shape))
    if not getattr(layer, "weights", ()):  # also an operation of Keras 3
        return 0
    if kind == "Dense" or ("Conv" in kind and not kind.startswith("ConvLSTM")):
        placed = inputs[0] if kind.endswith("Transpose") else output
        first = getattr(layer, "data_format", "channels_last") == "channels_first"
        return _kernels(layer) * _product(placed[2:] if first else placed[1:-1])
    return None


def _attention(layer: Any, inputs: Sequence[Shape]) -> int:
    """Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2."""
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 else value
    rows, columns = _product(query[1:-1]), _product(key[1:-1])
    weights = {name: layer.__dict__[f"_{name}_dense"].kernel for name in ("query", "key", "value", "output")}
    size = {name: math.prod(kernel.shape) for name, kernel in weights.items()}
    heads, width = weights["query"].shape[-2:]
    products = heads * (width + weights["value"].shape[-1]) * rows * columns
    return int(
        size["query"] * rows + size["key"] * columns + size["value"] * columns + size["output"] * rows + products
    )


def _einsum(equation: str, given: Shape, kernel: Shape) -> int:
    """Every combination of indices is one product."""
    left, weights = equation.split("->")[0].split(",")
    sizes = dict(zip(weights, kernel, strict=True))
    names = left.replace("...", "")
    sizes |= dict(zip(reversed(names), reversed(given), strict=False))
    rest = given[1 : len(given) - len(names)] if "..." in left else ()
    sizes.pop(names[0] if "..." not in left else "", None)  # the batch
    return _product((*sizes.values(), *rest))


def _kernels(layer: Any) -> int:
    """Elements of a layer's kernels."""
    return sum(math.prod(w.shape) for w in layer.weights if "kernel" in w.name.rsplit("/", 1)[-1])


def _product(sizes: Sequence[int | None]) -> int:
    product = 1
    for size in sizes:
        product *= size  # type: ignore[operator]
    return product
