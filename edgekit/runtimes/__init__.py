"""The engines that execute a `.tflite`: which are known, which are here, and a session with one of them.

Two TFLite runtimes in one process corrupt each other, so a process opens sessions of one runtime only: see
`edgekit.engine.worker`. Importing this module imports no runtime and no NumPy.
"""

from __future__ import annotations

import difflib
import re
import struct
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from edgekit.engine.libraries import library
from edgekit.errors import OUT_OF_MEMORY, ModelError, SetupError, TargetError, WorkerError
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

    from edgekit.quantize.settings import Quantize


class Runtime(Struct, frozen=True):
    """Where a runtime's code lies."""

    package: str
    """What pip installs."""
    module: str
    """The file here that speaks to it; has `load()` and `open_session(path, threads)`."""
    process: str
    """The worker that runs it: another for each library, for two in one process corrupt each other."""
    schemes: frozenset[str] = frozenset()
    """What it executes of `recipe.quantize` beside plain int8; tests/quantize/test_schemes.py holds it to that."""
    by_tensor: frozenset[str] = frozenset()
    """Those of them in which it takes one scale for all channels of a weight, whatever the file says."""


RUNTIMES = {
    "litert": Runtime(
        "ai-edge-litert",
        "edgekit.runtimes.litert",
        "litert",
        frozenset(("int16x8", "dynamic", "weight-only", "int4", "float16", "int16_layers", "float_layers")),
    ),
    "tflite-runtime": Runtime(
        "tflite-runtime",
        "edgekit.runtimes.tflite_runtime",
        "tflite-runtime",
        frozenset(("int16x8", "dynamic", "weight-only", "float16", "float_layers")),
    ),
    "tflm": Runtime(
        "tflite-micro",
        "edgekit.runtimes.tflm",
        "tflm",
        frozenset(("int16x8", "weight-only", "int16_layers", "float_layers")),
        by_tensor=frozenset(("weight-only",)),
    ),
}
"""What can ship."""
REFERENCE = "litert-reference"
"""LiteRT with its plain kernels instead of XNNPACK: what the others are held against, and nobody ships."""
ENGINES = RUNTIMES | {
    REFERENCE: Runtime("ai-edge-litert", "edgekit.runtimes.litert_reference", "litert", RUNTIMES["litert"].schemes)
}
"""All that can be asked."""

SOURCE = re.compile(r"(?:[\w.+-]*/)+[\w.+-]+\.(?:cc|cpp|h|py)(?::\d+)?:?\s*")
"""A place in a library's sources, which a message of its own starts with."""
REFUSALS = (ValueError, RuntimeError, TypeError, LookupError, AttributeError, struct.error)
"""What the runtimes raise where they do not accept a model."""


class Session(Protocol):
    """A model that a runtime has loaded, ready to be invoked sample by sample."""

    name: str
    """The runtime, as `RUNTIMES` names it."""
    version: str
    path: str
    """The model's file."""
    inputs: tuple[TensorSpec, ...]
    """In the file's order, as are the outputs."""
    outputs: tuple[TensorSpec, ...]

    def set_inputs(self, arrays: Sequence[np.ndarray]) -> None:
        """Copies one sample in: an array of stored values per input, of its shape and dtype."""

    def invoke(self) -> None:
        """Runs the model once.

        Raises:
          ModelError: an operator failed.
        """

    def get_outputs(self) -> list[np.ndarray]:
        """Copies of the stored values of each output, after `invoke`."""

    def reset(self) -> None:
        """Puts the model's variables (an LSTM's state, say) back to their start; does nothing where it has none."""

    def arena_bytes(self) -> int | None:
        """The smallest arena with which the model runs; None for runtimes that allocate from the heap."""

    def arena_used_bytes(self) -> int | None:
        """What the runtime itself says it has used of its arena; None for runtimes that allocate from the heap."""


def scheme_refusal(name: str, settings: Quantize) -> str:
    """Why a runtime does not execute what a recipe quantizes to; "" where it does."""
    lacking = _lacking(engine(name), settings)
    if not lacking:
        return ""
    others = [other for other, runtime in RUNTIMES.items() if not _lacking(runtime, settings)]
    would = f"; {', '.join(others)} would" if others else ""
    if lacking[0] in engine(name).schemes:
        return (
            f'"{name}" executes {lacking[0]} with one scale for each weight: write granularity = "tensor", or choose '
            f"another scheme{would}"
        )
    return f'"{name}" does not execute {lacking[0]}; it takes int8, {", ".join(sorted(engine(name).schemes))}{would}'


def _lacking(runtime: Runtime, settings: Quantize) -> list[str]:
    """What a recipe quantizes to and a runtime does not execute."""
    wanted: list[str] = [settings.scheme] if settings.scheme != "int8" else []
    wanted += [place for place in ("int16_layers", "float_layers") if getattr(settings, place)]
    taken = runtime.schemes if settings.granularity == "tensor" else runtime.schemes - runtime.by_tensor
    return [place for place in wanted if place not in taken]


def installed(name: str) -> str | None:
    """Version of a runtime, or None where it is not installed; does not import it.

    Raises:
      TargetError: there is no such runtime.
    """
    return library(engine(name).package) or None


def stand_in(name: str) -> tuple[str, str]:
    """The runtime that is really used where `name` is asked for, and why (empty: it is the one asked for).

    `tflite-runtime` has no release for Python 3.12 and later; its renamed successor LiteRT stands in there.

    Raises:
      TargetError: there is no such runtime.
      SetupError: neither it nor a stand-in is installed; says what to install.
    """
    if installed(name):
        return name, ""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if name == "tflite-runtime" and sys.version_info >= (3, 12) and (successor := installed("litert")):
        return "litert", (
            f"tflite-runtime has no release for Python {python} (its last, 2.14.0, ends at 3.11); "
            f"its successor LiteRT {successor} ran in its place"
        )
    raise SetupError(f"the runtime {name} is not installed for Python {python}: pip install {engine(name).package}")


def load(name: str) -> None:
    """Imports a runtime, so that a session opened later pays for its model only.

    Raises:
      TargetError: there is no such runtime.
      SetupError: it is not installed, or cannot be loaded here.
    """
    _module(name).load()


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
    module = _module(runtime)
    module.load()
    try:
        with Path(path).open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    if head[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TensorFlow Lite model (TFL3 is missing at byte 4)")
    return module.open_session(path, threads)


def refusal(runtime: str, version: str, path: str, reason: object) -> ModelError:
    """The error, one line, for a model that a runtime does not accept."""
    said = " ".join(SOURCE.sub("", str(reason)).split())
    if any(word in said for word in OUT_OF_MEMORY):
        raise WorkerError(f"{path}: not enough memory for {runtime} {version}")
    return ModelError(f"{path}: refused by {runtime} {version}: {said if len(said) < 400 else said[:400] + ' …'}")


def _module(name: str) -> Any:
    runtime = engine(name)
    if installed(name) is None:
        raise SetupError(f"the runtime {name} is not installed: pip install {runtime.package}")
    try:
        return import_module(runtime.module)
    except ImportError as error:
        raise SetupError(f"the runtime {name} is installed but cannot be loaded: {error}") from error


def engine(name: str) -> Runtime:
    """A runtime by its name.

    Raises:
      TargetError: there is no such runtime.
    """
    if name in ENGINES:
        return ENGINES[name]
    near = difflib.get_close_matches(name, ENGINES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(ENGINES)}"
    raise TargetError(f'there is no runtime "{name}"; {hint}')
