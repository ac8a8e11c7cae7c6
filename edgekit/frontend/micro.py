"""`micro`: the audio front-end of TensorFlow Lite for Microcontrollers, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from edgekit.errors import ProjectError
from edgekit.frontend import micro_tables as tables
from edgekit.frontend.base import FrontendSettings, Raw, frames_of

if TYPE_CHECKING:
    import numpy as np

Milliseconds = Annotated[int, Meta(ge=1, le=4000)]
Hertz = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
SMALLEST, LARGEST = 32, 4096
"""Lengths that the FFT has."""


class Micro(FrontendSettings, frozen=True, tag="micro"):
    """TFLM's micro front-end: a filterbank, less its noise, with its gain controlled (PCAN), as a logarithm.

    Settings are called as in TFLM and do what they do there. The defaults are those that wake-word models are trained
    with: microWakeWord (PyPI pymicro-features), and micro_speech with `hop_ms = 20`.

    Source: tensorflow/lite/experimental/microfrontend of TensorFlow and TFLM.
    """

    sample_rate: Annotated[int, Meta(ge=1000, le=384_000)] = 16_000
    """In Hz."""
    window_ms: Milliseconds = 30
    hop_ms: Milliseconds = 10
    """From the start of a window to the start of the next."""
    num_channels: Annotated[int, Meta(ge=1, le=512)] = 40
    lower_band_limit: Hertz = 125.0
    """In Hz."""
    upper_band_limit: Hertz = 7500.0
    smoothing_bits: Annotated[int, Meta(ge=0, le=31)] = 10
    """By which the signal is scaled up while noise is estimated."""
    even_smoothing: Share = 0.025
    """Of the estimate of noise, that the newest frame is: in channels 0, 2, 4 …"""
    odd_smoothing: Share = 0.06
    """and in 1, 3, 5 …"""
    min_signal_remaining: Share = 0.05
    """Of the signal, however much noise there is."""
    enable_pcan: bool = True
    """Whether the gain is controlled: divided by a power of the noise, so that a far voice is as loud as a near one."""
    pcan_strength: Share = 0.95
    """That power."""
    pcan_offset: Annotated[float, Meta(ge=1e-3, le=1e9)] = 80.0
    """Added to the noise, so that silence is not amplified."""
    gain_bits: Annotated[int, Meta(ge=0, le=31)] = 21
    """Of the gain, behind the point."""
    enable_log: bool = True
    """Without the logarithm, what is more than 32767 counts as 32767 (in TFLM, more than 65535 as 65535)."""
    scale_shift: Annotated[int, Meta(ge=0, le=10)] = 6
    """The natural logarithm is multiplied by 2**scale_shift; with more than 10 it has no room in int16."""

    template: ClassVar[str] = "micro.c.jinja"

    @property
    def step(self) -> float:
        """10/256, with which wake-word models are trained."""
        return 10 / 256

    @property
    def window(self) -> int:
        """Samples."""
        return self.sample_rate * self.window_ms // 1000

    @property
    def hop(self) -> int:
        """Samples."""
        return self.sample_rate * self.hop_ms // 1000

    @property
    def length(self) -> int:
        """Of the FFT: the first power of two that holds a window."""
        return 1 << (self.window - 1).bit_length()

    @property
    def correction(self) -> int:
        """Bits by which the logarithm makes up for what the FFT divided by and the filterbank multiplied by."""
        return self.length.bit_length() - 1 - 6

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """(frames, channels).

        Raises:
          ProjectError: a setting contradicts another, or the recording is no sound or too short.
        """
        self.check()
        return frames_of(self, raw), self.num_channels

    def check(self) -> None:
        """Raises ProjectError where a setting contradicts another."""
        if self.hop < 1:
            raise ProjectError(f"frontend.hop_ms: no whole sample at {self.sample_rate} Hz; make it longer")
        if self.hop > self.window:
            raise ProjectError(
                f"frontend.hop_ms: {self.hop_ms} ms is longer than frontend.window_ms, {self.window_ms} ms, "
                "so that TFLM would read behind its window; shorten it"
            )
        if not SMALLEST // 2 < self.window <= LARGEST:
            raise ProjectError(
                f"frontend.window_ms: {self.window} samples at {self.sample_rate} Hz; "
                f"make it {SMALLEST // 2 + 1} to {LARGEST} samples long"
            )
        half = self.sample_rate / 2
        if not self.lower_band_limit < self.upper_band_limit <= half:
            raise ProjectError(
                f"frontend.upper_band_limit: {self.upper_band_limit:g} Hz is not between frontend.lower_band_limit, "
                f"{self.lower_band_limit:g} Hz, and half of frontend.sample_rate, {half:g} Hz; "
                "write a frequency between them"
            )
        if self._bank().slopes[-1] > self.length // 2:
            raise ProjectError(
                f"frontend.upper_band_limit: {self.upper_band_limit:.9g} Hz reaches half of frontend.sample_rate, "
                f"{half:g} Hz, which TFLM leaves out; write {half - half / 100:g} or less"
            )
        if self.smoothing_bits < self.correction and self.enable_pcan:
            raise ProjectError(
                f"frontend.smoothing_bits: {self.smoothing_bits} is less than an FFT of {self.length} needs; "
                f"write {self.correction} or more"
            )
        if self.gain_bits < (least := self.correction + tables.SNR_BITS) and self.enable_pcan:
            raise ProjectError(
                f"frontend.gain_bits: {self.gain_bits} is less than an FFT of {self.length} needs; "
                f"write {least} or more"
            )

    def features(self, raw: np.ndarray) -> np.ndarray:
        """See `Frontend`."""
        from edgekit.frontend.micro_features import micro_features

        self.shape(Raw(raw.shape[1:], str(raw.dtype)))
        return micro_features(self._tables(), raw)

    def constants(self, raw: Raw) -> dict[str, Any]:
        """See `Frontend`."""
        frames, channels = self.shape(raw)
        of = self._tables()
        return {
            "window": self.window,
            "hop": self.hop,
            "frames": frames,
            "values": channels,
            "points": of.points,
            "radices": of.radices,
            "places": sorted(range(of.points), key=of.order.__getitem__),
            "weights": of.weights.tolist(),
            "twiddles": of.twiddles.ravel().tolist(),
            "half_twiddles": of.half_twiddles.ravel().tolist(),
            "slopes": of.bank.slopes.tolist(),
            "falling": of.bank.falling.tolist(),
            "rising": of.bank.rising.tolist(),
            "smoothing_bits": of.smoothing_bits,
            "smoothing": of.smoothing,
            "remaining": of.remaining,
            "gains": [] if of.gains is None else of.gains.ravel().tolist(),
            "snr_shift": of.snr_shift,
            "logarithms": [] if of.logarithms is None else of.logarithms.tolist(),
            "correction": of.correction,
            "scale_shift": of.scale_shift,
        }

    def _tables(self) -> tables.Tables:
        """What the features are made with."""
        return tables.Tables(
            window=self.window,
            hop=self.hop,
            channels=self.num_channels,
            weights=tables.hann(self.window),
            radices=(radices := tables.radices(self.length // 2)),
            order=tables.order(radices),
            twiddles=tables.twiddles(self.length // 2),
            half_twiddles=tables.half_twiddles(self.length // 2),
            bank=self._bank(),
            smoothing_bits=self.smoothing_bits,
            smoothing=tables.shares(self.even_smoothing, self.odd_smoothing),
            remaining=tables.shares(self.min_signal_remaining)[0],
            gains=self._gains() if self.enable_pcan else None,
            snr_shift=self.gain_bits - self.correction - tables.SNR_BITS,
            logarithms=tables.logarithms() if self.enable_log else None,
            correction=self.correction,
            scale_shift=self.scale_shift,
        )

    def _bank(self) -> tables.Filterbank:
        limits = (self.lower_band_limit, self.upper_band_limit)
        return tables.filterbank(self.length // 2, self.sample_rate, self.num_channels, *limits)

    def _gains(self) -> np.ndarray:
        noise_bits = self.smoothing_bits - self.correction
        return tables.gain_curve(self.pcan_strength, self.pcan_offset, self.gain_bits, noise_bits)
