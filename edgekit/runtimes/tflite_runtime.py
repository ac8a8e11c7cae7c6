"""`tflite-runtime`, LiteRT's predecessor, still installed on many devices; its int8 kernels are TFLite's own."""

from __future__ import annotations

from typing import Any

from edgekit.runtimes import installed
from edgekit.runtimes.interpreter import InterpreterSession


def load() -> Any:
    """Imports the runtime."""
    from tflite_runtime.interpreter import Interpreter

    return Interpreter


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    return InterpreterSession("tflite-runtime", installed("tflite-runtime") or "", load(), path, threads)
