"""Measuring a `.tflite` that came from anywhere, in runtimes and on simulated hardware."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from edgekit.config import nearest
from edgekit.engine import worker
from edgekit.engine.make import Listener
from edgekit.errors import ModelError, SetupError, TargetError, WorkerError
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import missing
from edgekit.flatbuffer.names import beside
from edgekit.measure.arena import arena
from edgekit.measure.file import measure_file
from edgekit.measure.firmware import measure_model
from edgekit.measure.timing import Candidate, measurements, time_models
from edgekit.npu.settings import checked
from edgekit.npu.vela import NpuModel, compile_file
from edgekit.report.console import print_table
from edgekit.report.text import shown
from edgekit.runtimes import RUNTIMES, SIMULATORS, engine, installed
from edgekit.shrink.twin import twin
from edgekit.types import Measurement, Timing
from edgekit.units import Hertz, show

TIME_LIMIT = 300.0
"""Seconds."""


class Device(Struct, frozen=True):
    """What is simulated."""

    cpu: str = "cortex-m4f"
    clock: str = ""
    """Such as "80 MHz"; "" where no time is to be estimated."""
    npu: str = "ethos-u55-128"


def bench(path: Path, runtimes: list[str], threads: int, device: Device, ui: Listener) -> list[Measurement]:
    """Size, and under each runtime load time, latency and memory, each in a process of its own.

    Args:
      runtimes: those of `RUNTIMES` and `SIMULATORS`; all that are installed of the first, where none is named.
      ui: is told what goes on.

    Returns:
      measurements; a runtime that refuses the model, crashes or hangs gives one without a value, with the reason.

    Raises:
      TargetError: there is no such runtime.
      SetupError: a runtime that was named is not installed.
      ModelError: the file is not a `.tflite`.
    """
    simulated = {name: _prepared(name, device) for name in SIMULATORS if name in runtimes}
    runtimes = [name for name in runtimes if name not in SIMULATORS]
    for name in runtimes:
        if name not in RUNTIMES:
            raise TargetError(f'--runtime: there is no "{name}"; {nearest(name, (*RUNTIMES, *SIMULATORS))}')
        if installed(name) is None:
            raise SetupError(f"the runtime {name} is not installed: pip install {engine(name).package}")
    found = worker.call_confined(measure_file, str(path), returns=list[Measurement])
    named = runtimes or ([] if simulated else [name for name in RUNTIMES if installed(name)])
    entries = [Candidate("model", name) for name in named]
    for name, simulate in simulated.items():
        ui.begin(f"simulate with {name}")
        try:
            found += simulate(path)
        except (ModelError, WorkerError) as problem:
            what = {"qemu": "instructions", "vela": "npu_cycles"}[name]
            found.append(Measurement(what, None, "1", "simulated", name, reason=f"failed: {problem}"))
    if not entries:
        return found
    with twin(path) as other:
        models = {"model": str(path), "twin": str(other)}
        if other != path:  # what decodes lookup tables takes the file itself
            files = {name: "model" if engine(name).lookup_tables else "twin" for name in named}
            entries = [Candidate(files[name], name) for name in named]
        ui.begin(f"time in {', '.join(named)}")
        outcome = time_models(models, entries, [], [], threads, Timing(), 0, TIME_LIMIT, ui.progress)
    for entry in entries:
        measured = measurements(outcome, entry)
        if engine(entry.runtime).arena and measured[0].value is not None:
            ui.begin(f"find the arena of {entry.runtime}")
            measured += worker.call_confined(
                arena, str(path), entry.runtime, returns=list[Measurement], time_limit=TIME_LIMIT
            )
        found += measured
    return found


def _prepared(simulator: str, device: Device) -> Callable[[Path], list[Measurement]]:
    """What measures a file with a simulator, which is there.

    Raises:
      TargetError: the device has a part that is not known.
      SetupError: a tool is not installed.
    """
    if simulator == "vela":
        settings = checked(device.npu, "", "")
        return lambda path: _compiled(path, settings)
    if device.cpu not in CORES:
        raise TargetError(f'--cpu: QEMU simulates no "{device.cpu}" here; {nearest(device.cpu, list(CORES))}')
    try:
        clock = float(Hertz.parse(device.clock)) if device.clock else None
    except ValueError as problem:
        raise TargetError(f"--clock: {problem}") from None
    if said := missing():
        raise SetupError(said)
    arguments = device.cpu, clock
    return lambda path: worker.call_confined(
        measure_model, str(path), *arguments, returns=list[Measurement], time_limit=TIME_LIMIT
    )


def _compiled(path: Path, settings: tuple[str, str, str]) -> list[Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        names = beside(path)
        given = (str(path), str(names) if names.is_file() else None, *settings)
        return worker.call_confined(
            compile_file, *given, returns=NpuModel, writes=[folder], time_limit=TIME_LIMIT
        ).measurements


@shown
def print_measurements(measurements: Sequence[Measurement]) -> None:
    """Measurements as a table."""
    print_table(
        ["measurement", "value", "95 % interval", "runs", "runtime"],
        [
            [
                m.name,
                show(m.value, m.unit),
                f"{show(m.low, m.unit)} … {show(m.high, m.unit)}" if m.low is not None else "",
                f"{m.samples:,}" if m.samples > 1 else "",
                m.runtime if m.value is not None else f"{m.runtime}: {m.reason}",
            ]
            for m in measurements
        ],
        right=(1, 3),
    )
