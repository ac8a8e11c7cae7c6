"""The engines that execute a `.tflite`: which are known, which are here, and a session with one of them.

Each is one file in this folder that states what the runtime can do, as `RUNTIME`. It is imported when it is asked for,
by its name, so that a result depends on the runtimes that made it and on no other. Two TFLite runtimes in one process
corrupt each other, so a process opens sessions of one runtime only: see `edgekit.engine.worker`. Importing this module
imports no runtime and no NumPy.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from edgekit.config import nearest
from edgekit.errors import ModelError, SetupError, TargetError
from edgekit.runtimes.session import Runtime, Session

RUNTIMES = (
    "litert",
    "tflite-runtime",
    "tflm",
)
"""What can ship. Each is the name of a file here."""
REFERENCE = "litert-reference"
"""LiteRT with its plain kernels instead of XNNPACK: what the others are held against, and nobody ships."""
BASELINE = "litert"
"""The runtime that scores the float models, whatever ships."""
ORACLE = "tflm"
"""The runtime whose outputs standalone C has, and that the sources for an interpreter in C++ are for."""
ENGINES = (*RUNTIMES, REFERENCE)
"""All that can be asked."""


SIMULATORS = ("qemu", "vela")
"""What can be asked beside them: standalone C on a Cortex-M, and an Ethos-U's compiler."""


def engine(name: str) -> Runtime:
    """A runtime by its name: what it can do.

    Raises:
      TargetError: there is no such runtime.
    """
    runtime: Runtime = _file(name).RUNTIME
    return runtime


def installed(name: str) -> str | None:
    """Version of a runtime, or None where it is not installed; does not import it.

    Raises:
      TargetError: there is no such runtime.
    """
    return engine(name).version or None


def stand_in(name: str) -> tuple[str, str]:
    """The runtime that is really used where `name` is asked for, and why (empty: it is the one asked for).

    Raises:
      TargetError: there is no such runtime.
      SetupError: neither it nor a stand-in is installed; says what to install.
    """
    if installed(name):
        return name, ""
    python, runtime = f"{sys.version_info.major}.{sys.version_info.minor}", engine(name)
    after = runtime.successor
    if after and sys.version_info >= after.since and (version := installed(after.runtime)):
        return after.runtime, (
            f"{runtime.title} has no release for Python {python} ({after.why}); "
            f"its successor {engine(after.runtime).title} {version} ran in its place"
        )
    raise SetupError(f"the runtime {name} is not installed for Python {python}: pip install {runtime.package}")


def load_runtime(name: str) -> None:
    """Imports a runtime, so that a session opened later pays for its model only.

    Raises:
      TargetError: there is no such runtime.
      SetupError: it is not installed, or cannot be loaded here.
    """
    _loaded(name)


def open_session(runtime: str, path: str, threads: int = 1) -> Session:
    """A session with a model, its tensors allocated.

    Args:
      runtime: one of `ENGINES`.
      path: a `.tflite` file.
      threads: how many the runtime may use; `tflm` always has one.

    Raises:
      TargetError: there is no such runtime.
      SetupError: it is not installed, or cannot be loaded here.
      ModelError: the file is no model, or the runtime refuses it. (A broken file can also end the process.)
    """
    module = _loaded(runtime)
    try:
        with Path(path).open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    if head[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TensorFlow Lite model (TFL3 is missing at byte 4)")
    session: Session = module.open_session(path, threads)
    return session


def _file(name: str) -> Any:
    """The file that speaks to a runtime."""
    if name in ENGINES:
        return import_module(f"{__name__}.{name.replace('-', '_')}")
    raise TargetError(f'there is no runtime "{name}"; {nearest(name, ENGINES)}')


def _loaded(name: str) -> Any:
    """The same, with the runtime's own library imported."""
    module = _file(name)
    if installed(name) is None:
        raise SetupError(f"the runtime {name} is not installed: pip install {module.RUNTIME.package}")
    try:
        module.load()
    except ImportError as error:
        raise SetupError(f"the runtime {name} is installed but cannot be loaded: {error}") from error
    return module
