"""TensorFlow Lite for Microcontrollers: its reference kernels, run on the build host."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import FROM_OUTSIDE, ModelError, WorkerError
from edgekit.runtimes.session import REFUSALS, Runtime, refusal
from edgekit.runtimes.tflm_operators import BUILTIN, CUSTOM
from edgekit.runtimes.values import random_inputs
from edgekit.types import Arena, TensorSpec

if TYPE_CHECKING:
    import numpy as np

RUNTIME = Runtime(
    name="tflm",
    title="TFLM",
    package="tflite-micro",
    module=__name__,
    process="tflm",
    schemes=frozenset(("int16x8", "weight-only", "int16_layers", "float_layers")),
    by_tensor=frozenset(("weight-only",)),
    floats=False,
    hybrid=False,
    arena=True,
    lookup_tables=True,
    exact=True,
    on_device_only=True,
    operators=frozenset((*BUILTIN, *CUSTOM)),
)
ROOMY = (64 << 20, 1 << 30)
"""Arenas to open a model with, in bytes. Only what is used becomes resident; the second is for those that need more."""
ALIGNMENT = 16
"""Bytes: what an arena's size is counted in."""
PROBE_SECONDS = 60
"""Of processor time, after which a probe of an arena counts as failed; ten times that of any time, as ended."""
NO_MEMORY = 2
"""Status of a probe for which the machine has no memory, which says nothing of the arena."""


def load() -> Any:
    """Imports the runtime."""
    from tflite_micro.python.tflite_micro import runtime

    if not hasattr(runtime.count_resource_variables, "cache_clear"):
        # It takes the whole model apart for each interpreter; an arena is found by trying some twenty.
        runtime.count_resource_variables = functools.lru_cache(maxsize=1)(runtime.count_resource_variables)
    return runtime.Interpreter


def open_session(path: str, threads: int) -> TflmSession:
    """See `edgekit.runtimes.open_session`; TFLM has one thread, whatever `threads` says."""
    return TflmSession(path)


def arena(path: str) -> Arena:
    """What a model needs of RAM; see `TflmSession.arena`."""
    return TflmSession(path).arena()


