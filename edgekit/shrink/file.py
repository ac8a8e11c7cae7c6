"""A smaller `.tflite` with the same outputs, proven before it is kept."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import parse_graph
from edgekit.runtimes import ORACLE, open_session
from edgekit.shrink.settings import Shrink
from edgekit.types import INTEGER, Artifact, StrippedFacts

if TYPE_CHECKING:
    pass

CALIBRATION_INPUTS = 256
"""Training samples at most that prove a model which was not calibrated here."""
NAMES = "model.names.json"


def less(settings: Shrink) -> list[Shrink]:
    """The settings, and what is tried instead where a runtime has other outputs: with other kernels for an operator
    whose input has become a constant, or that has fewer channels."""
    return list(dict.fromkeys((settings, replace(settings, fold=False), replace(settings, fold=False, harvest=False))))


@stage("metadata", process=TOOLS, libraries=(*READING, "numpy"))
def carry_file(work: Work, model: Artifact, source: Artifact) -> str:
    """Writes a model with the metadata and files that the one carries of which it was made.

    Returns:
      what they are; "" where there is nothing.

    Raises:
      ModelError: the file is damaged.
    """
    from edgekit.flatbuffer.associated import carried, holds, with_carried
    from edgekit.flatbuffer.bounds import guarded

    content, given = Path(model.path).read_bytes(), Path(source.path).read_bytes()
    with guarded(len(given)):
        said, made = carried(given), content
        if said and holds(parse_graph(given, source.path), parse_graph(content, model.path)):
            made = with_carried(content, given)
        elif said:
            said = f"left out, because inputs or outputs have other shapes now: {said}"
    (work.folder / INTEGER).write_bytes(made)
    return said


@stage("shrink", process=TOOLS, libraries=(*READING, "numpy"))
def shrink_file(work: Work, model: Artifact, settings: Shrink) -> StrippedFacts:
    """Writes the smaller file, not proven yet, and the names that it lacks.

    Raises:
      LimitError: it takes too much processor time or memory.
      ModelError: the file is no `.tflite`, or is damaged.
      WorkerError: folding its constants crashed, or ran into its time limit.
    """
    from edgekit.flatbuffer.associated import archive, carried, with_archive
    from edgekit.flatbuffer.bounds import guarded
    from edgekit.flatbuffer.fold import Unfolded, foldable, folded
    from edgekit.flatbuffer.names import names
    from edgekit.flatbuffer.read import read_graph
    from edgekit.flatbuffer.strip import strip
    from edgekit.runtimes.alone import alone

    graph, content = read_graph(Path(model.path)), Path(model.path).read_bytes()
    computed = content
    try:
        if settings.fold and foldable(graph):
            with contextlib.suppress(Unfolded):
                computed = folded(content, alone)
        with guarded(len(content)):
            smaller, inner = strip(computed, settings.keep_names, settings.harvest)
            smaller, along = with_archive(smaller, archive(content)), carried(content)
    except ModelError as problem:
        raise type(problem)(f"{model.path}: {problem}") from problem
    if len(smaller) > graph.bytes:
        smaller, inner = content, ()
    made = parse_graph(smaller, model.path)
    (work.folder / INTEGER).write_bytes(smaller)
    if inner:
        (work.folder / NAMES).write_bytes(names(made.sha256, inner))
    return StrippedFacts(graph.macs, made.macs, along)


@stage("lookup tables", process=TOOLS, libraries=("numpy", *READING))
def lookup_file(work: Work, model: Artifact, names: Artifact | None, arena: int | None, runtime: str = ORACLE) -> None:
    """Writes a file with lookup tables, not proven yet, or the same one where there is nothing to gain.

    Args:
      names: file with the names of the tensors, if the model lacks them.
      arena: that the device has, in bytes; None if that is not known.
      runtime: one that decodes lookup tables.

    Raises:
      ModelError: the file is no `.tflite`.
    """
    from edgekit.flatbuffer.associated import archive, with_archive
    from edgekit.flatbuffer.lookup import with_lookup_tables
    from edgekit.flatbuffer.names import moved

    content = Path(model.path).read_bytes()

    def fits(tried: bytes) -> bool:
        place = work.folder / "tried.tflite"
        place.write_bytes(tried)
        try:
            return arena is None or (open_session(runtime, str(place)).arena_bytes() or 0) <= arena
        finally:
            place.unlink()

    smaller = with_lookup_tables(content, fits)
    if smaller is not content:
        smaller = with_archive(smaller, archive(content))
    (work.folder / INTEGER).write_bytes(smaller)
    if names:
        (work.folder / NAMES).write_bytes(moved(Path(names.path), content, smaller))
