"""The tables of the micro front-end: all of its arithmetic that is not in integers, done once.

TFLM makes them in float32 when a device starts. Each operation here is rounded to float32 where it is there, so that
the integers are the same.  Source: tensorflow/lite/experimental/microfrontend/lib and kissfft.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np

WINDOW_BITS = 12
"""Behind the point, of the window, as below of others;"""
WEIGHT_BITS = 12
"""of the filterbank."""
NOISE_BITS = 14
SNR_BITS = 12
"""Of the ratio of signal to noise in the gain control."""
SEGMENTS = 128
"""Of the table of logarithms."""
INTERVALS = 33
"""Of the table of gains: one for each number of bits that an estimate of the noise can have."""
ONE = 32767
"""In the FFT."""
LOG_SERIES = (0.14798198640, 0.15313838422, 0.18183572590, 0.22222198546, 0.28571429849, 0.40000000596, 0.66666668653)
LOG_2 = (0.69313812256, 9.0580006145e-06)
"""Its first bits, and the others."""


class Filterbank(Struct, frozen=True):
    """Triangles on the mel scale. From one center to the next, one triangle falls while another rises; of such slopes
    there is one more than of channels: on the first no channel falls, on the last none rises."""

    slopes: np.ndarray
    """(channels + 2,): the first bin of each slope; the last ends before the last entry."""
    falling: np.ndarray
    """(bins,) from bin `slopes[0]`: weights in the triangle that falls there;"""
    rising: np.ndarray
    """and in the one that rises."""


class Tables(Struct, frozen=True):
    """All numbers that the features are made with, in Python and in C."""

    window: int
    """Samples, as hop."""
    hop: int
    channels: int
    weights: np.ndarray
    """(window,)"""
    radices: list[int]
    """Of the stages of the complex FFT, from the last to the first: as many fours as there are, then a two."""
    order: list[int]
    """Which pair of samples stands at each place before the first stage."""
    twiddles: np.ndarray
    half_twiddles: np.ndarray
    bank: Filterbank
    smoothing_bits: int
    smoothing: list[int]
    """Of channels 0, 2, 4 … and of 1, 3, 5 …"""
    remaining: int
    gains: np.ndarray | None
    """None without gain control."""
    snr_shift: int
    logarithms: np.ndarray | None
    """None without logarithm."""
    correction: int
    """Bits by which the logarithm makes up for what the FFT divided by and the filterbank multiplied by."""
    scale_shift: int

    @property
    def points(self) -> int:
        """Of the complex FFT: pairs of samples."""
        return len(self.order)


def hann(size: int) -> np.ndarray:
    """(size,): Hann's window, in steps of 2**-12."""
    import numpy as np

    turn = np.float32(np.float32(math.pi) * np.float32(2)) / np.float32(size)
    phases = turn * (np.arange(size, dtype=np.float32) + np.float32(0.5))
    values = np.float32(0.5) - np.float32(0.5) * np.cos(phases.astype(np.float64)).astype(np.float32)
    return _rounded(values * np.float32(1 << WINDOW_BITS))


