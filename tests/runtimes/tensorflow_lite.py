"""The interpreter that TensorFlow itself brings, with XNNPACK kernels."""

from __future__ import annotations

from typing import Any

from edgekit.runtimes.interpreter import InterpreterSession
from edgekit.runtimes.session import Runtime

RUNTIME = Runtime(
    name="tensorflow-lite",
    title="TensorFlow Lite",
    package="tensorflow",
    module=__name__,
    process="tensorflow-lite",
    schemes=frozenset(("int16x8", "float16", "float_layers")),
)


def load() -> Any:
    """Imports the runtime."""
    import tensorflow as tf

    return tf.lite.Interpreter


def open_session(path: str, threads: int) -> InterpreterSession:
    """See `edgekit.runtimes.open_session`."""
    return InterpreterSession(RUNTIME.name, RUNTIME.version, load(), path, threads)
