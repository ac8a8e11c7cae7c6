"""Whether two files answer bit for bit the same, in each runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.spec import DataSpec
from edgekit.engine import worker
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import CrashError, ModelError, WorkerError
from edgekit.runtimes import Session
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

RANDOM_INPUTS = 64
TIME_LIMIT = 300.0
"""Seconds, for each runtime."""
IDENTICAL, NEITHER = "identical", "runs neither file"
"""How what a runtime says starts where the smaller file may take the place of the other."""


def holds(said: str) -> bool:
    """Whether what a runtime says of two files allows the second in the place of the first."""
    return said.startswith((IDENTICAL, NEITHER))


def prove(before: Path, after: Path, runtime: str) -> str:
    """What a runtime says of both files, in a process of its own."""
    try:
        arguments = (str(before), str(after), runtime, None, 0)
        return worker.call_confined(same_outputs, *arguments, returns=str, time_limit=TIME_LIMIT)
    except CrashError as problem:
        try:
            arguments = (str(before), str(before), runtime, None, 0)
            worker.call_confined(same_outputs, *arguments, returns=str, time_limit=TIME_LIMIT)
        except WorkerError:
            return NEITHER
        return f"crashes with the smaller file: {problem}"
    except WorkerError as problem:
        return f"gave no answer: {problem}"


@stage("prove", process=TOOLS, libraries=("numpy",))
def same_outputs(
    work: Work, before: Artifact, after: Artifact, runtime: str, data: DataSpec | None, samples: int
) -> str:
    """Runs two files side by side, on random inputs and on the calibration set.

    Args:
      data: of the calibration set, or None.
      samples: how many of it.

    Returns:
      what the runtime made of them; see `holds`.
    """
    from edgekit.runtimes import open_session

    try:
        one = open_session(runtime, before.path)
    except ModelError:
        one = None
    try:
        other = open_session(runtime, after.path)
    except ModelError as problem:
        return f"refuses the smaller file: {problem}" if one else NEITHER
    if one is None:
        return f"{IDENTICAL}: it runs the smaller file only"
    if _ends(one) != _ends(other):
        return "gives other outputs: takes or makes tensors of other shapes"
    sets = [_random(one)] + ([_calibration(one, data, samples)] if data else [])
    counts = []
    for inputs in sets:
        counts.append(0)
        for arrays in inputs:
            if _answer(one, arrays) != _answer(other, arrays):
                return "gives other outputs"
            counts[-1] += 1
            work.progress(f"input {sum(counts)}", sum(counts) / (RANDOM_INPUTS + samples))
    said = f"{IDENTICAL} on {counts[0]} random inputs"
    return said + (f" and {counts[1]} of calibration" if len(counts) > 1 else "")


def _ends(session: Session) -> list[tuple[tuple[int, ...], str]]:
    return [(spec.shape, spec.dtype) for spec in (*session.inputs, *session.outputs)]


def _random(session: Session) -> Iterator[list[np.ndarray]]:
    from edgekit.runtimes.values import random_inputs

    return (random_inputs(session.inputs, seed) for seed in range(RANDOM_INPUTS))


def _calibration(session: Session, data: DataSpec, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """The calibration set as the file stores it."""
    from edgekit.data.calibration import calibration
    from edgekit.data.read import read_dataset
    from edgekit.runtimes.values import quantize

    dataset = read_dataset(data)
    arrays = calibration(dataset, min(count, dataset.train.number), data)
    return zip(
        *(quantize(x[:, None], spec) for x, spec in zip(arrays, session.inputs, strict=True)),
        strict=True,
    )


def _answer(session: Session, inputs: list[np.ndarray] | tuple[np.ndarray, ...]) -> list[bytes]:
    session.reset()
    session.set_inputs(inputs)
    session.invoke()
    return [output.tobytes() for output in session.get_outputs()]
