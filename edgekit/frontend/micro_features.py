"""The micro front-end in NumPy: all samples and frames at a time, but for the noise, which is estimated frame by frame.

All of it is in integers, and wraps where those of TFLM wrap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.frontend.micro_tables import NOISE_BITS, ONE, SNR_BITS, WINDOW_BITS, Tables

if TYPE_CHECKING:
    import numpy as np

    Complex = tuple[np.ndarray, np.ndarray]

CHUNK = 128
"""Windows of which a spectrum is made at a time: what is made of them stays in the cache."""
SAMPLES = 256
"""Samples whose frames go through all other steps at a time."""
WORD = 0xFFFFFFFF
OUTPUT_BITS = 6
"""Behind the point, of what the gain control makes."""
LOG_BITS, SEGMENT_BITS = 16, 9
LOG_2 = 45426
"""The natural logarithm of 2, with `LOG_BITS` behind the point."""


def micro_features(tables: Tables, raw: np.ndarray) -> np.ndarray:
    """(N, frames, channels) int16 of samples (N, samples) int16."""
    import numpy as np

    frames = 1 + (raw.shape[1] - tables.window) // tables.hop
    made = np.empty((len(raw), frames, tables.channels), np.int16)
    for start in range(0, len(raw), SAMPLES):
        some = raw[start : start + SAMPLES]
        spread = np.lib.stride_tricks.sliding_window_view(some, tables.window, axis=1)[:, :: tables.hop]
        signal = _filtered(tables, spread.reshape(-1, tables.window)).reshape(len(some), frames, -1)
        signal, noise = _denoised(tables, signal)
        if tables.gains is not None:
            signal = _controlled(signal, noise, tables.gains, tables.snr_shift)
        if tables.logarithms is not None:
            signal = _logarithm(signal, tables.logarithms, tables.correction, tables.scale_shift)
        made[start : start + SAMPLES] = np.minimum(signal, 32767)
    return made


def _filtered(tables: Tables, windows: np.ndarray) -> np.ndarray:
    """(M, channels) uint64, below 2**32: the root of the power in each channel."""
    import numpy as np

    bank = tables.bank
    first, last = bank.slopes[0], bank.slopes[-1]
    starts, ends = bank.slopes[:-1] - first, bank.slopes[1:] - first
    made = np.empty((len(windows), tables.channels), np.uint64)
    for start in range(0, len(windows), CHUNK):
        pcm = windows[start : start + CHUNK].T.astype(np.int32)
        shaped = ((pcm * tables.weights[:, None]) >> WINDOW_BITS).astype(np.int16)
        shift = 15 - _bits(np.maximum(np.abs(shaped).max(axis=0), 0))  # -32768 has no absolute value in int16
        scaled = np.zeros((2 * tables.points, shaped.shape[1]), np.int16)
        scaled[: tables.window] = shaped.astype(np.int32) << shift
        energy = _energies(tables, scaled)[first:last]
        falling = _sums(energy * bank.falling[:, None], starts, ends)
        rising = _sums(energy * bank.rising[:, None], starts, ends)
        made[start : start + CHUNK] = (_root(rising[:-1] + falling[1:]) >> shift).T
    return made


def _energies(tables: Tables, scaled: np.ndarray) -> np.ndarray:
    """(points + 1, M) int64: squares of the spectrum of real samples (2 * points, M) int16."""
    import numpy as np

    points, size = tables.points, 1
    real, imaginary = scaled[0::2][tables.order], scaled[1::2][tables.order]
    for radix in reversed(tables.radices):
        shape = (points // (radix * size), radix, size, -1)
        parts = [(real.reshape(shape)[:, i], imaginary.reshape(shape)[:, i]) for i in range(radix)]
        parts = [(_part(r, radix), _part(i, radix)) for r, i in parts]
        turned = np.arange(size) * (points // (radix * size))
        parts = [parts[0], *(_turned(*part, tables.twiddles[turned * (i + 1)]) for i, part in enumerate(parts[1:]))]
        combined = _four(parts) if radix == 4 else _two(parts)
        both = (np.stack(of, axis=1).astype(np.int16) for of in zip(*combined, strict=True))
        real, imaginary = (of.reshape(points, -1) for of in both)
        size *= radix
    energy = np.zeros((points + 1, scaled.shape[1]), np.int64)
    up, down = slice(1, points // 2 + 1), slice(points - 1, points // 2 - 1, -1)
    r, i = _part(real[up], 2), _part(imaginary[up], 2)
    mirrored_r, mirrored_i = _part(real[down], 2), _part(-imaginary[down], 2)
    sum_r, sum_i = _short(r + mirrored_r), _short(i + mirrored_i)
    turned_r, turned_i = map(_short, _turned(_short(r - mirrored_r), _short(i - mirrored_i), tables.half_twiddles))
    energy[up] = _square((sum_r + turned_r) >> 1) + _square((sum_i + turned_i) >> 1)
    energy[down] = _square((sum_r - turned_r) >> 1) + _square((turned_i - sum_i) >> 1)
    return energy


def _part(value: np.ndarray, radix: int) -> np.ndarray:
    """A value over the radix, rounded, in int32: so no stage of the FFT can overflow by much."""
    import numpy as np

    return (value.astype(np.int32) * (ONE // radix) + (1 << 14)) >> 15


def _turned(real: np.ndarray, imaginary: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Complex values times (places, 2), rounded."""
    cosine, sine = by[:, :1], by[:, 1:]
    half = 1 << 14
    return (real * cosine - imaginary * sine + half) >> 15, (real * sine + imaginary * cosine + half) >> 15


