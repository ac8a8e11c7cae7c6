"""`mfcc`: mel-frequency cepstral coefficients, the cosine transform of the logarithms of mel bands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from edgekit.errors import ProjectError
from edgekit.frontend.audio import FACTORS, LARGEST_LOG, Floor
from edgekit.frontend.base import Raw
from edgekit.frontend.mel import Mel

if TYPE_CHECKING:
    import numpy as np


class Mfcc(Mel, frozen=True, tag="mfcc"):
    """The first coefficients of the orthonormal DCT-II of the logarithms of mel bands, the constant one included, as
    `librosa.feature.mfcc` has them. In `tf.signal.mfccs_from_log_mel_spectrograms` the constant one is sqrt(2) times as
    large."""

    coefficients: Annotated[int, Meta(ge=1, le=256)] = 13
    compression: Literal["log", "db"] = "log"
    """The natural logarithm, or decibels."""
    floor: Floor = 1e-6
    """Power below it counts as it."""

    @property
    def values(self) -> int:
        """See `Audio`."""
        return self.coefficients

    @property
    def step(self) -> float:
        """See `Frontend`. A coefficient is at most sqrt(bands) times the largest logarithm."""
        return 2.0 ** (math.ceil(math.log2(math.sqrt(self.mel_bands) * LARGEST_LOG[self.compression])) - 15)

    def check(self) -> None:
        """See `Audio`."""
        super().check()
        if self.coefficients > self.mel_bands:
            raise ProjectError(
                f"frontend.coefficients: {self.coefficients} of {self.mel_bands} mel bands; there are no more "
                "coefficients than bands: lower coefficients or raise mel_bands"
            )

    def of_power(self, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """See `Audio`."""
        import numpy as np

        cosines, bits = self._transform()
        logs = self.logarithms(self.filters.energies(power), shift, self.norms, self.floor)
        return ((logs @ cosines.T + (1 << (bits - 1))) >> bits).astype(np.int16)

    def _transform(self) -> tuple[np.ndarray, int]:
        """Of log2 with 16 bits behind the point to features: a matrix (coefficients, bands) of 16-bit numbers, in
        int64, and the bits that are dropped."""
        import numpy as np

        k, b = np.arange(self.coefficients)[:, None], np.arange(self.mel_bands)
        cosines = np.cos(np.pi * k * (2 * b + 1) / (2 * self.mel_bands)) * np.sqrt(2 / self.mel_bands)
        cosines[0] /= np.sqrt(2)
        cosines *= FACTORS[self.compression]
        point = math.floor(math.log2(32767 / np.abs(cosines).max()))
        return np.round(cosines * 2**point).astype(np.int64), point + 16 + round(math.log2(self.step))

    def constants(self, raw: Raw) -> dict[str, Any]:
        """See `Frontend`."""
        cosines, bits = self._transform()
        logs = self.log_constants(self.norms, self.floor)
        return self.mel_constants(raw) | logs | {"of": "mfcc", "cosines": cosines.flatten().tolist(), "bits": bits}
