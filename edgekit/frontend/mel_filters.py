"""Mel bands: triangles of which neighbours overlap by half, so that a bin has one weight for the two it is in."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from edgekit.frontend.fixed import share

if TYPE_CHECKING:
    import numpy as np

Scale = Literal["htk", "slaney"]


class Filters(Struct, frozen=True):
    """Triangular bands. Between two neighbouring corners of the B + 2 lies a segment of bins: weight / 2**32 of the
    power of a bin goes to the band whose centre is at the end of its segment, the rest to that at its start."""

    first: int
    """The first bin in a segment."""
    counts: tuple[int, ...]
    """Bins in each of the B + 1 segments."""
    weights: tuple[int, ...]
    """Of each of these bins."""
    norms: tuple[float, ...]
    """By what the power in each band is multiplied."""

    def energies(self, power: np.ndarray) -> np.ndarray:
        """Power in each band.

        Args:
          power: (F, bins) uint64, whose sum is below 2**60.

        Returns:
          (F, B) uint64, without the norms.
        """
        import numpy as np

        inside = power[:, self.first : self.first + len(self.weights)]
        rising = share(inside, np.array(self.weights, np.uint64))
        ends = np.cumsum([0, *self.counts])
        up, down = (_sums(part, ends) for part in (rising, inside - rising))
        return up[:, :-1] + down[:, 1:]


def _sums(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    import numpy as np

    total = np.zeros((len(values), values.shape[1] + 1), np.uint64)
    np.cumsum(values, axis=1, out=total[:, 1:])
    return total[:, ends[1:]] - total[:, ends[:-1]]


@functools.cache
def mel_filters(bands: int, lower: float, upper: float, scale: Scale, rate: int, length: int) -> Filters:
    """The bands between two frequencies.

    Args:
      lower, upper: in Hz.
      scale: `htk` has triangles that are straight over the mel scale of HTK, as
        `tf.signal.linear_to_mel_weight_matrix`; `slaney` has them straight over the frequency, of equal area, on the
        scale of Slaney's Auditory Toolbox, as `librosa.filters.mel`.
      rate: in Hz.
      length: of the FFT.
    """
    to_mel, to_hertz = (_htk, _hertz_of_htk) if scale == "htk" else (_slaney, _hertz_of_slaney)
    low, high = to_mel(lower), to_mel(upper)
    corners = [low + (high - low) * i / (bands + 1) for i in range(bands + 2)]
    if scale == "slaney":
        corners = [to_hertz(mel) for mel in corners]
    bins = [i * rate / length for i in range(length // 2 + 1)]
    places = [to_mel(hertz) if scale == "htk" else hertz for hertz in bins]
    inside = [i for i, place in enumerate(places) if corners[0] < place < corners[-1]]
    segments = [sum(corner <= places[i] for corner in corners) - 1 for i in inside]
    rises = [(places[i] - corners[s]) / (corners[s + 1] - corners[s]) for i, s in zip(inside, segments, strict=True)]
    return Filters(
        first=inside[0] if inside else 0,
        counts=tuple(segments.count(s) for s in range(bands + 1)),
        weights=tuple(min(round(rise * 2**32), 2**32 - 1) for rise in rises),
        norms=tuple(2 / (corners[b + 2] - corners[b]) if scale == "slaney" else 1.0 for b in range(bands)),
    )


def _htk(hertz: float) -> float:
    return 1127 * math.log1p(hertz / 700)


def _hertz_of_htk(mel: float) -> float:
    return 700 * math.expm1(mel / 1127)


def _slaney(hertz: float) -> float:
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz_of_slaney(mel: float) -> float:
    return 200 * mel / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)
