"""Which range of values a tensor's 256 steps should cover.

A tensor is seen once, as a histogram; each method is a function from that to a range. A range always holds zero, which
TensorFlow Lite stores exactly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from edgekit.flatbuffer.read import parse_graph
from edgekit.quantize.activations import activations
from edgekit.quantize.settings import Quantize

if TYPE_CHECKING:
    import numpy as np

Range = tuple[float, float]
BINS = 8192
COARSE = 2048
"""Bins that `entropy` looks at, as in its source."""
STEPS = 255
"""Between the smallest and the largest value of int8."""
DECAY = 0.9
"""What the moving average keeps of itself with each batch of"""
BATCH = 16
"""samples."""
CUTS = 64
"""How many limits the searches try on each side."""
SAME_SCALE = set(
    "AVERAGE_POOL_2D BATCH_TO_SPACE_ND DEPTH_TO_SPACE EXPAND_DIMS GATHER MAX_POOL_2D PAD RESHAPE RESIZE_BILINEAR "
    "RESIZE_NEAREST_NEIGHBOR REVERSE_V2 SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH SQUEEZE STRIDED_SLICE TILE TRANSPOSE "
    "UNPACK".split()
)
"""Operators whose int8 form has one scale for input and output (TensorFlow Lite 8-bit quantization specification)."""


class Spread(NamedTuple):
    """How the values of one tensor are spread over the calibration set."""

    low: float
    high: float
    """Of all values and zero: the ends of the histogram."""
    counts: np.ndarray
    """How many values fell into each of the bins, which are equally wide (bins,) int64."""
    sums: np.ndarray
    """Of the values in each bin (bins,) float64, so that a bin of zeros stands for zero."""
    extremes: np.ndarray
    """Smallest and largest value of each sample (N, 2)."""


def spread(samples: list[np.ndarray], low: float, high: float) -> Spread:
    """The spread of a tensor whose values in each sample are given.

    Args:
      low, high: ends of the histogram; values beyond them count in the last bins.
    """
    one = Counting(low, high)
    for values in samples:
        one.add(values)
    return one.spread()


def spreads(model: bytes, samples: list[np.ndarray], known: dict[int, Range]) -> dict[int, Spread]:
    """The spread of tensors of a float `.tflite`.

    Args:
      known: the smallest and largest value of each tensor to look at, by index.
    """
    counting = {index: Counting(*limits) for index, limits in known.items()}
    for values in activations(model, samples, counting):
        for index, one in counting.items():
            one.add(values[index])
    return {index: one.spread() for index, one in counting.items()}


def better_ranges(
    model: bytes, samples: list[np.ndarray], known: dict[int, Range], settings: Quantize
) -> dict[int, Range]:
    """The range of every tensor of a float `.tflite` by the recipe's method.

    Args:
      known: the smallest and the largest value of each tensor, as calibration found them.

    Returns:
      by tensor index. What the model itself lacks (values within a fused LSTM) keeps its known range; what an operator
      only moves or picks (pooling, reshaping) has the range of what it was made from, as the int8 operators demand.
    """
    graph = parse_graph(model, "the float model")
    inputs = {spec.name for spec in graph.inputs}
    made = {index for operator in graph.operators for index in operator.outputs}
    made |= {tensor.index for tensor in graph.tensors if tensor.name in inputs and not tensor.bytes}
    seen = spreads(model, samples, {i: limits for i, limits in known.items() if i in made})
    chosen = known | {index: choose(one, settings) for index, one in seen.items()}
    for operator in graph.operators:
        if operator.name in SAME_SCALE and operator.inputs[0] in seen:
            chosen |= {index: chosen[operator.inputs[0]] for index in operator.outputs if index in seen}
    return chosen


def choose(seen: Spread, settings: Quantize) -> Range:
    """The range by the recipe's method."""
    if settings.calibration == "percentile":
        return percentile(seen, settings.percentile)
    methods = {"minmax": minmax, "mse": mse, "entropy": entropy, "moving-average": moving_average}
    return methods[settings.calibration](seen)


def minmax(seen: Spread) -> Range:
    """All that was seen."""
    return seen.low, seen.high


def moving_average(seen: Spread) -> Range:
    """The smallest and the largest value of a batch, averaged over the batches with the last ones weighing most.

    Source: Jacob et al. 2018, section 3.1, where the batches are those of training.
    """
    batches = [seen.extremes[first : first + BATCH] for first in range(0, len(seen.extremes), BATCH)]
    limits = [(float(batch[:, 0].min()), float(batch[:, 1].max())) for batch in batches]
    low, high = limits[0]
    for smallest, largest in limits[1:]:
        low, high = DECAY * low + (1 - DECAY) * smallest, DECAY * high + (1 - DECAY) * largest
    return min(low, 0.0), max(high, 0.0)


