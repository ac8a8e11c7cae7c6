"""`log-mel`: the logarithm of the power in mel bands, or the power normalized by PCEN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edgekit.errors import ProjectError
from edgekit.frontend.audio import Floor, log_step, offsets, scaled, scaling
from edgekit.frontend.base import Raw
from edgekit.frontend.fft import peak_bits
from edgekit.frontend.mel import Mel
from edgekit.frontend.pcen import Pcen, pcen, pcen_constants, pcen_step

if TYPE_CHECKING:
    import numpy as np


class LogMel(Mel, frozen=True, tag="log-mel"):
    """Logarithms of the power in mel bands, `mel_bands` of each frame."""

    compression: Literal["log", "db", "pcen"] = "log"
    """The natural logarithm, decibels, or per-channel energy normalization."""
    floor: Floor = 1e-6
    """Power below it counts as it; for a logarithm."""
    pcen: Pcen = Pcen()

    @property
    def values(self) -> int:
        """See `Audio`."""
        return self.mel_bands

    @property
    def step(self) -> float:
        """See `Frontend`."""
        if self.compression == "pcen":
            return pcen_step(self.pcen, 4.0 * self.length**2 * max(self.norms))
        return log_step(self.compression)

    def check(self) -> None:
        """See `Audio`."""
        super().check()
        if self.pcen != Pcen() and self.compression != "pcen":
            raise ProjectError('frontend.pcen: is not used; write compression = "pcen" or remove it')

    @property
    def kept(self) -> str:
        """See `Audio`."""
        return "uint64" if self.compression == "pcen" else "int16"

    def of_power(self, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """See `Audio`; for PCEN the energies of all windows on one scale."""
        energies = self.filters.energies(power)
        if self.compression == "pcen":
            return energies >> (2 * (shift - self._least_shift))[:, None].astype("uint64")
        return scaled(self.logarithms(energies, shift, self.norms, self.floor), self.compression)

    def of_frames(self, kept: np.ndarray) -> np.ndarray:
        """See `Audio`."""
        return pcen(kept, self._pcen_constants) if self.compression == "pcen" else kept

    @property
    def _least_shift(self) -> int:
        """Of the loudest window."""
        return peak_bits(self.length) - 30

    @property
    def _pcen_constants(self) -> dict[str, Any]:
        place = offsets(self.filters.norms, self.point + self._least_shift)
        return pcen_constants(self.pcen, self.step, place) | {"least_shift": self._least_shift}

    def constants(self, raw: Raw) -> dict[str, Any]:
        """See `Frontend`."""
        if self.compression == "pcen":
            return self.mel_constants(raw) | self._pcen_constants | {"of": "pcen"}
        factor, bits = scaling(self.compression)
        logs = self.log_constants(self.norms, self.floor)
        return self.mel_constants(raw) | logs | {"of": "log", "factor": factor, "bits": bits}
