"""What every front-end is: settings, features in integers, and the constants from which the same is written in C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from msgspec import Struct

from edgekit.config import Settings
from edgekit.errors import ProjectError

if TYPE_CHECKING:
    import numpy as np


class Raw(Struct, frozen=True):
    """What a sensor gives for one sample."""

    shape: tuple[int, ...]
    """Without the batch: (samples,) of audio, (length, channels) of a series, (height, width[, 3]) of a picture."""
    dtype: str
    """NumPy's name: `int16`, `uint8` or, of RGB565, `uint16`."""


class FrontendSettings(Settings, frozen=True, tag_field="kind"):
    """Base of the settings of a front-end: `[tool.edgekit.models.NAME.frontend]`."""

    bounds: ClassVar[tuple[int, int]] = (-32768, 32767)
    """The least and the most that a feature can be."""


class Frontend(Protocol):
    """A kind of front-end: a file of this folder with its settings, its constants and its NumPy; and one template of C,
    which is filled in with the same constants. Nothing but the constants is reckoned in floats."""

    template: ClassVar[str]
    """Of the C, in `edgekit/emit/templates/frontend`."""
    bounds: ClassVar[tuple[int, int]]
    """The least and the most that a feature can be."""

    def shape(self, raw: Raw) -> tuple[int, ...]:
        """Shape of the features of one sample.

        Raises:
          ProjectError: what the sensor gives does not fit the settings.
        """

    @property
    def step(self) -> float:
        """Real value of one step of the features: a power of two, or one times an integer of at most 8 bits, so that
        `features * step` is exact in float32."""

    def features(self, raw: np.ndarray) -> np.ndarray:
        """The features of samples.

        Args:
          raw: (N, *Raw.shape), of `Raw.dtype`.

        Returns:
          (N, *shape) int16.
        """

    def constants(self, raw: Raw) -> dict[str, Any]:
        """What the template is filled in with: integers, and arrays of integers."""


class Framed(Protocol):
    """A front-end of sound."""

    @property
    def window(self) -> int:
        """Samples of a frame's window."""

    @property
    def hop(self) -> int:
        """Samples from its start to that of the next."""

    @property
    def window_ms(self) -> float:
        """Milliseconds of a window."""


def frames_of(frontend: Framed, raw: Raw) -> int:
    """How many frames a recording has.

    Raises:
      ProjectError: it is no sound, or too short.
    """
    if raw.dtype != "int16" or len(raw.shape) != 1:
        raise ProjectError(
            f"frontend.kind: takes int16 samples of one channel, not {raw.dtype} {list(raw.shape)}; "
            "give (recordings, samples) int16"
        )
    frames = 1 + (raw.shape[0] - frontend.window) // frontend.hop
    if frames < 1:
        raise ProjectError(
            f"frontend.window_ms: a window of {frontend.window} samples is longer than a recording of {raw.shape[0]}; "
            f"shorten the window or record at least {frontend.window_ms:g} ms"
        )
    return frames
