"""One axis of a picture made longer or shorter: each new pixel is an average of old ones with integer weights.

Positions are fractions, so that weights are integers over one common total and nothing is rounded before the end.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np


class Taps(Struct, frozen=True):
    """What the new pixels of an axis are made of."""

    first: tuple[int, ...]
    """Of each new pixel the first old one."""
    weights: tuple[tuple[int, ...], ...]
    """Of each new pixel the weights of the old ones from `first` on."""
    total: int
    """Sum of the weights of each new pixel."""


def area(old: int, new: int) -> Taps:
    """Each new pixel is the mean of the old ones under it, of those at its edges by the share that it covers.

    It is what `tf.image.resize(method="area")` and OpenCV's INTER_AREA compute; of equal lengths it changes nothing.
    """
    old_steps, new_steps = old // gcd(old, new), new // gcd(old, new)  # of 1 / new_steps of an old pixel
    first, weights = [], []
    for start in range(0, new * old_steps, old_steps):
        end = start + old_steps
        covered = range(start // new_steps, -(-end // new_steps))
        first.append(covered.start)
        weights.append(tuple(min(end, (i + 1) * new_steps) - max(start, i * new_steps) for i in covered))
    return Taps(tuple(first), tuple(weights), old_steps)


def bilinear(old: int, new: int) -> Taps:
    """Each new pixel lies between the two old ones next to its centre, without a low-pass filter where it shrinks.

    Centres are half a pixel inside, as in `tf.image.resize(method="bilinear")` and OpenCV's INTER_LINEAR; beyond the
    outermost centres the outermost pixel counts.
    """
    centres = [(2 * i + 1) * old - new for i in range(new)]  # (i + 1/2) old / new - 1/2, times 2 new
    common = gcd(2 * new, *centres)
    total = 2 * new // common
    places = [divmod(min(max(centre // common, 0), (old - 1) * total), total) for centre in centres]
    weights = tuple((total - part, part) if part else (total,) for _, part in places)
    return Taps(tuple(place for place, _ in places), weights, total)


def weighted(values: np.ndarray, taps: Taps, axis: int) -> np.ndarray:
    """Sums of values along an axis, each with its weight: `taps.total` times the new pixels.

    Args:
      values: any shape, uint32; the sums must stay below 2**32.
    """
    import numpy as np

    most = max(map(len, taps.weights))
    weights = np.array([row + (0,) * (most - len(row)) for row in taps.weights], np.uint32)
    last = values.shape[axis] - 1
    along = [-1 if i == axis else 1 for i in range(values.ndim)]
    sums = values.take(taps.first, axis) * weights[:, 0].reshape(along)
    for tap in range(1, most):
        places = np.minimum(np.array(taps.first) + tap, last)
        sums += values.take(places, axis) * weights[:, tap].reshape(along)
    return sums
