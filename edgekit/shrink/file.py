"""A smaller `.tflite` with the same outputs, proven before it is kept."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from edgekit import steps
from edgekit.data.spec import DataSpec
from edgekit.engine import worker
from edgekit.engine.make import Made, Step
from edgekit.engine.worker import Progress
from edgekit.errors import CrashError, ModelError, WorkerError
from edgekit.files import check_writable, write
from edgekit.flatbuffer.read import parse
from edgekit.profile.target import Target
from edgekit.runtimes import RUNTIMES, Session, installed
from edgekit.shrink.settings import Shrink
from edgekit.types import INTEGER, Artifact, Slim

if TYPE_CHECKING:
    import numpy as np

RANDOM_INPUTS = 64
CALIBRATION_INPUTS = 256
"""Training samples at most that prove a model which was not calibrated here."""
NAMES = "model.names.json"
TIME_LIMIT = 300.0
"""Seconds, for each runtime."""
IDENTICAL, NEITHER = "identical", "runs neither file"
"""How what a runtime says starts where the smaller file may take the place of the other."""


class Shrunk(Struct, frozen=True):
    """What became of a file."""

    path: str
    before: int
    """Bytes."""
    after: int
    macs: tuple[int, int]
    """Multiply-accumulates before and after."""
    proven: dict[str, str]
    """For each runtime, what held: outputs identical, or that it runs neither file."""
    carried: str
    """Metadata, and files that are packed behind the model; "" where it has none."""
    kept: bool
    """Whether the smaller file was written; else the original was, and `proven` says why."""


class Smaller(Struct, frozen=True):
    """What became of a model in a build."""

    model: Artifact
    portable: Artifact
    """The same without lookup tables, which TFLM alone executes."""
    names: dict[str, Artifact]
    """Of the inner tensors of both, where they lack them; by the SHA-256 of the file."""
    proofs: list[Made]
    notes: list[str]
    """Why something was left as it is."""


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
    for settings in less(Shrink(keep_names)):
        with tempfile.TemporaryDirectory() as folder:
            arguments = (str(path), settings, folder)
            slim = worker.call_confined(
                shrink_file,
                *arguments,
                returns=Slim,
                what=str(path),
                writes=[folder],
                time_limit=TIME_LIMIT,
            )
            smaller = Path(folder) / INTEGER
            proven = {name: prove(path, smaller, name) for name in RUNTIMES if installed(name)}
            before, after = path.read_bytes(), smaller.read_bytes()
        if kept := all(holds(said) for said in proven.values()):
            break
    after, macs = (after, (slim.before, slim.after)) if kept else (before, (slim.before, slim.before))
    write(out / path.name, after)
    return Shrunk(str(out / path.name), len(before), len(after), macs, proven, slim.carried, kept)


def shrunk(
    model: Artifact,
    data: DataSpec,
    samples: int,
    target: Target,
    engines: list[str],
    make: Callable[[Step], Made],
    prove: Callable[[Step], Made],
) -> Smaller:
    """The stage of a build: a smaller file if all engines answer the same, else the model as it is.

    Args:
      samples: how many of the training samples prove it, beside random inputs.
      make, prove: make a step; the second one those that only look.
    """
    settings, proofs, notes = target.recipe.shrink, [], []
    assert settings

    def step(before: Artifact, step: Step, engines: list[str]) -> Made | None:
        """What a step made, if all engines answer the same."""
        try:
            made = make(step)
            for engine in engines:
                if made.artifacts[INTEGER].sha256 != before.sha256:
                    proofs.append(prove(steps.prove(before, made.artifacts[INTEGER], engine, data, samples)))
                    if not holds(proofs[-1].value):
                        notes.append(f"{step.name}: left as it is: {engine} {proofs[-1].value}")
                        return None
        except (ModelError, WorkerError) as problem:
            notes.append(f"{step.name}: left as it is: {problem}")
            return None
        return made

    portable = model
    names: dict[str, Artifact] = {}
    own = replace(settings, lookup_tables=False)  # which are a step of their own
    for tried in less(own):
        if (made := step(model, steps.shrink(model, tried), engines)) is None:
            continue
        portable = made.artifacts[INTEGER]
        notes += [f"shrink: carried along: {made.value.carried}"] if made.value.carried else []
        names |= {portable.sha256: made.artifacts[NAMES]} if NAMES in made.artifacts else {}
        break
    shipped = portable
    if settings.lookup_tables and engines[0] == "tflm":
        limit = target.budget.arena
        arena = None if limit is None or limit.change else int(limit)
        if made := step(portable, steps.lookup_tables(portable, names.get(portable.sha256), arena), ["tflm"]):
            shipped = made.artifacts[INTEGER]
            if shipped.sha256 != portable.sha256:
                notes.append(
                    "lookup tables: model.tflite needs a TFLM that has the operator DECODE, from 2025 on; other "
                    "runtimes ran its twin without tables, whose outputs are the same"
                )
            names |= {shipped.sha256: made.artifacts[NAMES]} if NAMES in made.artifacts else {}
    return Smaller(shipped, portable, names, proofs, notes)


def less(settings: Shrink) -> list[Shrink]:
    """The settings, and what is tried instead where a runtime has other outputs: with other kernels for an operator
    whose input has become a constant, or that has fewer channels."""
    return list(dict.fromkeys((settings, replace(settings, fold=False), replace(settings, fold=False, harvest=False))))


def holds(said: str) -> bool:
    """Whether what a runtime says of two files allows the second in the place of the first."""
    return said.startswith((IDENTICAL, NEITHER))


def carry_file(model: str, source: str, folder: str) -> str:
    """Writes a model with the metadata and files that the one carries of which it was made.

    Returns:
      what they are; "" where there is nothing.

    Raises:
      ModelError: the file is damaged.
    """
    from edgekit.flatbuffer.associated import carried, holds, with_carried
    from edgekit.flatbuffer.bounds import guarded

    content, given = Path(model).read_bytes(), Path(source).read_bytes()
    with guarded(len(given)):
        said, made = carried(given), content
        if said and holds(parse(given, source), parse(content, model)):
            made = with_carried(content, given)
        elif said:
            said = f"left out, because inputs or outputs have other shapes now: {said}"
    (Path(folder) / INTEGER).write_bytes(made)
    return said


def shrink_file(model: str, settings: Shrink, folder: str) -> Slim:
    """Writes the smaller file, not proven yet, and the names that it lacks.

    Raises:
      LimitError: it takes too much processor time or memory.
      ModelError: the file is no `.tflite`, or is damaged.
      WorkerError: folding its constants crashed, or ran into its time limit.
    """
    from edgekit.flatbuffer.associated import archive, carried, with_archive
    from edgekit.flatbuffer.bounds import guarded
    from edgekit.flatbuffer.diet import diet
    from edgekit.flatbuffer.fold import Unfolded, foldable, folded
    from edgekit.flatbuffer.names import names
    from edgekit.flatbuffer.read import read
    from edgekit.runtimes.alone import alone

    graph, content = read(Path(model)), Path(model).read_bytes()
    computed = content
    try:
        if settings.fold and foldable(graph):
            with contextlib.suppress(Unfolded):
                computed = folded(content, alone)
        with guarded(len(content)):
            smaller, inner = diet(computed, settings.keep_names, settings.harvest)
            smaller, along = with_archive(smaller, archive(content)), carried(content)
    except ModelError as problem:
        raise type(problem)(f"{model}: {problem}") from problem
    if len(smaller) > graph.bytes:
        smaller, inner = content, ()
    made = parse(smaller, model)
    (Path(folder) / INTEGER).write_bytes(smaller)
    if inner:
        (Path(folder) / NAMES).write_bytes(names(made.sha256, inner))
    return Slim(graph.macs, made.macs, along)


def lookup_file(model: str, names: str | None, arena: int | None, folder: str) -> None:
    """Writes a file with lookup tables, not proven yet, or the same one where there is nothing to gain.

    Args:
      names: file with the names of the tensors, if the model lacks them.
      arena: that the device has, in bytes; None if that is not known.

    Raises:
      ModelError: the file is no `.tflite`.
    """
    from edgekit.flatbuffer.associated import archive, with_archive
    from edgekit.flatbuffer.lookup import with_lookup_tables
    from edgekit.flatbuffer.names import moved
    from edgekit.runtimes.tflm import smallest_arena

    content = Path(model).read_bytes()

    def fits(tried: bytes) -> bool:
        place = Path(folder) / "tried.tflite"
        place.write_bytes(tried)
        try:
            return arena is None or smallest_arena(str(place)) <= arena
        finally:
            place.unlink()

    smaller = with_lookup_tables(content, fits)
    if smaller is not content:
        smaller = with_archive(smaller, archive(content))
    (Path(folder) / INTEGER).write_bytes(smaller)
    if names:
        (Path(folder) / NAMES).write_bytes(moved(Path(names), content, smaller))


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


def same_outputs(before: str, after: str, runtime: str, data: DataSpec | None, samples: int, progress: Progress) -> str:
    """Runs two files side by side, on random inputs and on the calibration set.

    Args:
      data: of the calibration set, or None.
      samples: how many of it.

    Returns:
      what the runtime made of them; see `holds`.
    """
    from edgekit.runtimes import open_session

    try:
        one = open_session(runtime, before)
    except ModelError:
        one = None
    try:
        other = open_session(runtime, after)
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
            progress(f"input {sum(counts)}", sum(counts) / (RANDOM_INPUTS + samples))
    said = f"{IDENTICAL} on {counts[0]} random inputs"
    return said + (f" and {counts[1]} of calibration" if len(counts) > 1 else "")


def _ends(session: Session) -> list[tuple[tuple[int, ...], str]]:
    return [(spec.shape, spec.dtype) for spec in (*session.inputs, *session.outputs)]


def _random(session: Session) -> Iterator[list[np.ndarray]]:
    from edgekit.runtimes.values import random_inputs

    return (random_inputs(session.inputs, seed) for seed in range(RANDOM_INPUTS))


def _calibration(session: Session, data: DataSpec, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """The calibration set as the file stores it."""
    from edgekit.data.samples import calibration, read
    from edgekit.runtimes.values import quantize

    dataset = read(data)
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
