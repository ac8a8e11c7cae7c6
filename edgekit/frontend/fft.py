"""The power spectrum of windows of sound, in integers of 32 bits.

A window is scaled by a power of two to the same peak, so that a whisper keeps as many bits as a shout. Its N real
samples are the N / 2 complex values of an FFT with radix 4 (the first stage has radix 2 where N / 2 is no power of 4)
in which every stage but the first halves.  Source: Proakis and Manolakis, "Digital Signal Processing", chapter 8.

No sum overflows. The peak is below 2**(30 - log2 N + h), with h stages that halve, so that a magnitude, at most the sum
of all N over 2**h, is below 2**30. A value of the FFT sums N / 2 pairs, each sqrt(2) times as long as a sample: below
2**29.5, and so is each sum within a butterfly, which has only some of these terms. The real spectrum adds two of these,
below 2**30.5. Rounding adds less than 2**4 to any of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgekit.frontend.fixed import rounded

if TYPE_CHECKING:
    import numpy as np

SMALLEST, LARGEST = 32, 4096
"""Lengths that the FFT has."""


def halvings(length: int) -> int:
    """Stages that halve: all but the first."""
    return (length.bit_length() - 2 - 1) // 2


def peak_bits(length: int) -> int:
    """Bits of the largest sample at which nothing overflows."""
    return 30 - (length.bit_length() - 1) + halvings(length)


def sines(length: int) -> list[int]:
    """sin(2 pi i / length) for i in 0 … length - 1, with 31 bits behind the point."""
    most = 2**31 - 1
    return [max(-most, min(round(math.sin(2 * math.pi * i / length) * 2**31), most)) for i in range(length)]


def reversed_bits(count: int) -> list[int]:
    """Each number below `count`, a power of two, with its bits in reverse."""
    order = [0]
    while len(order) < count:
        order = [2 * i for i in order] + [2 * i + 1 for i in order]
    return order


def power_spectrum(windows: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Squares of the magnitudes, and the power of two by which each window was scaled.

    Args:
      windows: (F, samples) int64, each value below 2**30, no more samples than `length`.

    Returns:
      (F, length / 2 + 1) uint64 below 2**60; and `shift` (F,) int64: a magnitude is `2**(shift - halvings)` times that
      of the window.
    """
    import numpy as np

    peak = np.bitwise_or.reduce(windows ^ (windows >> 63), axis=1)
    shift = np.where(peak > 0, peak_bits(length) - np.frexp(peak.astype(np.float64))[1], 0).astype(np.int64)
    down = np.maximum(-shift, 0)[:, None]
    scaled = ((windows << np.maximum(shift, 0)[:, None]) + ((1 << down) >> 1)) >> down
    padded = np.zeros((len(windows), length), np.int64)
    padded[:, : windows.shape[1]] = scaled
    sine = np.array(sines(length))
    re, im = _real_spectrum(*_complex_fft(padded[:, ::2], padded[:, 1::2], sine), sine)
    return (re * re + im * im).astype(np.uint64), shift


def _complex_fft(re: np.ndarray, im: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The FFT of (F, M) values over 2**halvings."""
    import numpy as np

    frames, count = re.shape
    order = np.array(reversed_bits(count))
    first = 4 if count.bit_length() % 2 else 2
    re, im = (part[:, order].reshape(frames, -1, first, 1) for part in (re, im))
    if first == 4:
        re, im = _radix4([re[:, :, i] for i in (0, 2, 1, 3)], [im[:, :, i] for i in (0, 2, 1, 3)])
    else:
        re, im = (np.stack([p[:, :, 0] + p[:, :, 1], p[:, :, 0] - p[:, :, 1]], axis=2) for p in (re, im))
    quarter = first
    while quarter < count:
        re, im = (part.reshape(frames, -1, 4, quarter) for part in (re, im))
        at = np.arange(quarter) * (len(sine) // (4 * quarter))
        turned = [(re[:, :, 0] >> 1, im[:, :, 0] >> 1)]
        turned += [_turned(re[:, :, i], im[:, :, i], at * n, sine) for n, i in ((1, 2), (2, 1), (3, 3))]
        re, im = _radix4([r for r, _ in turned], [i for _, i in turned])
        quarter *= 4
    return re.reshape(frames, count), im.reshape(frames, count)


def _turned(re: np.ndarray, im: np.ndarray, at: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half of values turned by `at` steps of the circle, clockwise."""
    cos, sin = sine[(at + len(sine) // 4) % len(sine)], sine[at]
    return rounded(re * cos + im * sin), rounded(im * cos - re * sin)


def _radix4(re: list[np.ndarray], im: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Four-point FFT."""
    import numpy as np

    (ar, br, cr, dr), (ai, bi, ci, di) = re, im
    ur, ui, vr, vi = ar + cr, ai + ci, ar - cr, ai - ci
    sr, si, tr, ti = br + dr, bi + di, br - dr, bi - di
    return np.stack([ur + sr, vr + ti, ur - sr, vr - ti], axis=2), np.stack(
        [ui + si, vi - tr, ui - si, vi + tr], axis=2
    )


def _real_spectrum(re: np.ndarray, im: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bins 0 … M of 2 M real values from the FFT of their M pairs."""
    import numpy as np

    count = re.shape[1]
    k = np.arange(1, count // 2)
    zr, zi, yr, yi = re[:, k], im[:, k], re[:, count - k], im[:, count - k]
    er, ei = (zr + yr) >> 1, (zi - yi) >> 1
    tr, ti = _turned(zi + yi, yr - zr, k, sine)
    middle = slice(count // 2, count // 2 + 1)
    out_re = [re[:, :1] + im[:, :1], er + tr, re[:, middle], (er - tr)[:, ::-1], re[:, :1] - im[:, :1]]
    nothing = np.zeros_like(re[:, :1])
    out_im = [nothing, ei + ti, im[:, middle], (ei - ti)[:, ::-1], nothing]
    return np.concatenate(out_re, axis=1), np.concatenate(out_im, axis=1)