def _two(parts: list[Complex]) -> list[Complex]:
    (ar, ai), (br, bi) = parts
    return [(ar + br, ai + bi), (ar - br, ai - bi)]


def _four(parts: list[Complex]) -> list[Complex]:
    (ar, ai), (br, bi), (cr, ci), (dr, di) = parts
    (er, ei), (fr, fi) = _two([(ar, ai), (cr, ci)])
    (gr, gi), (hr, hi) = _two([(br, bi), (dr, di)])
    return [(er + gr, ei + gi), (fr + hi, fi - hr), (er - gr, ei - gi), (fr - hi, fi + hr)]


def _short(value: np.ndarray) -> np.ndarray:
    """As int16 has it, in int32."""
    import numpy as np

    return value.astype(np.int16).astype(np.int32)


def _square(value: np.ndarray) -> np.ndarray:
    return value * value


def _sums(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Of rows, from each start to its end."""
    import numpy as np

    total = np.zeros((len(values) + 1, values.shape[1]), np.int64)
    np.cumsum(values, axis=0, out=total[1:])
    return total[ends] - total[starts]


def _root(value: np.ndarray) -> np.ndarray:
    """The nearest root of values below 2**52, but for 65535, which is not rounded up.

    There are no larger ones: each stage of the FFT divides by its radix, so that, but for what wraps, the energy of a
    window is below 2**31 in all bins together; and weights are below 2**13."""
    import numpy as np

    root = np.sqrt(value.astype(np.float64)).astype(np.int64)  # is exact below 2**52
    return root + ((value - root * root > root) & (root != 0xFFFF))


def _denoised(tables: Tables, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The signal (N, frames, channels) without the noise, and the estimates of that; uint64 below 2**32."""
    import numpy as np

    up, bits = np.uint64(tables.smoothing_bits), np.uint64(NOISE_BITS)
    channels = np.arange(tables.channels)
    share = np.array(tables.smoothing, np.uint64)[channels % 2]
    rest = np.uint64(1 << NOISE_BITS) - share
    scaled = (signal << up) & np.uint64(WORD)
    noise = np.empty_like(signal)
    estimate = np.zeros_like(signal[:, 0])
    for frame in range(signal.shape[1]):
        estimate = ((scaled[:, frame] * share + estimate * rest) >> bits) & np.uint64(WORD)
        noise[:, frame] = estimate
    least = (signal * np.uint64(tables.remaining)) >> bits
    return np.maximum((scaled - np.minimum(noise, scaled)) >> up, least), noise


def _controlled(signal: np.ndarray, noise: np.ndarray, gains: np.ndarray, shift: int) -> np.ndarray:
    """The signal over a power of the noise, uint64 below 2**32."""
    import numpy as np

    bits = _bits(noise)
    place = noise.astype(np.int64)
    part = np.where(bits < 11, place << np.maximum(11 - bits, 0), place >> np.maximum(bits - 11, 0)) & 0x3FF
    first, linear, square = np.moveaxis(gains.astype(np.int64)[bits], -1, 0)
    bent = (((square * part >> 5) + linear * 32) * part + (1 << 14)) >> 15
    gain = (bent + first).astype(np.int16).astype(np.int64).astype(np.uint64) & np.uint64(WORD)
    ratio = (signal * gain >> np.uint64(shift)) & np.uint64(WORD)
    little = ratio < np.uint64(2 << SNR_BITS)
    small = np.where(little, ratio, 0) ** 2 >> np.uint64(2 + 2 * SNR_BITS - OUTPUT_BITS)
    return np.where(little, small, (ratio >> np.uint64(SNR_BITS - OUTPUT_BITS)) - np.uint64(1 << OUTPUT_BITS))


def _logarithm(signal: np.ndarray, table: np.ndarray, correction: int, scale_shift: int) -> np.ndarray:
    """The natural logarithm of a signal below 2**32, with `scale_shift` bits behind the point; of 0, 0."""
    import numpy as np

    value = (signal.astype(np.int64) << max(correction, 0) >> max(-correction, 0)) & WORD
    whole = np.maximum(_bits(value) - 1, 0)
    part = value - (np.int64(1) << whole)
    part = np.where(whole < LOG_BITS, part << np.maximum(LOG_BITS - whole, 0), part >> np.maximum(whole - LOG_BITS, 0))
    segment = np.maximum(part, 0) >> SEGMENT_BITS
    start, end = table[segment], table[segment + 1]
    part += start + ((end - start) * (part & ((1 << SEGMENT_BITS) - 1)) >> LOG_BITS)
    natural = ((whole << LOG_BITS) + part) * LOG_2 + (1 << 15) >> LOG_BITS
    return np.where(value > 1, ((natural << scale_shift) + (1 << 15)) >> LOG_BITS, 0)


def _bits(value: np.ndarray) -> np.ndarray:
    """How many bits each takes, without zeros in front: those of 0 are 0; in int64."""
    import numpy as np

    return np.searchsorted(1 << np.arange(32, dtype=np.int64), value.astype(np.int64), side="right")
