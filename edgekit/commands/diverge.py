"""Where two runtimes part: every tensor of a model in both, for the same inputs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit.engine import worker
from edgekit.errors import SetupError, TargetError
from edgekit.flatbuffer.read import read_graph
from edgekit.measure.conformance import first_divergence
from edgekit.measure.golden import GOLDEN
from edgekit.measure.record import INPUTS, TENSORS, record
from edgekit.report.conformance import describe
from edgekit.report.console import print_table
from edgekit.report.text import printable, shown
from edgekit.runtimes import BASELINE, ENGINES, REFERENCE, engine, installed
from edgekit.shrink.twin import twin
from edgekit.types import Divergence

RANDOM_INPUTS = 16
TIME_LIMIT = 300.0
"""Seconds, for each runtime."""


class DivergenceResult(Struct, frozen=True):
    """Two runtimes side by side."""

    path: str
    runtimes: tuple[str, str]
    """Names and versions."""
    inputs: str
    """What both were given."""
    partings: list[Divergence]
    """The operators whose outputs differ, in the order of execution."""
    undisturbed: bool
    """Whether both have the outputs that they have when nobody looks at the tensors inside."""


def diverge(path: Path, runtimes: tuple[str, str], inputs: str) -> DivergenceResult:
    """Compares two runtimes on a `.tflite`, or on its twin where its weights are lookup tables.

    Args:
      runtimes: two of `edgekit.runtimes.ENGINES`.
      inputs: `.npz` with `input_0` and so on; if empty, the golden vectors beside the file, else random inputs.

    Raises:
      ModelError: the file is no model, or a runtime refuses it.
      DataError: the inputs are not this model's.
      TargetError: there is no such runtime.
      SetupError: one of them is not installed.
    """
    for name in runtimes:
        if installed(name) is None:
            raise SetupError(f"the runtime {name} is not installed: pip install {engine(name).package}")
    beside = path.with_name(GOLDEN)
    source = inputs or (str(beside) if beside.is_file() else "")
    with twin(path) as model, tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("inputs", "one", "other")]
        for folder in folders:
            folder.mkdir()
        if not source:
            worker.call_confined(store_random, str(model), str(folders[0]), returns=type(None), writes=[folders[0]])
        given = source or str(folders[0] / INPUTS)
        same = [
            worker.call_confined(
                record, str(model), given, runtime, returns=bool, writes=[folder], time_limit=TIME_LIMIT
            )
            for runtime, folder in zip(runtimes, folders[1:], strict=True)
        ]
        names = model.with_suffix(".names.json")
        tensors = [str(folder / TENSORS) for folder in folders[1:]]
        found = worker.call_confined(first_divergence, str(model), str(names), *tensors, returns=list[Divergence])
    one, other = (f"{name} {installed(name)}" for name in runtimes)
    return DivergenceResult(str(path), (one, other), source or f"{RANDOM_INPUTS} random inputs", found, all(same))


def two(names: list[str]) -> tuple[str, str]:
    """The runtimes of a command, given as `a,b` or one by one.

    Raises:
      TargetError: they are not two.
    """
    split = [name.strip() for text in names for name in text.split(",")] or [BASELINE, REFERENCE]
    if len(split) != 2 or split[0] == split[1]:
        raise TargetError(f"--runtimes={','.join(split)}: give two that differ, of {', '.join(ENGINES)}")
    return split[0], split[1]


def store_random(path: str, folder: str) -> None:
    """Writes `inputs.npz` with random stored values, the same for the same shapes and types."""
    import numpy as np

    from edgekit.runtimes.values import random_inputs

    samples = [random_inputs(read_graph(Path(path)).inputs, seed) for seed in range(RANDOM_INPUTS)]
    columns = [np.stack(column) for column in zip(*samples, strict=True)]
    np.savez(Path(folder) / INPUTS, **{f"input_{number}": column for number, column in enumerate(columns)})


@shown
def print_divergence(found: DivergenceResult) -> None:
    """The operators at which two runtimes part."""

    print(f"{found.path}: {' against '.join(found.runtimes)}, on {found.inputs}")
    if not found.partings:
        print("  every tensor is the same to the bit")
    else:
        print(f"  first divergence: {printable(describe(found.partings[0]), 200)}; what it reads is the same in both\n")
        print_table(
            ["operator", "kind", "layer", "samples", "values", "largest difference"],
            [
                [
                    str(p.operator),
                    p.kind,
                    printable(p.layer, 60),
                    f"{p.samples}",
                    f"{p.share:.3g} %",
                    f"{p.largest:.6g} {p.unit}",
                ]
                for p in found.partings
            ],
        )
    if not found.undisturbed:
        print("  a runtime has other outputs when the tensors inside are handed out, so it may fuse operators")
