"""Which runtimes execute a model: what `runtimes` says."""

from __future__ import annotations

from edgekit.config import Positive, Settings, nearest
from edgekit.errors import TargetError
from edgekit.runtimes import RUNTIMES
from edgekit.runtimes.support import supported
from edgekit.units import Nanoseconds


class Runtimes(Settings, frozen=True):
    """Which engine executes the model."""

    ship: str
    """What runs on the device: `litert`, `tflite-runtime` or `tflm`. Its measurements decide the verdict."""
    compare: tuple[str, ...] = ()
    """What else is run, to show where results differ."""
    oldest: str = ""
    """The oldest runtime in the field, such as `tflite-runtime 2.7`: operators that it lacks end the build."""
    threads: Positive = 1
    """Threads that each runtime may use."""
    time_limit: Nanoseconds = Nanoseconds(300e9)
    """After this a runtime's measurement counts as failed."""
    patience: Nanoseconds = Nanoseconds(20e9)
    """How long timing goes on while a limit lies inside the interval of what it limits."""


def check_runtimes(runtimes: Runtimes) -> None:
    """What types cannot say.

    Raises:
      TargetError: there is no such runtime, or nothing is known of that release.
    """
    for key, name in [("ship", runtimes.ship), *(("compare", name) for name in runtimes.compare)]:
        if name not in RUNTIMES:
            raise TargetError(f'runtimes.{key}: unknown runtime "{name}"; {nearest(name, list(RUNTIMES))}')
    if runtimes.oldest:
        try:
            supported(runtimes.oldest)
        except TargetError as problem:
            raise TargetError(f"runtimes.oldest: {problem}") from None
