"""Which runtimes take a `.tflite`: those here are asked, of the others it is known what they have."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from msgspec import Struct

from edgekit.engine import worker
from edgekit.engine.libraries import library
from edgekit.engine.limits import Look, limits
from edgekit.errors import ModelError, WorkerError
from edgekit.flatbuffer.names import read_named
from edgekit.npu.settings import PACKAGE, checked
from edgekit.npu.vela import NpuModel, compile_file
from edgekit.report.console import print_table
from edgekit.report.text import printable, shown
from edgekit.runtimes import ENGINES, engine, installed
from edgekit.runtimes.support import lacking, releases, supported
from edgekit.shrink.twin import SAID, twin


class Compatibility(Struct, frozen=True):
    """What a runtime says of a model."""

    runtime: str
    """Name and version."""
    runs: bool
    how: Literal["ran", "compiled", "operators"]
    """Whether it ran the model here, compiled it here, or only its operators were held against the release's."""
    reason: str = ""
    """Why not, or what it leaves to others."""


def compat(path: Path) -> list[Compatibility]:
    """The oldest release of each runtime first, those that are installed at the end.

    Raises:
      ModelError: the file is no `.tflite`.
    """
    with twin(path) as other:
        found = _compat(path, other)
    return found


def _compat(path: Path, other: Path) -> list[Compatibility]:
    """The same, where all that decode no lookup tables take another file."""
    graph, found = read_named(other), []
    by_way = f"by way of {SAID}" if other != path else ""
    here = [name for name in ENGINES if installed(name)]
    for name in releases():
        if name not in ENGINES and name not in [f"{n} {installed(n)}" for n in here]:
            lacks = lacking(graph, supported(name)[1])
            said = ", ".join(f"{lack} in {lack.outputs[0].split(';')[0]!r}" for lack in lacks)
            found.append(Compatibility(name, not lacks, "operators", f"has no kernel for {said}" if lacks else by_way))
    asked = [_asked(path, name) if engine(name).lookup_tables else _asked(other, name, by_way) for name in here]
    return found + asked + _npus(other, by_way)


def _npus(path: Path, by_way: str = "") -> list[Compatibility]:
    """What Vela, if it is installed, makes of the model for two NPUs."""
    if find_spec("ethosu") is None:
        return []
    found = []
    for npu in ("ethos-u55-128", "ethos-u65-256"):
        label = f"{npu} (vela {library(PACKAGE)})"
        try:
            with tempfile.TemporaryDirectory() as folder:
                arguments = (str(path), None, *checked(npu, "", ""))
                made = worker.call_confined(
                    compile_file,
                    *arguments,
                    returns=NpuModel,
                    what=str(path),
                    writes=[folder],
                    **limits(path, Look.COMPILE),
                )
        except (ModelError, WorkerError) as problem:
            found.append(Compatibility(label, False, "compiled", str(problem).removeprefix(f"{path}: ")))
            continue
        left = ", ".join(f"{f.operator} ({f.reason})" for f in made.fallbacks)
        found.append(Compatibility(label, True, "compiled", f"leaves to the CPU: {left}" if left else by_way))
    return found


def run_once(path: str, runtime: str) -> None:
    """Opens a model and runs it on a random input.

    Raises:
      ModelError: the runtime refuses it.
    """
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    session = open_session(runtime, path)
    session.set_inputs(random_inputs(session.inputs, seed=0))
    session.invoke()


def _asked(path: Path, name: str, by_way: str = "") -> Compatibility:
    label = f"{name} {installed(name)}"
    try:
        worker.call_confined(run_once, str(path), name, returns=type(None), what=str(path), **limits(path, Look.RUN))
    except (ModelError, WorkerError) as problem:
        return Compatibility(label, False, "ran", str(problem).removeprefix(f"{path}: "))
    return Compatibility(label, True, "ran", by_way)


@shown
def print_compatibility(found: Sequence[Compatibility]) -> None:
    """Which runtimes take a model."""

    words = {"ran": "run here", "compiled": "compiled here", "operators": "by its operators"}
    lines = [[c.runtime, "yes" if c.runs else "no", words[c.how], printable(c.reason, 400)] for c in found]
    print_table(["runtime", "takes it", "known from", "why"], lines)
