"""The power of a channel's samples at low frequencies, as its logarithm.

A few bins of a short window are summed one by one, which takes less memory than an FFT, and any length.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from edgekit.config import Positive, Settings
from edgekit.errors import ProjectError
from edgekit.frontend.fixed import LOG_OF_ZERO, LOG_TABLE, SEGMENT_BITS, log2

if TYPE_CHECKING:
    import numpy as np

LONGEST = 4096
"""Samples: the sum of so many, each at most 2**50, is at most 2**62."""
STEP = 2.0**-8
"""Of the features, which are between -28 and 70."""
FACTOR = round(math.log(2) * 2**24)


class Spectral(Settings, frozen=True):
    """Features are ln of |DFT|**2 of a channel's samples, normalized and times a Hann window: (bins, channels).

    They are at most 0.01 from those of float64 where |DFT| is at least 1/5000 of the sum of the samples' sizes, and a
    fifth of their step for each of them: sines have 20 bits behind the point, samples times the window 15.
    """

    bins: Annotated[int, Meta(ge=1, le=LONGEST)] = 16
    """From bin 1 on; bin 0 is the mean."""
    fft_length: Positive | None = None
    """Of the DFT, by default that of the window; zeros stand behind the window where it is longer. Bin k is at k times
    the rate of the samples over it."""
    floor: Annotated[float, Meta(ge=1e-12, le=1)] = 1e-6
    """Power below it counts as it."""

    def check(self, length: int) -> None:
        """Raises ProjectError where windows of a length have no such bins."""
        points = self.points(length)
        if not length <= points <= LONGEST:
            raise ProjectError(
                f"frontend.spectral.fft_length: {points} is not from {length}, the length of the window, to {LONGEST}"
            )
        if self.bins > points // 2:
            raise ProjectError(
                f"frontend.spectral.bins: {self.bins}, but {points} samples have {points // 2} bins; write fewer, or "
                "lengthen fft_length"
            )

    def points(self, length: int) -> int:
        """Of the DFT of windows of a length."""
        return self.fft_length or length

    def features(self, samples: np.ndarray, step: float) -> np.ndarray:
        """(N, bins, channels) int16 of samples (N, length, channels) int16 with a step."""
        import numpy as np

        x = samples.swapaxes(1, 2).astype(np.int64) * np.array(hann(samples.shape[1])) >> 16
        at = np.outer(np.arange(samples.shape[1]), np.arange(1, self.bins + 1)) % self.points(samples.shape[1])
        re, im = (x @ np.array(waves)[at] for waves in circle(self.points(samples.shape[1])))
        size, shift = (re ^ (re >> 63)) | (im ^ (im >> 63)), np.zeros(re.shape, np.int64)
        for bits in (16, 8, 4, 2, 1):
            shift += np.where(size >> shift >= 1 << 30 + bits, bits, 0)
        re, im = re >> shift, im >> shift
        logarithm = log2((re * re).astype(np.uint64) + (im * im).astype(np.uint64)) + (shift << 17)
        floored = np.maximum(logarithm + self._offset(step), self._floor)
        return ((floored * FACTOR + (1 << 31)) >> 32).astype(np.int16).swapaxes(1, 2)

    def constants(self, length: int, step: float) -> dict[str, Any]:
        """Tables, and what makes logarithms of integers those of real numbers."""
        cosines, sines = circle(self.points(length))
        return {
            "bins": self.bins,
            "hann": hann(length),
            "cosines": cosines,
            "sines": sines,
            "offset": self._offset(step),
            "floor": self._floor,
            "factor": FACTOR,
            "segment_bits": SEGMENT_BITS,
            "log_table": LOG_TABLE,
            "log_of_zero": LOG_OF_ZERO,
        }

    @property
    def _floor(self) -> int:
        return round(math.log2(self.floor) * 2**16)

    def _offset(self, step: float) -> int:
        """Sums are of samples in steps, with 35 bits behind the point."""
        return round(2 * (math.log2(step) - 35) * 2**16)


def hann(length: int) -> list[int]:
    """A periodic Hann window, as SciPy and `tf.signal` have it; 31 bits behind the point."""
    return [min(round((0.5 - 0.5 * math.cos(2 * math.pi * i / length)) * 2**31), 2**31 - 1) for i in range(length)]


def circle(points: int) -> tuple[list[int], list[int]]:
    """cos and sin of 2 pi i / points; 20 bits behind the point."""
    turns = [2 * math.pi * i / points for i in range(points)]
    cosines, sines = ([round(wave(turn) * 2**20) for turn in turns] for wave in (math.cos, math.sin))
    return cosines, sines
