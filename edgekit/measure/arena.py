"""What TFLM needs of a device for a model: memory for the tensors, and operators."""

from __future__ import annotations

from pathlib import Path

from edgekit.emit.arena import LEAST, SHARE, arena_with_margin, scratch_bytes
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.read import read_graph
from edgekit.runtimes import ORACLE, open_session
from edgekit.types import Artifact, Measurement


@stage("arena", process=TOOLS, libraries=("numpy", *READING))
def arena(work: Work, model: Artifact, runtime: str = ORACLE) -> list[Measurement]:
    """The smallest arena with which the model runs, what the runtime has recorded of it, what to reserve on the device,
    in B; and how many kinds of operators it runs.

    Raises:
      SetupError, ModelError: see `edgekit.runtimes.open_session`.
    """
    session, graph = open_session(runtime, model.path), read_graph(Path(model.path))
    found, label = session.arena(), f"{session.name} {session.version}"
    assert found, f"{runtime} has no arena"
    parts = ", ".join(f"{name} {size:,}" for name, size in found.parts.items())
    figures = {
        "arena": (
            found.bytes,
            "the smallest arena with which the model runs on this machine; pointers are 8 bytes here",
        ),
        "arena_used": (found.used, "what the allocator has recorded"),
        "arena_persistent": (found.persistent, f"of that, what lasts as long as the interpreter (tail): {parts}"),
        "arena_scratch": (found.scratch, "of that, what tensors and operators share while it runs (head)"),
    }
    reserve = arena_with_margin(graph, found.bytes)
    said = (
        f"{found.bytes:,} B and a margin, the largest of {LEAST:,} B, 1/{SHARE} and the {scratch_bytes(graph):,} B of "
        "scratch memory that CMSIS-NN's functions of buffer sizes name for one operator; pointers of 4 bytes make "
        "TFLM's own structures smaller (a CNN: 30,032 B on the host, 29,044 B on a Cortex-M4F)"
    )
    kinds = graph.operator_names
    return [
        *(Measurement(name, size, "B", runtime=label, reason=why) for name, (size, why) in figures.items()),
        Measurement("arena_device", reserve, "B", "estimated", label, reason=said),
        Measurement("operators", len(kinds), "1", runtime=label, reason=", ".join(kinds)),
    ]
