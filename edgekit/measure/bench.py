"""Measuring a `.tflite` that came from anywhere."""

from __future__ import annotations

from pathlib import Path

from edgekit import worker
from edgekit.errors import ModelError, SetupError, WorkerError
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
    for name in runtimes or [name for name in RUNTIMES if installed(name)]:
        try:
            found += worker.call(
                "edgekit.measure.latency:latency",
                str(path),
                name,
                threads,
                Timing(),
                returns=list[Measurement],
                time_limit=TIME_LIMIT,
            )
        except (ModelError, WorkerError) as error:
            found.append(Measurement("latency_p90", None, "ns", runtime=f"{name} {installed(name)}", reason=str(error)))
    return found
