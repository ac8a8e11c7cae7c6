"""LiteRT, the runtime of phones and small computers: `ai-edge-litert`, with XNNPACK kernels."""

from __future__ import annotations

from typing import Any

from edgekit.runtimes.interpreter import InterpreterSession
from edgekit.runtimes.session import Runtime

RUNTIME = Runtime(
    name="litert",
    title="LiteRT",
    package="ai-edge-litert",
    module=__name__,
    process="litert",
    schemes=frozenset(("int16x8", "dynamic", "weight-only", "int4", "float16", "int16_layers", "float_layers")),
)


def load() -> Any:
    """Imports the runtime."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    return InterpreterSession(RUNTIME.name, RUNTIME.version, load(), path, threads)
