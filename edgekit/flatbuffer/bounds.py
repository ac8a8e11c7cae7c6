"""Bounds on what a file may cost to be taken apart, by its size: a damaged one can ask for more than there is."""

from __future__ import annotations

import contextlib
import resource
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

from edgekit.errors import ModelError

SECONDS = 5.0
SECONDS_PER_BYTE = 0.5e-6
MEMORY_PER_BYTE = 10
MEMORY = 128 << 20
"""Bytes on top: libraries that are loaded meanwhile."""


class Unbounded(Exception):
    """The file asks for more than its size allows."""


DAMAGE = (
    *(ArithmeticError, AttributeError, BufferError, LookupError, MemoryError, RecursionError),
    *(TypeError, ValueError, struct.error, Unbounded),
)
"""What the schema's code runs into in a part of a file that `read` does not look at."""


@contextlib.contextmanager
def bounded(size: int) -> Iterator[None]:
    """Ends with an exception what takes too long or too much memory for a file of that many bytes.

    For the main thread of a process of its own, in Python code.

    Raises:
      Unbounded: it took too long.
      MemoryError: it took too much.
    """

    def late(*_: object) -> None:
        raise Unbounded(f"it takes more than {SECONDS:.0f} s to read")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + MEMORY + MEMORY_PER_BYTE * size
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (min(most, limits[1]) if limits[1] >= 0 else most, limits[1]))
    signal.setitimer(signal.ITIMER_REAL, SECONDS + SECONDS_PER_BYTE * size)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


@contextlib.contextmanager
def guarded(size: int) -> Iterator[None]:
    """A block in which a file of so many bytes is taken apart by the schema's code.

    Raises:
      ModelError: the file is damaged.
    """
    try:
        with bounded(size):
            yield
    except DAMAGE as problem:
        raise ModelError(f"is damaged ({type(problem).__name__}); convert the model again") from problem
