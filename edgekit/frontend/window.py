"""Windows of a series as a model takes them: of a motion sensor, a current, a pressure."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import frexp
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from edgekit.config import Positive
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.base import FrontendSettings, Raw
from edgekit.frontend.spectral import STEP, Spectral

if TYPE_CHECKING:
    import numpy as np

Resolution = Annotated[float, Meta(ge=1e-9, le=1e6)]
FRACTION = 8
"""Bits after the point of samples in deviations of their window: ±128 deviations fit."""
COARSE = 256
"""Steps of a channel that may fall into one step of the features: 8 of the sensor's 16 bits are then left."""


class Window(FrontendSettings, frozen=True, kw_only=True, tag="window"):
    """A window of a series, (length, channels), each channel on its own.

    Features have the same shape, unless `spectral` is set, and are at most 0.501 of their step from what they are in
    real numbers.
    """

    length: Annotated[int, Meta(ge=2, le=32768)]
    """Samples in a window."""
    stride: Positive | None = None
    """Samples from the start of a window to the start of the next; by default the length, so that none overlap."""
    resolution: Resolution | tuple[Resolution, ...] = 1.0
    """Real value of one step of the sensor, such as 1/4096 g, for all channels or for each. All channels share the step
    of the features: give units in which they are of one size."""
    normalize: Literal["none", "mean", "deviation", "standard"] = "none"
    """By what the window's own samples are: `mean` takes their mean off, `deviation` divides by their deviation (of the
    population), `standard` does both. A channel that does not change has deviation 0; its features are then 0."""

    spectral: Spectral | None = None
    """Features are then the power of frequencies: (bins, channels)."""

    template: ClassVar[str] = "window.c.jinja"

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """(length, channels), or with `spectral` (bins, channels).

        Raises:
          ProjectError: samples are others than the settings say.
        """
        given = "x".join(map(str, raw.shape))
        if raw.dtype != "int16" or len(raw.shape) != 2 or raw.shape[0] != self.length:
            raise ProjectError(
                f"frontend: windows are {self.length}xCHANNELS int16, as the sensor gives them, but the data have "
                f"{given} {raw.dtype}; set length, or cut the data so"
            )
        if isinstance(self.resolution, tuple) and len(self.resolution) != raw.shape[1]:
            raise ProjectError(
                f"frontend.resolution: {len(self.resolution)} values, but the data have {raw.shape[1]} channels "
                f"({given}); give one for each, or one for all"
            )
        if self.normalize in ("none", "mean") and self._step > COARSE * min(self._resolutions(1)):
            raise ProjectError(
                f"frontend.resolution: a step of {min(self._resolutions(1)):g} is lost beside one of "
                f"{max(self._resolutions(1)):g}; give units in which the channels are of one size, or normalize "
                "by 'standard'"
            )
        if not self.spectral:
            return raw.shape
        self.spectral.check(self.length)
        return self.spectral.bins, raw.shape[1]

    @property
    def step(self) -> float:
        """Of samples, or of logarithms of their power."""
        return STEP if self.spectral else self._step

    @property
    def _step(self) -> float:
        """Real value, or with `deviation` and `standard` share of a deviation. No feature but those of `deviation` can
        be too large for it."""
        if self.normalize == "deviation":
            return 2.0**-FRACTION
        if self.normalize == "standard":
            # No sample of n is sqrt(n) deviations or more from the mean.
            return 2.0 ** -max(bits for bits in range(15) if self.length << 2 * bits <= 32767**2)
        mantissa, exponent = frexp(max(self._resolutions(1)))
        return 2.0 ** (exponent - (mantissa == 0.5) + (self.normalize == "mean"))

    def features(self, raw: np.ndarray) -> np.ndarray:
        """Features of windows (N, length, channels) int16: (N, *shape) int16."""
        import numpy as np

        self.shape(Raw(raw.shape[1:], raw.dtype.name))
        x = raw.astype(np.int64)
        sums = x.sum(axis=1, keepdims=True)
        if self.normalize != "none":
            x *= self.length
        if self.normalize in ("mean", "standard"):
            x -= sums
        if self.normalize in ("none", "mean"):
            factors = [self._factor(resolution) for resolution in self._resolutions(raw.shape[2])]
            multiply, shift = np.array(factors, np.int64).T
        else:
            squares = (raw.astype(np.int64) ** 2).sum(axis=1, keepdims=True)
            multiply, shift = reciprocal_root(self.length * squares - sums * sums)
            shift = shift + frexp(self._step)[1] - 1
        scaled = (x * multiply + (np.int64(1) << (shift - 1))) >> shift
        samples = np.clip(scaled, -32768, 32767).astype(np.int16)
        return self.spectral.features(samples, self._step) if self.spectral else samples

    def constants(self, raw: Raw) -> dict[str, Any]:
        """Sizes, and what samples are multiplied by."""
        self.shape(raw)
        length, channels = raw.shape
        factors = [self._factor(resolution) for resolution in self._resolutions(channels)]
        return {
            "length": length,
            "channels": channels,
            "normalize": self.normalize,
            "bits": 1 - frexp(self._step)[1],
            "multiply": [multiply for multiply, _ in factors],
            "shift": [shift for _, shift in factors],
            "spectral": self.spectral.constants(length, self._step) if self.spectral else None,
        }

    def _resolutions(self, channels: int) -> tuple[float, ...]:
        return self.resolution if isinstance(self.resolution, tuple) else (self.resolution,) * channels

    def _factor(self, resolution: float) -> tuple[int, int]:
        """What a sample, or with `mean` `length` times one, has to be multiplied by, and shifted right by, to become a
        feature; the factor has 31 bits."""
        exact = Fraction(resolution) / Fraction(self._step) / (self.length if self.normalize == "mean" else 1)
        shift = 31
        while round(exact * 2**shift) < 2**30:
            shift += 1
        while round(exact * 2**shift) >= 2**31:
            shift -= 1
        return round(exact * 2**shift), shift


