"""Which runtimes execute a model: what `runtimes` says."""

from __future__ import annotations

from edgekit.config import Positive, Settings
from edgekit.units import Nanoseconds


class Runtimes(Settings, frozen=True):
    """Which engine executes the model."""

    ship: str
    """What runs on the device: its measurements decide the verdict."""
    compare: tuple[str, ...] = ()
    """What else is run, to show where results differ."""
    oldest: str = ""
    """The oldest runtime in the field, such as `tflite-runtime 2.7`: operators that it lacks end the build."""
    threads: Positive = 1
    time_limit: Nanoseconds = Nanoseconds(300e9)
    """After this a runtime's measurement counts as failed."""
    patience: Nanoseconds = Nanoseconds(20e9)
    """How long timing goes on while a limit lies inside the interval of what it limits."""
