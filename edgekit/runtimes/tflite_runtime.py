"""`tflite-runtime`, LiteRT's predecessor, still installed on many devices; its int8 kernels are TFLite's own."""

from __future__ import annotations

from typing import Any

from edgekit.runtimes.interpreter import InterpreterSession
from edgekit.runtimes.session import Runtime, Successor

RUNTIME = Runtime(
    name="tflite-runtime",
    title="tflite-runtime",
    package="tflite-runtime",
    module=__name__,
    process="tflite-runtime",
    schemes=frozenset(("int16x8", "dynamic", "weight-only", "float16", "float_layers")),
    successor=Successor("litert", (3, 12), "its last, 2.14.0, ends at 3.11"),
)


def load() -> Any:
    """Imports the runtime."""
    from tflite_runtime.interpreter import Interpreter

    return Interpreter


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    return InterpreterSession(RUNTIME.name, RUNTIME.version, load(), path, threads)