def reciprocal_root(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 / sqrt(squares) as a factor of at most 2**30 and a shift to the right; of 0 the factor is 0.

    Both integer root and quotient are rounded down; the factor is right to 2**-28 of itself.

    Args:
      squares: any shape, int64, 0 … 2**60.
    """
    import numpy as np

    rest, shift = squares.copy(), np.full(squares.shape, 60)
    for _ in range(30):
        small = rest < 1 << 60
        rest, shift = np.where(small, rest << 2, rest), shift - small
    root = np.zeros_like(rest)
    for bit in range(60, -1, -2):  # digit by digit, in binary
        trial = root + (1 << bit)
        fits = rest >= trial
        rest, root = np.where(fits, rest - trial, rest), (root >> 1) + np.where(fits, 1 << bit, 0)
    return np.where(squares > 0, (1 << 60) // np.maximum(root, 1), 0), shift


class Cut(Struct, frozen=True):
    """Windows of recordings."""

    windows: np.ndarray
    """(N, length, channels), of the recording's type."""
    groups: np.ndarray
    """(N,): of each window."""
    starts: np.ndarray
    """(N,): its first sample in the recording, which says what else is known of it."""
    unused: int
    """Samples that are in no window: at the end of a group, or of one that is shorter than a window."""


def cut(recording: np.ndarray, groups: np.ndarray, settings: Window, source: str) -> Cut:
    """Cuts a recording into windows, none of which holds samples of two groups.

    Args:
      recording: (samples, channels), of one or of several one after the other.
      groups: (samples,): the subject or session of each; where it changes, a recording ends.
      source: its name, for errors.

    Raises:
      DataError: no group is as long as a window.
    """
    import numpy as np

    length, stride = settings.length, settings.stride or settings.length
    edges = [0, *(np.flatnonzero(groups[1:] != groups[:-1]) + 1), len(groups)]
    runs = [*pairwise(edges)]
    starts = np.concatenate([np.arange(start, end - length + 1, stride) for start, end in runs]).astype(np.intp)
    if not len(starts):
        longest = max(end - start for start, end in runs)
        raise DataError(
            f"{source}: the longest recording has {longest} samples, fewer than frontend.length = {length}; "
            "shorten the window, or give longer recordings"
        )
    used = np.zeros(len(groups) + 1, np.intp)
    np.add.at(used, starts, 1)
    np.add.at(used, starts + length, -1)
    unused = int(np.count_nonzero(np.cumsum(used[:-1]) == 0))
    windows = np.lib.stride_tricks.sliding_window_view(recording, length, axis=0)[starts].swapaxes(1, 2)
    return Cut(np.ascontiguousarray(windows), groups[starts], starts, unused)
