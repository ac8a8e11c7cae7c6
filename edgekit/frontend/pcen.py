"""Per-channel energy normalization: each band over a slow mean of itself, so that loudness and steady noise go.

Source: Wang et al. 2017, "Trainable Frontend for Robust and Far-Field Keyword Spotting", equations 1 and 2. As there,
the mean starts at the first frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from edgekit.config import Settings
from edgekit.frontend.fixed import POWER_TABLE, exp2, log2, share

if TYPE_CHECKING:
    import numpy as np

ONE = 32 << 16
"""log2 of 1, of what has 32 bits behind the point."""


class Pcen(Settings, frozen=True):
    """(E / (epsilon + M)**gain + bias)**power - bias**power, where M moves to E by `smoothing` a frame."""

    gain: Annotated[float, Meta(ge=0, le=1)] = 0.98
    bias: Annotated[float, Meta(ge=0, le=1000)] = 2.0
    power: Annotated[float, Meta(ge=0.01, le=1)] = 0.5
    smoothing: Annotated[float, Meta(ge=1e-4, le=1)] = 0.025
    epsilon: Annotated[float, Meta(ge=1e-12, le=1)] = 1e-6


def pcen_step(of: Pcen, most: float) -> float:
    """Step of the features, a power of two.

    Args:
      most: the most energy that there can be. M is at least `smoothing` of it.
    """
    largest = (most ** (1 - of.gain) / of.smoothing**of.gain + of.bias) ** of.power - of.bias**of.power
    return 2.0 ** (math.ceil(math.log2(largest)) - 15)


def pcen(energy: np.ndarray, constants: dict[str, Any]) -> np.ndarray:
    """Energies (N, frames, bands) uint64 below 2**60, normalized: int16."""
    import numpy as np

    rising, mean = share(energy, constants["smoothing"]), np.empty_like(energy)
    mean[:, 0] = energy[:, 0]
    for frame in range(1, energy.shape[1]):
        before = mean[:, frame - 1]
        mean[:, frame] = before - share(before, constants["smoothing"]) + rising[:, frame]
    offsets, epsilons = np.array(constants["offsets"]), np.array(constants["epsilons"], np.uint64)
    slow = (log2(mean + epsilons) + offsets) * constants["gain"] >> 16
    ratio = exp2(log2(energy) + offsets - slow) + np.uint64(constants["bias"])
    root = exp2((log2(ratio) - ONE) * constants["power"] >> 16) - np.uint64(constants["bias_root"])
    bits = constants["bits"]
    return np.minimum((root + np.uint64(1 << (bits - 1))) >> np.uint64(bits), 32767).astype(np.int16)


def pcen_constants(of: Pcen, step: float, offsets: np.ndarray) -> dict[str, Any]:
    """The settings as integers: gain and power with 16 bits behind the point, smoothing and bias with 32.

    Args:
      offsets: of each band, see `audio.offsets`.
    """
    import numpy as np

    bias, power = round(of.bias * 2**32), round(of.power * 2**16)
    scale = 2.0 ** (-offsets / 65536)
    return {
        "gain": round(of.gain * 2**16),
        "power": power,
        "bias": bias,
        "smoothing": min(round(of.smoothing * 2**32), 2**32 - 1),
        "bias_root": int(exp2((log2(np.array([bias], np.uint64)) - ONE) * power >> 16)[0]),
        "epsilons": [max(1, round(of.epsilon * each)) for each in scale.tolist()],
        "offsets": offsets.tolist(),
        "power_table": POWER_TABLE,
        "bits": 32 + round(math.log2(step)),
    }
