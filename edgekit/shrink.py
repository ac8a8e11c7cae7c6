"""A smaller `.tflite` with the same outputs, proven before it is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit import worker
from edgekit.errors import ModelError, WorkerError
from edgekit.runtimes import RUNTIMES, installed
from edgekit.store import write
from edgekit.write import check_writable

RANDOM_INPUTS = 64
TIME_LIMIT = 300.0
"""Seconds, for each runtime."""


class Shrunk(Struct, frozen=True):
    """What became of a file."""

    path: str
    before: int
    """Bytes."""
    after: int
    proven: dict[str, str]
    """For each runtime, what held: outputs identical, or that it runs neither file."""
    kept: bool
    """Whether the smaller file was written; else the original was, and `proven` says why."""


def shrink(path: Path, out: Path, keep_names: bool) -> Shrunk:
    """Writes `out/NAME.tflite`: the smaller file if every installed runtime answers bit for bit the same, else the
    original.

    Args:
      keep_names: leave the names of inner tensors, for debugging.

    Raises:
      ModelError: the file is no `.tflite`.
      OutputError: the folder cannot be written.
    """
    check_writable(out)
    with tempfile.TemporaryDirectory() as folder:
        smaller = Path(folder) / "model.tflite"
        worker.call(write_dieted, str(path), keep_names, str(smaller), returns=int, time_limit=TIME_LIMIT)
        proven = {name: prove(path, smaller, name) for name in RUNTIMES if installed(name)}
        kept = all(said.startswith(("identical", "runs neither")) for said in proven.values())
        before, after = path.read_bytes(), smaller.read_bytes() if kept else path.read_bytes()
    write(out / path.name, after)
    return Shrunk(str(out / path.name), len(before), len(after), proven, kept)


def write_dieted(path: str, keep_names: bool, place: str) -> int:
    """Writes the smaller file, not proven yet, and returns its bytes.

    Raises:
      ModelError: the file is no `.tflite`, or is damaged.
    """
    from edgekit.flatbuffer.diet import dieted
    from edgekit.flatbuffer.read import read

    graph = read(Path(path))
    try:
        smaller = dieted(Path(path).read_bytes(), keep_names)
    except Exception as problem:  # what `read` does not look at can be damaged too
        raise ModelError(f"{path}: is damaged ({type(problem).__name__}); convert the model again") from problem
    write(Path(place), smaller)
    return graph.bytes - len(smaller)


def prove(before: Path, after: Path, runtime: str) -> str:
    """What a runtime says of both files."""
    try:
        wanted = worker.call(answers, str(before), runtime, returns=str, time_limit=TIME_LIMIT)
    except (ModelError, WorkerError):
        wanted = ""
    try:
        found = worker.call(answers, str(after), runtime, returns=str, time_limit=TIME_LIMIT)
    except (ModelError, WorkerError) as problem:
        return f"refuses the smaller file: {problem}" if wanted else "runs neither file"
    if not wanted:
        return "runs neither file" if not found else "identical: it runs the smaller file only"
    return f"identical on {RANDOM_INPUTS} random inputs" if found == wanted else "other outputs"


def answers(path: str, runtime: str) -> str:
    """SHA-256 over the outputs' bytes for random inputs, the same for the same shapes and types.

    Raises:
      ModelError: the runtime refuses the file.
    """
    import hashlib

    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    session, digest = open_session(runtime, path), hashlib.sha256()
    for seed in range(RANDOM_INPUTS):
        session.reset()
        session.set_inputs(random_inputs(session.inputs, seed))
        session.invoke()
        for output in session.get_outputs():
            digest.update(output.tobytes())
    return digest.hexdigest()
