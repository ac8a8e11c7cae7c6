"""`spectrogram`: the logarithm of the power in each bin of the FFT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edgekit.frontend.audio import Audio, Floor, log_step, scaled, scaling
from edgekit.frontend.base import Raw

if TYPE_CHECKING:
    import numpy as np


class Spectrogram(Audio, frozen=True, tag="spectrogram"):
    """Logarithms of |STFT|**2, fft_length / 2 + 1 of each frame."""

    compression: Literal["log", "db"] = "log"
    """The natural logarithm, or decibels."""
    floor: Floor = 1e-6
    """Power below it counts as it."""

    @property
    def values(self) -> int:
        """See `Audio`."""
        return self.length // 2 + 1

    @property
    def step(self) -> float:
        """See `Frontend`."""
        return log_step(self.compression)

    def of_power(self, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """See `Audio`."""
        return scaled(self.logarithms(power, shift, (1.0,), self.floor), self.compression)

    def constants(self, raw: Raw) -> dict[str, Any]:
        """See `Frontend`."""
        factor, bits = scaling(self.compression)
        logs = self.log_constants((1.0,), self.floor)
        return super().constants(raw) | logs | {"of": "spectrogram", "factor": factor, "bits": bits}
