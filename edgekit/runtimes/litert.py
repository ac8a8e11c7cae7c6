"""LiteRT, the runtime of phones and small computers: `ai-edge-litert`, with XNNPACK kernels."""

from __future__ import annotations

from typing import Any

from edgekit.runtimes import installed
from edgekit.runtimes.interpreter import InterpreterSession


def load() -> Any:
    """Imports the runtime."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    return InterpreterSession("litert", installed("litert") or "", load(), path, threads)