def radices(points: int) -> list[int]:
    """Of the stages of a complex FFT."""
    bits = points.bit_length() - 1
    return [4] * (bits // 2) + [2] * (bits % 2)


def order(factors: list[int]) -> list[int]:
    """Of the inputs of a complex FFT, by its radices."""
    if not factors:
        return [0]
    return [digit + factors[0] * place for digit in range(factors[0]) for place in order(factors[1:])]


def twiddles(points: int) -> np.ndarray:
    """(3/4 of points, 2): cosine and sine of what the stages turn by."""
    return _turns(-2 * math.pi * i / points for i in range(max(points * 3 // 4, 1)))


def half_twiddles(points: int) -> np.ndarray:
    """(points / 2, 2): of the last step, which makes the spectrum of real samples from half as many complex ones."""
    return _turns(-math.pi * ((i + 1) / points + 0.5) for i in range(points // 2))


def _turns(phases: Iterator[float]) -> np.ndarray:
    import numpy as np

    rows = [[math.floor(0.5 + ONE * part) for part in (math.cos(phase), math.sin(phase))] for phase in phases]
    return np.array(rows, np.int32)


def filterbank(points: int, sample_rate: int, channels: int, lower: float, upper: float) -> Filterbank:
    """Of the spectrum of `2 * points` samples, from a lower to an upper frequency in Hz."""
    import numpy as np

    single = np.float32
    first, last = _mel(single(lower)), _mel(single(upper))
    spacing = (last - first) / single(channels + 1)
    centers = [first + spacing * single(i + 1) for i in range(channels + 1)]
    hertz = single(0.5) * single(sample_rate) / single(points)
    slopes = [int(single(1.5) + single(lower) / hertz)]
    falling: list[np.float32] = []
    for before, center in zip([first, *centers], centers, strict=False):
        place = slopes[-1]
        while (mel := _mel(single(place) * hertz)) <= center:
            falling.append((center - mel) / (center - before))
            place += 1
        slopes.append(place)
    weights = np.array(falling, single)
    scale = single(1 << WEIGHT_BITS)
    return Filterbank(np.array(slopes), _rounded(weights * scale), _rounded((single(1) - weights) * scale))


def _mel(hertz: np.float32) -> np.float32:
    import numpy as np

    return np.float32(1127) * log1p(hertz / np.float32(700))


def log1p(x: np.float32) -> np.float32:
    """log(1 + x) for x >= 0, to the last bit as newlib and glibc before 2.41 have it.

    Most values are the nearest float32, some the one beside it: that shows in one weight of a filterbank in a hundred.

    Source: `log1pf` of fdlibm (Sun Microsystems).
    """
    import numpy as np

    single = np.float32
    exponent, rest, f = 0, single(0), x
    if x >= single(0.41422):
        fraction, exponent = math.frexp(single(1) + x)
        u = single(2 * fraction)
        rest = (single(1) - (single(1) + x - x) if exponent > 1 else x - (single(1) + x - single(1))) / (single(1) + x)
        exponent -= 1
        if u >= single(math.sqrt(2)):
            exponent, u = exponent + 1, u / single(2)
        f = u - single(1)
    square = single(0.5) * f * f
    s = f / (single(2) + f)
    z = s * s
    series = single(0)
    for term in LOG_SERIES:
        series = z * (single(term) + series)
    inner = s * (square + series)
    if exponent == 0:
        return f - (square - inner)
    k = single(exponent)
    return k * single(LOG_2[0]) - ((square - (inner + (k * single(LOG_2[1]) + rest))) - f)


def _rounded(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.floor(values + np.float32(0.5)).astype(np.int32)


def shares(*of: float) -> list[int]:
    """Shares of 1 in steps of 2**-14, rounded down."""
    import numpy as np

    return [int(np.float32(share) * np.float32(1 << NOISE_BITS)) for share in of]


def gain_curve(strength: float, offset: float, gain_bits: int, noise_bits: int) -> np.ndarray:
    """(33, 3): for noise of so many bits, the gain where they begin, and how it bends from there (linear, square).

    Args:
      gain_bits: of the gain, behind the point.
      noise_bits: of the noise, behind the point.
    """
    import numpy as np

    def gain(noise: int) -> int:
        real = np.float32(noise) / np.float32(1 << noise_bits)
        power = math.pow(float(real + np.float32(offset)), float(-np.float32(strength)))
        value = np.float32(1 << gain_bits) * np.float32(power)
        return ONE if value > ONE else int(value + np.float32(0.5))

    rows = [[gain(0), 0, 0], [gain(1), 0, 0]]
    for bits in range(2, INTERVALS):
        start = 1 << (bits - 1)
        end = min(2 * start, (1 << 32) - 1)
        first, middle, last = (gain(noise) for noise in (start, start + start // 2, end))
        linear = 4 * (middle - first) - (last - first)
        rows.append([first, linear, last - first - linear])
    return np.array(rows).astype(np.int16).astype(np.int32)


def logarithms() -> np.ndarray:
    """(130,): how far log2(1 + x) is above x, in steps of 2**-16, for x = 0, 1/128 …; the last closes the table."""
    import numpy as np

    x = np.arange(SEGMENTS + 1) / SEGMENTS
    return np.append(np.floor(65536 * (np.log2(1 + x) - x) + 0.5), 0).astype(np.int32)
