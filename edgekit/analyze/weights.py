"""What quantization does to weights, channel by channel, and what other ranges would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.analyze.error_models import sqnr_db
from edgekit.analyze.findings import WeightError
from edgekit.analyze.fits import value_models
from edgekit.analyze.histogram import bins, histogram
from edgekit.analyze.trace import Weights

if TYPE_CHECKING:
    import numpy as np

BITS = {"int4": 4, "uint8": 8, "int8": 8, "int16": 16}


def weight_error(weights: Weights) -> WeightError | None:
    """The findings of one operator's weights; None of a vector, and of weights that are all zero or not
    integers."""
    import numpy as np

    tensor, x = weights.tensor, weights.original.astype(np.float64)
    if x.ndim < 2 or tensor.dtype not in BITS or not x.any():
        return None
    axis = _axis(weights)
    rows = np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)
    if rows.shape[1] < 2:  # a factor for each channel
        return None
    shipped = np.moveaxis(weights.shipped.astype(np.float64), axis, 0).reshape(rows.shape)
    bits, size = BITS[tensor.dtype], np.abs(rows)
    by_channel, whole = symmetric(rows, bits), symmetric(rows.reshape(1, -1), bits).reshape(rows.shape)
    between = asymmetric(rows, bits)
    limit, deviation = float(size.max()), float(x.std())
    largest, signal = size.max(1), float(np.mean(x**2))
    step = limit / (2 ** (bits - 1) - 1)
    models = value_models(bins(histogram(x)), -limit, limit, step, signal, float(np.mean((whole - rows) ** 2)))
    return WeightError(
        name=tensor.name,
        layer=weights.layer,
        operator=weights.operator.name,
        dtype=tensor.dtype,
        shape=x.shape,
        axis=axis,
        scales=len(tensor.scales),
        low=float(x.min()),
        high=float(x.max()),
        mean=float(x.mean()),
        deviation=deviation,
        kurtosis=float(np.mean((x - x.mean()) ** 4) / deviation**4 - 3) if deviation else 0.0,
        zeros=float(np.mean(x == 0) * 100),
        dead=tuple(np.flatnonzero(largest == 0).tolist()),
        outliers=limit / max(float(np.percentile(size, 99.9)), limit * 1e-6),
        channel_spread=limit / float(np.median(largest[largest > 0])),
        sqnr_db=_ratio(rows, shipped),
        symmetric_db=_ratio(rows, by_channel),
        asymmetric_db=_ratio(rows, between),
        per_tensor_db=_ratio(rows, whole),
        channel_db=_ratios(rows, shipped),
        channel_symmetric_db=_ratios(rows, by_channel),
        channel_asymmetric_db=_ratios(rows, between),
        models=tuple(models),
    )


def symmetric(rows: np.ndarray, bits: int = 8) -> np.ndarray:
    """Each row rounded to multiples of its largest absolute value over 2^(bits - 1) - 1 (127 for int8).

    Args:
      rows: (channels, weights) float64.
    """
    import numpy as np

    step = np.abs(rows).max(1, keepdims=True) / (2 ** (bits - 1) - 1)
    return np.round(np.divide(rows, step, where=step > 0, out=np.zeros_like(rows))) * step


def asymmetric(rows: np.ndarray, bits: int = 8) -> np.ndarray:
    """Each row rounded to 2^bits evenly spaced values from its least (or zero) to its greatest (or zero), of which
    one is zero.

    Args:
      rows: (channels, weights) float64.
    """
    import numpy as np

    low, high = np.minimum(rows.min(1, keepdims=True), 0), np.maximum(rows.max(1, keepdims=True), 0)
    levels = 2**bits - 1
    step = (high - low) / levels
    step[step == 0] = 1
    zero = np.round(-low / step)
    return (np.clip(np.round(rows / step) + zero, 0, levels) - zero) * step


def _axis(weights: Weights) -> int:
    """Of the output channels: as the scales tell, or as TensorFlow Lite lays weights out."""
    if len(weights.tensor.scales) > 1:
        return weights.tensor.quantized_dimension
    return weights.original.ndim - 1 if weights.operator.name in ("DEPTHWISE_CONV_2D", "PRELU") else 0


def _ratio(rows: np.ndarray, other: np.ndarray) -> float | None:
    return sqnr_db(float((rows**2).sum()), float(((rows - other) ** 2).sum()))


def _ratios(rows: np.ndarray, other: np.ndarray) -> tuple[float | None, ...]:
    return tuple(map(_ratio, rows, other))
