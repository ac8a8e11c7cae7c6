"""Golden vectors: inputs with the outputs that the runtime which ships has for them, to check a device by."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Progress, Work, stage
from edgekit.errors import ModelError
from edgekit.runtimes import Session, open_session
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

    from edgekit.data.samples import Samples
    from edgekit.types import TensorSpec

GOLDEN = "golden.npz"
"""`input_0` …, `output_0` … (N, *shape): stored values; `real_0` … the outputs' real values, float32; `row` (N,): the
number of the evaluation sample, -1 for those that are made up; `raw` (M, …): with a front-end, or where samples are
small integers that are preprocessed, what the sensor gave for the first M, those that are not made up; `sha256` of the
model; `runtime`: name and version."""
SMALL = ("uint8", "int8", "uint16", "int16")
"""Types of integers that a sensor may give."""
CANDIDATES, MOST, FEWEST = 256, 12, 4
"""Evaluation samples that are looked at, and how many of them are taken."""


@stage("golden", process=TOOLS, libraries=("numpy", *READING))
def golden_file(work: Work, model: Artifact, data: DataSpec, runtime: str, sensor: bool = False) -> str:
    """Writes `golden.npz`.

    Of the evaluation samples those are taken that bring the tensors inside the model to the ends of their ranges, the
    one that reaches most ends first. Three are made up: the lowest and the highest values, and random ones.

    Args:
      sensor: whether `data` also holds what a sensor gave for its first evaluation samples; then they are among those.

    Returns:
      how much of the ranges they reach, for the report.

    Raises:
      ModelError: the runtime refuses the model.
    """
    import hashlib

    import numpy as np

    from edgekit.runtimes.values import dequantize

    session = open_session(runtime, model.path)
    recorded = _recordings(data) if sensor else None
    candidates, rows, samples = _candidates(data, session.inputs, None if recorded is None else len(recorded))
    raw = _whole_numbers(samples, data) if recorded is None else recorded[rows]
    ends = _ends(model.path, runtime, candidates, work.progress)
    chosen, reached = choose(*ends)
    made_up = _made_up(session.inputs)
    inputs = [np.concatenate([c[chosen], m]) for c, m in zip(candidates, made_up, strict=True)]
    outputs = [_run(session, sample) for sample in zip(*inputs, strict=True)]
    columns = [np.stack(column) for column in zip(*outputs, strict=True)]
    arrays: dict[str, Any] = {f"input_{n}": array for n, array in enumerate(inputs)}
    for number, (array, spec) in enumerate(zip(columns, session.outputs, strict=True)):
        arrays |= {f"output_{number}": array, f"real_{number}": dequantize(array, spec).astype(np.float32)}
    arrays["row"] = np.concatenate([rows[chosen], np.full(len(made_up[0]), -1)])
    arrays |= {} if raw is None else {"raw": raw[chosen]}
    arrays["runtime"] = np.asarray(f"{session.name} {session.version}")
    arrays["sha256"] = np.asarray(hashlib.sha256(Path(model.path).read_bytes()).hexdigest())
    np.savez_compressed(work.folder / GOLDEN, **arrays)
    count, total = len(inputs[0]), 2 * ends[0].shape[1]
    return f"{count} golden vectors reach {reached} of the {total} ends of ranges that {len(rows)} samples reach"


def choose(lows: np.ndarray, highs: np.ndarray) -> tuple[list[int], int]:
    """Few samples that together reach the lowest and highest value of each tensor, as far as any of them do.

    Args:
      lows, highs: (N samples, T tensors), the smallest and largest value of each tensor in each sample.

    Returns:
      the numbers of `MOST` samples at most, and how many of the 2 T ends they reach. Greedy, which for covering sets is
      within a factor of 1 + ln of the best.

    Source: Chvátal 1979, "A Greedy Heuristic for the Set-Covering Problem".
    """
    import numpy as np

    reaches = np.concatenate([lows == lows.min(axis=0), highs == highs.max(axis=0)], axis=1)
    left = np.ones(reaches.shape[1], bool)
    chosen: list[int] = []
    while left.any() and len(chosen) < MOST:
        best = int((reaches & left).sum(axis=1).argmax())
        chosen.append(best)
        left &= ~reaches[best]
    for row in range(len(lows)):
        if len(chosen) >= FEWEST:
            break
        if row not in chosen:
            chosen.append(row)
    return chosen, int((~left).sum())


def _recordings(data: DataSpec) -> np.ndarray:
    """What a sensor gave for the first evaluation samples, (M, …)."""
    from edgekit.data.archive import read_archive
    from edgekit.data.arrays import RAW

    name = f"{RAW}_test"
    return read_archive(Path(data.source), lambda found: found == name)[name]


def _whole_numbers(samples: Samples, data: DataSpec) -> np.ndarray | None:
    """Samples of one input that are small integers before they are preprocessed, as a sensor gives them; None else."""
    x, *others = samples.x
    return x if data.preprocessing.given and not others and x.dtype.name in SMALL else None


def _candidates(
    data: DataSpec, inputs: tuple[TensorSpec, ...], first: int | None
) -> tuple[list[np.ndarray], np.ndarray, Samples]:
    """Stored values (N, *shape) of each input, the samples' numbers (N,), and the samples.

    Args:
      first: of how many samples they are; None for all.
    """
    import numpy as np

    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared, stratified
    from edgekit.measure.record import stored

    samples = read_dataset(data).evaluation.take(slice(first))
    rows = np.sort(stratified(samples.y, samples.number, min(CANDIDATES, samples.number), data.seed))
    chosen = samples.take(rows)
    return stored(prepared(chosen, data), inputs), rows, chosen


def _ends(model: str, runtime: str, candidates: list[np.ndarray], progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each tensor in each sample, (N, T); of the outputs only, where the runtime takes no
    model that hands out more."""
    import numpy as np

    from edgekit.flatbuffer.taps import tapped

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tapped.tflite"
        place.write_bytes(tapped(Path(model).read_bytes())[0])
        try:
            session = open_session(runtime, str(place))
        except ModelError:
            session = open_session(runtime, model)
    lows, highs = [], []
    for number, sample in enumerate(zip(*candidates, strict=True)):
        tensors = [tensor for tensor in _run(session, sample) if tensor.size]
        lows.append([float(tensor.min()) for tensor in tensors])
        highs.append([float(tensor.max()) for tensor in tensors])
        progress(f"sample {number + 1}/{len(candidates[0])}", (number + 1) / len(candidates[0]))
    return np.nan_to_num(np.asarray(lows)), np.nan_to_num(np.asarray(highs))


def _made_up(inputs: tuple[TensorSpec, ...]) -> list[np.ndarray]:
    """Three samples, stored: the lowest values, the highest and random ones; of floats -1, 1 and what lies between."""
    import numpy as np

    from edgekit.runtimes.values import random_inputs

    def ends(spec: TensorSpec) -> tuple[float, float]:
        if not spec.scale:
            return (-1, 1) if np.dtype(spec.dtype).kind == "f" else (0, 0)
        limits = np.iinfo(np.dtype(spec.dtype))
        return limits.min, limits.max

    full = [[np.full(spec.shape, ends(spec)[side], spec.dtype) for spec in inputs] for side in (0, 1)]
    return [np.stack(column) for column in zip(*full, random_inputs(inputs, seed=0), strict=True)]


def _run(session: Session, sample: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    session.reset()
    session.set_inputs(sample)
    session.invoke()
    return session.get_outputs()
