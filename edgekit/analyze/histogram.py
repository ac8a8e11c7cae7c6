"""A histogram of any floats, however far apart, whose bins are known before the values are.

A bin is a float32 without the last 17 bits: its sign, its exponent, and 6 bits of its mantissa. So bins are 0.8 to
1.6 % wide, at any magnitude, and histograms of many samples add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

DROPPED = 17
BINS = 1 << (32 - DROPPED)


def histogram(values: np.ndarray) -> np.ndarray:
    """Counts (BINS,) int64 of finite float32 values of any shape."""
    import numpy as np

    bits = np.ascontiguousarray(values, np.float32).ravel().view(np.uint32) >> DROPPED
    return np.bincount(bits, minlength=BINS)


class Bins(NamedTuple):
    """The bins of a histogram that hold something, in rising order; those of zero are left out."""

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    zeros: int

    @property
    def total(self) -> int:
        """Values, zeros included."""
        return int(self.counts.sum()) + self.zeros

    @property
    def center(self) -> np.ndarray:
        """Of each bin."""
        return (self.low + self.high) / 2


def bins(counts: np.ndarray) -> Bins:
    """The bins of a histogram with their ends, as float64."""
    import numpy as np

    half = BINS // 2
    filled = np.flatnonzero(counts)
    filled = filled[filled % half != 0]
    negative, positive = filled[filled >= half][::-1], filled[filled < half]
    near, far = (((np.concatenate([negative - half, positive]) + i) << DROPPED).astype(np.uint32) for i in (0, 1))
    near, far = near.view(np.float32).astype(np.float64), far.view(np.float32).astype(np.float64)
    sign = np.repeat([-1.0, 1.0], [len(negative), len(positive)])
    ends = np.sort([sign * near, sign * far], axis=0)
    return Bins(ends[0], ends[1], counts[np.concatenate([negative, positive])], int(counts[0] + counts[half]))


def quantile(found: Bins, share: float) -> float:
    """The value that `share` of all values, zeros included, do not exceed; within a bin by proportion."""
    import numpy as np

    if not found.total:
        return 0.0
    below = int(np.sum(found.high <= 0))
    low, high, count = (
        np.insert(a, below, zero).astype(np.float64)
        for a, zero in ((found.low, 0.0), (found.high, 0.0), (found.counts, found.zeros))
    )
    wanted = share * found.total
    reached = np.cumsum(count)
    i = min(int(np.searchsorted(reached, wanted)), len(count) - 1)
    part = (wanted - (reached[i] - count[i])) / count[i] if count[i] else 0.0
    return float(low[i] + min(max(part, 0.0), 1.0) * (high[i] - low[i]))


def noise(found: Bins, low: float, high: float, levels: int) -> float:
    """Mean square error of the values after quantization to a range, with values even within each bin.

    Args:
      low: end of the range; it is widened to hold zero, which is stored exactly.
      high: the other end.
      levels: steps between the two: 255 for int8.
    """
    import numpy as np

    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / levels
    if not found.total:
        return 0.0
    if step <= 0:
        return float(np.sum(found.counts * found.center**2) / found.total)

    def rounding(x: np.ndarray) -> np.ndarray:
        """Integral of the squared rounding error from 0 to x."""
        steps = np.round(x / step)
        return steps * step**3 / 12 + (x - steps * step) ** 3 / 3

    inner = [np.clip(end, low, high) for end in (found.low, found.high)]
    above = [np.maximum(end - high, 0) for end in (found.low, found.high)]
    below = [np.maximum(low - end, 0) for end in (found.high, found.low)]
    total = rounding(inner[1]) - rounding(inner[0])
    total += sum((far**3 - near**3) / 3 for near, far in (above, below))
    return float(np.sum(found.counts * total / (found.high - found.low)) / found.total)


def kept_range(found: Bins, percentile: float) -> tuple[float, float]:
    """The range that keeps so many percent of the values, the rest in equal parts at the ends that have values: the
    rule of `edgekit.quantize.ranges.percentile`.
    """
    sides = int((found.low < 0).any()) + int((found.high > 0).any())
    tail = (1 - percentile / 100) / max(sides, 1)
    return min(quantile(found, tail), 0.0), max(quantile(found, 1 - tail), 0.0)


def best_range(found: Bins, levels: int) -> tuple[float, float]:
    """The range with the least noise, one end after the other over 64 evenly spaced limits, twice: the search of
    `edgekit.quantize.ranges.mse`."""
    import numpy as np

    if not len(found.counts):
        return 0.0, 0.0
    ends = [min(float(found.low[0]), 0.0), max(float(found.high[-1]), 0.0)]
    grid = np.linspace(1, 1 / 64, 64)
    low, high = ends
    for _ in range(2):
        high = min((ends[1] * share for share in grid), key=lambda end: noise(found, low, end, levels))
        low = min((ends[0] * share for share in grid), key=lambda end: noise(found, end, high, levels))
    return low, high


def distance(found: Bins, cdf: np.ndarray) -> float:
    """Kolmogorov-Smirnov: the largest difference between the values' distribution and another, zeros left out.

    Args:
      cdf: (bins,) the other distribution function at the upper end of each bin.
    """
    import numpy as np

    ours = np.cumsum(found.counts) / max(1, found.counts.sum())
    return float(np.max(np.abs(ours - cdf), initial=0.0))