class TflmSession:
    """A `Session` with TFLM's recording interpreter."""

    def __init__(self, path: str) -> None:
        self.name, self.version, self.path = RUNTIME.name, RUNTIME.version, path
        self._model = Path(path).read_bytes()
        with _printed() as printed:
            self._interpreter = self._open(printed)
        self.inputs = _specs(self._model, "Inputs", self._interpreter.get_input_details)
        self.outputs = _specs(self._model, "Outputs", self._interpreter.get_output_details)

    def set_inputs(self, arrays: Sequence[np.ndarray]) -> None:
        """See `Session`."""
        for index, array in enumerate(arrays):
            self._interpreter.set_input(array, index)

    def invoke(self) -> None:
        """See `Session`."""
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise refusal(self.name, self.version, self.path, error) from error

    def get_outputs(self) -> list[np.ndarray]:
        """See `Session`."""
        return [self._interpreter.get_output(index) for index in range(len(self.outputs))]

    def reset(self) -> None:
        """See `Session`."""
        self._interpreter.reset()

    def arena_used_bytes(self) -> int:
        """What the allocator has recorded. While it prepares a model it can need more: see `arena_bytes`."""
        return self._recorded()["total"]

    def arena(self) -> Arena:
        """The smallest arena, and what the allocator has recorded of its parts.

        Source: `RecordingMicroAllocator::PrintAllocations` in tensorflow/lite/micro/recording_micro_allocator.cc.
        """
        found = self._recorded()
        total, head, tail = (found.pop(name) for name in ("total", "head", "tail"))
        return Arena(self.arena_bytes(), total, tail, head, found)

    def _recorded(self) -> dict[str, int]:
        """Bytes by TFLM's names: `total`, `head`, `tail`, and each kind of allocation."""
        with _printed() as printed:
            self._interpreter.print_allocations()
            text = printed()
        found = {name: int(size) for name, size in re.findall(r"Arena allocation (\w+) (\d+) bytes", text)}
        if not found.keys() >= {"total", "head", "tail"}:
            raise ModelError(f"{self.path}: tflm {self.version} printed no arena size")
        return found | {name: int(size) for name, size in re.findall(r"'([^'\n]+)' used (\d+) bytes", text)}

    def arena_bytes(self) -> int:
        """The smallest arena with which the model still gives the outputs that it gives in a roomy one.

        Found by trying: upwards from `arena_used_bytes`, then by bisection in steps of 16 bytes. A pointer takes 8
        bytes here and 4 on a Cortex-M, where the same model therefore needs somewhat less.
        """
        inputs = random_inputs(self.inputs, seed=0)
        size = _smallest(partial(self._runs_in, inputs, self._answer(inputs)), self.arena_used_bytes())
        if not size:
            raise ModelError(f"{self.path}: no arena found: tflm {self.version} gives other outputs each time")
        return size

    def _open(self, printed: Callable[[], str]) -> Any:
        for size in ROOMY:
            try:
                return load().from_bytes(self._model, arena_size=size)
            except REFUSALS as error:
                said = printed()
                if size == ROOMY[-1] or "missing:" not in said:  # TFLM's word for lack of memory
                    raise refusal(self.name, self.version, self.path, said or error) from error

    def _runs_in(self, inputs: list[np.ndarray], expected: list[bytes], size: int) -> bool:
        """Whether an arena suffices; in a child process, for some operators (LSTM) crash where it does not."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(10 * PROBE_SECONDS)
                resource.setrlimit(resource.RLIMIT_CPU, (PROBE_SECONDS, resource.getrlimit(resource.RLIMIT_CPU)[1]))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                self._interpreter = load().from_bytes(self._model, arena_size=size)
                status = 0 if self._answer(inputs) == expected else 1
            except MemoryError:
                status = NO_MEMORY
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == NO_MEMORY or (-status in FROM_OUTSIDE and -status != signal.SIGXCPU):
            why = "not enough memory" if status == NO_MEMORY else f"a probe ended with {signal.Signals(-status).name}"
            raise WorkerError(f"{self.path}: the arena was not found: {why}")
        most, spent = resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrusage(resource.RUSAGE_CHILDREN)
        if 0 <= most < spent.ru_utime + spent.ru_stime:
            raise WorkerError(f"{self.path}: the arena was not found within {most} s of processor time")
        return status == 0

    def _answer(self, inputs: list[np.ndarray]) -> list[bytes]:
        self.reset()
        self.set_inputs(inputs)
        self.invoke()
        return [output.tobytes() for output in self.get_outputs()]


def _smallest(runs_in: Callable[[int], bool], used: int) -> int:
    """The smallest size for which `runs_in` holds, where less than `used` cannot do; 0 if there is none."""
    high = -(-used // ALIGNMENT) * ALIGNMENT
    low = high - ALIGNMENT
    while not runs_in(high):
        low, high = high, high + 2 * (high - low)
        if high > ROOMY[-1]:
            return 0
    while high - low > ALIGNMENT:
        middle = (low + high) // 2 // ALIGNMENT * ALIGNMENT
        low, high = (low, middle) if runs_in(middle) else (middle, high)
    return high


def _specs(model: bytes, ends: str, details: Callable[[int], dict[str, Any]]) -> tuple[TensorSpec, ...]:
    """The first subgraph's `Inputs` or `Outputs`: names from the file, the rest from the interpreter."""

    import numpy as np
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    graph = schema.Model.GetRootAs(model).Subgraphs(0)

    def spec(index: int) -> TensorSpec:
        name = graph.Tensors(getattr(graph, ends)(index)).Name() or b""
        found = details(index)
        quantization = found["quantization_parameters"]
        scale, zero_point = 0.0, 0
        if len(quantization["scales"]) == 1:
            scale, zero_point = float(quantization["scales"][0]), int(quantization["zero_points"][0])
        shape = tuple(int(n) for n in found["shape"])
        return TensorSpec(name.decode(), shape, np.dtype(found["dtype"]).name, scale, zero_point)

    return tuple(spec(index) for index in range(getattr(graph, f"{ends}Length")()))


@contextlib.contextmanager
def _printed() -> Iterator[Callable[[], str]]:
    """Reads what C++ meanwhile prints to the file descriptor of standard error, and passes it on at the end."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: os.pread(file.fileno(), 1 << 16, 0).decode(errors="replace")
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            os.write(2, os.pread(file.fileno(), 1 << 16, 0))