def percentile(seen: Spread, share: float) -> Range:
    """Without the extremes: `share` percent of the values stay in range, and as many are cut on each side.

    On a side where the tensor has no values, as below zero after a ReLU, nothing is cut.
    """
    import numpy as np

    edges = np.linspace(seen.low, seen.high, len(seen.counts) + 1)
    sides = (seen.low < 0) + (seen.high > 0)
    cut = seen.counts.sum() * (1 - share / 100) / max(sides, 1)
    low, high = seen.low, seen.high
    if seen.low < 0:
        low = edges[np.searchsorted(np.cumsum(seen.counts), cut, side="right")]
    if seen.high > 0:
        high = edges[-1 - np.searchsorted(np.cumsum(seen.counts[::-1]), cut, side="right")]
    return min(float(low), 0.0), max(float(high), 0.0)


def mse(seen: Spread) -> Range:
    """The range with the smallest mean squared error, what is clipped included.

    Each side is searched in turn, twice, over limits that are evenly spaced.
    """
    import numpy as np

    full = seen.counts > 0
    counts, values = seen.counts[full], seen.sums[full] / seen.counts[full]

    def error(limits: Range) -> float:
        return float(np.sum(counts * (quantized(values, *asymmetric(*limits)) - values) ** 2))

    best = (seen.low, seen.high)
    shares = np.linspace(1, 1 / CUTS, CUTS)
    for _ in range(2):
        best = min([(best[0], float(seen.high * share)) for share in shares], key=error)
        best = min([(float(seen.low * share), best[1]) for share in shares], key=error)
    return best


def entropy(seen: Spread) -> Range:
    """The range whose 256 steps lose the least information (Kullback-Leibler divergence).

    Both sides are cut at the same distance from zero. Zeros are left out: they are stored exactly. The method looks
    away from how far the clipped values were out: where few values repeat often, it cuts too much.

    Source: Migacz 2017, "8-bit Inference with TensorRT"; as there, what is cut counts at the limits.
    """
    import numpy as np

    if seen.low == seen.high:
        return minmax(seen)
    counts = seen.counts.reshape(COARSE, -1).sum(axis=1).astype(np.float64)
    width = (seen.high - seen.low) / len(counts)
    counts[int(np.clip(-seen.low / width, 0, len(counts) - 1))] = 0
    if not counts.any():
        return minmax(seen)
    reach = max(seen.high, -seen.low)

    def divergence(limit: float) -> float:
        first = max(round((max(seen.low, -limit) - seen.low) / width), 0)
        end = min(round((min(seen.high, limit) - seen.low) / width), len(counts))
        inside = counts[first:end]
        clipped = inside.copy()
        clipped[0] += counts[:first].sum()
        clipped[-1] += counts[end:].sum()
        return _divergence(clipped, _in_steps(inside))

    smallest = min((STEPS + 1) * width, reach)  # narrower than that, a step has less than one bin
    limit = float(min(np.linspace(reach, smallest, 2 * CUTS), key=divergence))
    return max(seen.low, -limit), min(seen.high, limit)


def asymmetric(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of int8 for a range, widened to hold zero, and shifted so that zero is stored exactly.

    Source: `ChooseQuantizationParams` in tensorflow/lite/kernels/internal/quantization_util.h.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 1.0, 0
    scale = (high - low) / STEPS
    point = -128 - low / scale
    return scale, int(min(max(point + math.copysign(0.5, point), -128), 127))  # halves go away from zero


def symmetric(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point, 0, of int8 from -127 to 127, as weights have them."""
    return (max(-low, high) / 127 or 1.0), 0


def quantized(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Real values as int8 can hold them, in real numbers again."""
    import numpy as np

    return (np.clip(np.round(values / scale) + zero_point, -128, 127) - zero_point) * scale


def _in_steps(counts: np.ndarray) -> np.ndarray:
    """The counts as they look after quantization: spread evenly over the bins of a step that are not empty."""
    import numpy as np

    steps = np.arange(len(counts)) * (STEPS + 1) // len(counts)
    full = counts > 0
    sums, bins = np.bincount(steps, counts), np.bincount(steps, full)
    return np.where(full, (sums / np.maximum(bins, 1))[steps], 0.0)


def _divergence(wanted: np.ndarray, given: np.ndarray) -> float:
    """Of two histograms, in nats; where `given` is empty it counts as a thousandth of one value."""
    import numpy as np

    if not given.any():
        return float("inf")
    full = wanted > 0
    p, q = wanted[full] / wanted.sum(), np.maximum(given[full], 1e-3) / given.sum()
    return float(np.sum(p * np.log(p / q)))


class Counting:
    """A `Spread` in the making."""

    def __init__(self, low: float, high: float) -> None:
        import numpy as np

        self.low, self.high = min(low, 0.0), max(high, 0.0)
        self.counts, self.sums = np.zeros(BINS, np.int64), np.zeros(BINS)
        self.extremes: list[Range] = []
        self._factor = BINS / (self.high - self.low) if self.high > self.low else 0.0

    def add(self, values: np.ndarray) -> None:
        import numpy as np

        values = values.ravel().astype(np.float64)
        bins = np.clip((values - self.low) * self._factor, 0, BINS - 1).astype(np.intp)
        self.counts += np.bincount(bins, minlength=BINS)
        self.sums += np.bincount(bins, values, minlength=BINS)
        self.extremes.append((float(values.min()), float(values.max())))

    def spread(self) -> Spread:
        import numpy as np

        return Spread(self.low, self.high, self.counts, self.sums, np.array(self.extremes))
