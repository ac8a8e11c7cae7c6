"""What the front-ends of sound share: windows, their spectra, and the logarithm with a floor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from edgekit.config import Positive
from edgekit.errors import ProjectError
from edgekit.frontend.base import FrontendSettings, Raw, frames_of
from edgekit.frontend.fft import LARGEST, SMALLEST, halvings, peak_bits, power_spectrum, reversed_bits, sines
from edgekit.frontend.fixed import LOG_OF_ZERO, LOG_TABLE, SEGMENT_BITS, log2, rounded

if TYPE_CHECKING:
    import numpy as np

Milliseconds = Annotated[float, Meta(gt=0, le=4000)]
Floor = Annotated[float, Meta(ge=1e-12, le=1)]
CHUNK = 256
"""Windows that NumPy works on at a time: what it makes of them stays in the cache."""
FACTORS = {"log": math.log(2), "db": 10 * math.log10(2)}
"""Of log2, for each logarithm."""
LARGEST_LOG = {"log": 32, "db": 256}
"""Powers of two above what a logarithm can be: it is at least that of 1e-12, and at most that of the sum of all power,
(2 * LARGEST)**2, 67 million, times what makes areas of bands equal: some thousand where 256 bands share 1 Hz."""
FACTOR_BITS = 24


class Audio(FrontendSettings, frozen=True):
    """Settings of every front-end of sound: int16 PCM is -1 … 1, cut into windows that start a hop apart. The last is
    the last that is whole."""

    sample_rate: Annotated[int, Meta(ge=1000, le=384_000)] = 16_000
    """In Hz."""
    window_ms: Milliseconds = 30.0
    hop_ms: Milliseconds = 20.0
    """From the start of a window to the start of the next."""
    fft_length: Positive | None = None
    """A power of two, 32 to 4096; windows are filled up with zeros behind. By default the first that holds a window."""
    window_shape: Literal["hann", "hamming"] = "hann"
    """Periodic, as `tf.signal` and librosa have them."""
    pre_emphasis: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """x[n] - pre_emphasis * x[n - 1], in each window by itself: in front of its first sample stands the same again,
    as in HTK and Kaldi. So a window needs nothing of the one before."""

    template: ClassVar[str] = "audio.c.jinja"

    @property
    def window(self) -> int:
        """Samples."""
        return round(self.sample_rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Samples."""
        return round(self.sample_rate * self.hop_ms / 1000)

    @property
    def length(self) -> int:
        """Of the FFT."""
        return self.fft_length or max(SMALLEST, 1 << (self.window - 1).bit_length())

    @property
    def values(self) -> int:
        """Features of a frame."""
        raise NotImplementedError

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """(frames, values).

        Raises:
          ProjectError: a setting contradicts another, or the recording is no sound or too short.
        """
        self.check()
        return frames_of(self, raw), self.values

    def check(self) -> None:
        """Raises ProjectError where a setting contradicts another."""
        if self.window < 2 or self.hop < 1:
            name, count = ("window", self.window) if self.window < 2 else ("hop", self.hop)
            raise ProjectError(f"frontend.{name}_ms: {count} samples at {self.sample_rate} Hz; make it longer")
        length = self.length
        if length & (length - 1) or not SMALLEST <= length <= LARGEST:
            near = min(max(1 << (length - 1).bit_length(), SMALLEST), LARGEST)
            raise ProjectError(
                f"frontend.fft_length: {length} is no power of two from {SMALLEST} to {LARGEST}; "
                + (f"write {near}" if self.fft_length else "shorten frontend.window_ms")
            )
        if length < self.window:
            raise ProjectError(
                f"frontend.fft_length: {length} is shorter than the window of {self.window} samples "
                f"({self.window_ms:g} ms at {self.sample_rate} Hz); lengthen it or shorten frontend.window_ms"
            )

    def features(self, raw: np.ndarray) -> np.ndarray:
        """See `Frontend`."""
        import numpy as np

        frames, values = self.shape(Raw(raw.shape[1:], str(raw.dtype)))
        spread = np.lib.stride_tricks.sliding_window_view(raw, self.window, axis=1)[:, :: self.hop]
        count = len(raw) * frames
        made = np.empty((count, values), self.kept)
        for start in range(0, count, CHUNK):
            sample, frame = np.divmod(np.arange(start, min(start + CHUNK, count)), frames)
            power, shift = power_spectrum(self._windowed(spread[sample, frame]), self.length)
            made[start : start + CHUNK] = self.of_power(power, shift)
        return self.of_frames(made.reshape(len(raw), frames, values))

    @property
    def kept(self) -> str:
        """Type of what `of_power` gives."""
        return "int16"

    def of_power(self, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """What is kept of each window by itself: (F, values) of its power spectrum."""
        raise NotImplementedError

    def of_frames(self, kept: np.ndarray) -> np.ndarray:
        """The features: (N, frames, values) of what is kept of each window."""
        return kept

    def _windowed(self, pcm: np.ndarray) -> np.ndarray:
        """(F, window) int16 in int64: as 29 bits behind the point, emphasized, times the window shape; below 2**30.

        x * 2**15 - a * x' is between -2**31 and 2**31 because a is below 2**15; times a weight below 2**31, over 2**32.
        """
        import numpy as np

        x = pcm.astype(np.int64)
        before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
        return rounded((x * 32768 - self._emphasis * before) * self._weights())

    @property
    def _emphasis(self) -> int:
        return min(round(self.pre_emphasis * 32768), 32767)

    def _weights(self) -> np.ndarray:
        """Of a window's samples, with 31 bits behind the point."""
        import numpy as np

        half, rest = (0.5, 0.5) if self.window_shape == "hann" else (0.54, 0.46)
        turns = np.minimum(np.arange(self.window), self.window - np.arange(self.window)) / self.window
        return np.minimum(np.round((half - rest * np.cos(2 * np.pi * turns)) * 2**31), 2**31 - 1).astype(np.int64)

    @property
    def point(self) -> int:
        """Bits behind the point of the magnitudes of `power_spectrum` at shift 0."""
        return 29 - halvings(self.length)

    def logarithms(self, power: np.ndarray, shift: np.ndarray, norms: tuple[float, ...], floor: float) -> np.ndarray:
        """log2 of power, or of the floor where that is more: 16 bits behind the point, in int64, below 2**22.

        Args:
          power: (F, values) uint64, at the shift of its window.
          norms: by what each value is multiplied; one for all, where they are the same.
        """
        import numpy as np

        return np.maximum(log2(power) + offsets(norms, self.point) - (shift[:, None] << 17), fixed_log2(floor))

    def log_constants(self, norms: tuple[float, ...], floor: float) -> dict[str, Any]:
        """Those of `logarithms`."""
        return {"offsets": offsets(norms, self.point).tolist(), "floor": fixed_log2(floor)}

    def constants(self, raw: Raw) -> dict[str, Any]:
        """See `Frontend`: those that all front-ends of sound have."""
        frames, values = self.shape(raw)
        return {
            "samples": raw.shape[0],
            "window": self.window,
            "hop": self.hop,
            "frames": frames,
            "values": values,
            "length": self.length,
            "emphasis": self._emphasis,
            "peak_bits": peak_bits(self.length),
            "weights": self._weights()[: self.window // 2 + 1].tolist(),
            "sines": sines(self.length),
            "order": reversed_bits(self.length // 2),
            "segment_bits": SEGMENT_BITS,
            "log_table": LOG_TABLE,
            "log_of_zero": LOG_OF_ZERO,
        }


def fixed_log2(value: float) -> int:
    """With 16 bits behind the point."""
    return round(math.log2(value) * 2**16)


def offsets(norms: tuple[float, ...], point: int) -> np.ndarray:
    """What is added to log2 of integer power, so that it is that of the power times each norm; in int64.

    Args:
      point: bits behind the point of the magnitudes.
    """
    import numpy as np

    return np.array([fixed_log2(norm) - (point << 17) for norm in norms])


def scaled(logarithm: np.ndarray, compression: str) -> np.ndarray:
    """log2 with 16 bits behind the point as features: int16 of a step of `log_step`."""
    import numpy as np

    factor, bits = scaling(compression)
    return ((logarithm * factor + (1 << (bits - 1))) >> bits).astype(np.int16)


def scaling(compression: str) -> tuple[int, int]:
    """By what log2 is multiplied, and the bits that are then dropped."""
    return round(FACTORS[compression] * 2**FACTOR_BITS), FACTOR_BITS + 16 + round(math.log2(log_step(compression)))


def log_step(compression: str) -> float:
    """Step of features that are logarithms."""
    return LARGEST_LOG[compression] / 32768
