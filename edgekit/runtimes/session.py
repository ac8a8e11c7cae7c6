"""What a runtime is: what it can do, as its file here states it, and a session with it."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from edgekit.engine.libraries import library
from edgekit.errors import OUT_OF_MEMORY, ModelError, WorkerError
from edgekit.types import Arena, TensorSpec

if TYPE_CHECKING:
    import numpy as np

SOURCE = re.compile(r"(?:[\w.+-]*/)+[\w.+-]+\.(?:cc|cpp|h|py)(?::\d+)?:?\s*")
"""A place in a library's sources, which a message of its own starts with."""
REFUSALS = (ValueError, RuntimeError, TypeError, LookupError, AttributeError, struct.error)
"""What the runtimes raise where they do not accept a model."""


class Successor(Struct, frozen=True):
    """The runtime that stands in where another has no release."""

    runtime: str
    """Its name."""
    since: tuple[int, int]
    """The first Python for which it stands in."""
    why: str
    """What became of the other."""


class Runtime(Struct, frozen=True, kw_only=True):
    """What a runtime is and can do: `RUNTIME` in its file, beside `load()` and `open_session(path, threads)`."""

    name: str
    """As profiles and reports have it."""
    title: str
    """As a sentence has it."""
    package: str
    """What pip installs."""
    module: str
    """The file that holds this."""
    process: str
    """The worker that runs it: another for each library, for two in one process corrupt each other."""
    schemes: frozenset[str] = frozenset()
    """What it executes of `recipe.quantize` beside plain int8; tests/quantize/test_schemes.py holds it to that."""
    by_tensor: frozenset[str] = frozenset()
    """Those of them in which it takes one scale for all channels of a weight, whatever the file says."""
    floats: bool = True
    """Whether float models ship with it. If so, the float model is timed beside what ships."""
    hybrid: bool = True
    """Whether it has kernels for float values with integer weights."""
    arena: bool = False
    """Whether tensors lie in an arena of fixed size."""
    lookup_tables: bool = False
    """Whether it decodes weights from lookup tables."""
    exact: bool = False
    """Whether its kernels are those that standalone C equals, byte for byte."""
    on_device_only: bool = False
    """Whether it is built for each device, so that what it takes on the build host says nothing of one."""
    operators: frozenset[str] | None = None
    """Those that it has, in any version, where it has no releases; else support.json says what each release has."""
    successor: Successor | None = None

    @property
    def version(self) -> str:
        """The version that is installed; empty where it is not."""
        return library(self.package)


class Session(Protocol):
    """A model that a runtime has loaded, ready to be invoked sample by sample."""

    name: str
    """The runtime's."""
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

    def arena(self) -> Arena | None:
        """Both, with their parts; None for runtimes that allocate from the heap."""


def refusal(runtime: str, version: str, path: str, reason: object) -> ModelError:
    """The error, one line, for a model that a runtime does not accept."""
    said = " ".join(SOURCE.sub("", str(reason)).split())
    if any(word in said for word in OUT_OF_MEMORY):
        raise WorkerError(f"{path}: not enough memory for {runtime} {version}")
    return ModelError(f"{path}: refused by {runtime} {version}: {said if len(said) < 400 else said[:400] + ' …'}")
