"""Measuring a `.tflite` that came from anywhere."""

from __future__ import annotations

from pathlib import Path

from edgekit import worker
from edgekit.errors import SetupError
from edgekit.measure.arena import arena
from edgekit.measure.race import Entry, measurements, race
from edgekit.runtimes import RUNTIMES, installed
from edgekit.types import Measurement, Timing

TIME_LIMIT = 300.0
"""Seconds."""


def bench(path: Path, runtimes: list[str], threads: int) -> list[Measurement]:
    """Size, and under each runtime load time, latency and memory, each in a process of its own.

    Args:
      runtimes: all that are installed, where none is named.

    Returns:
      measurements; a runtime that refuses the model, crashes or hangs gives one without a value, with the reason.

    Raises:
      TargetError: there is no such runtime.
      SetupError: a runtime that was named is not installed.
      ModelError: the file is not a `.tflite`.
    """
    for name in runtimes:
        if installed(name) is None:
            raise SetupError(f"the runtime {name} is not installed: pip install {RUNTIMES[name].package}")
    found = worker.call("edgekit.measure.file:measure_file", str(path), returns=list[Measurement])
    entries = [Entry("model", name) for name in runtimes or [name for name in RUNTIMES if installed(name)]]
    models = {"model": str(path)}
    outcome = race(models, entries, [], [], threads, Timing(), 0, TIME_LIMIT, lambda text, share: None)
    for entry in entries:
        measured = measurements(outcome, entry)
        if entry.runtime == "tflm" and measured[0].value is not None:
            measured += worker.call(arena, str(path), returns=list[Measurement], time_limit=TIME_LIMIT)
        found += measured
    return found
