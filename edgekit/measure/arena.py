"""How much memory TFLM needs for the tensors of a model."""

from __future__ import annotations

from edgekit import runtimes
from edgekit.types import Measurement


def arena(model: str) -> list[Measurement]:
    """The smallest arena with which the model runs, and what the runtime has recorded of it, in B.

    Raises:
      SetupError, ModelError: see `edgekit.runtimes.open_session`.
    """
    session = runtimes.open_session("tflm", model)
    label = f"{session.name} {session.version}"
    said = "the smallest arena with which the model runs on this machine; pointers are 8 bytes here"
    return [
        Measurement("arena", session.arena_bytes(), "B", runtime=label, reason=said),
        Measurement(
            "arena_used", session.arena_used_bytes(), "B", runtime=label, reason="what the allocator has recorded"
        ),
    ]
