"""Bounds on what a file may cost to be taken apart, by its size: a damaged one can ask for more than there is."""

from __future__ import annotations

import contextlib
import resource
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

from edgekit.errors import LimitError, ModelError

SECONDS = 5.0
SECONDS_PER_BYTE = 5e-6
"""Of processor time: of the first bytes, which may all be operators, and of those that are weights."""
SECONDS_PER_WEIGHT = 0.5e-6
OPERATORS = 16 << 20
"""Bytes that operators and tensors may take."""
MEMORY_PER_BYTE = 10
MEMORY = 128 << 20
"""Bytes on top: libraries that are loaded meanwhile."""


class Unbounded(Exception):
    """The file asks for more than its size allows."""


class Malformed(Exception):
    """What is wrong with the file."""


class Allowance:
    """Bounds the work by the file's size: tables may point at one vector many times, but not without end."""

    def __init__(self, size: int) -> None:
        self._left = 2 * size + 65536

    def take(self, count: int) -> int:
        """So many elements more.

        Raises:
          Malformed: there are more than the file can hold.
        """
        self._left -= count + 1
        if self._left < 0:
            raise Malformed("is damaged: it names more elements than fit into it")
        return count


DAMAGE = (
    *(ArithmeticError, AttributeError, BufferError, LookupError, RecursionError),
    *(TypeError, ValueError, struct.error),
)
"""What the schema's code runs into in a part of a file that `read` does not look at."""


def seconds(size: int) -> float:
    """Processor time that a file of so many bytes may take."""
    return SECONDS + SECONDS_PER_BYTE * min(size, OPERATORS) + SECONDS_PER_WEIGHT * max(0, size - OPERATORS)


@contextlib.contextmanager
def bounded(size: int) -> Iterator[None]:
    """Ends with an exception what takes too much processor time or memory for a file of that many bytes.

    Time that others have on the machine does not count. For the main thread of a process of its own, in Python code.

    Raises:
      Unbounded: it took too long.
      MemoryError: it took too much.
    """

    def late(*_: object) -> None:
        raise Unbounded

    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + MEMORY + MEMORY_PER_BYTE * size
    before = signal.signal(signal.SIGPROF, late)
    resource.setrlimit(resource.RLIMIT_AS, (min(most, limits[1]) if limits[1] >= 0 else most, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds(size))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


@contextlib.contextmanager
def guarded(size: int) -> Iterator[None]:
    """A block in which a file of so many bytes is taken apart by the schema's code.

    Raises:
      LimitError: it takes more processor time or memory than a file of its size may.
      ModelError: the file is damaged.
    """
    try:
        with bounded(size):
            yield
    except Unbounded:
        raise LimitError(
            f"takes more than {seconds(size):.0f} s of processor time, which is the limit for {size:,} bytes: it has "
            "too many operators or channels; make the model smaller"
        ) from None
    except MemoryError:
        most = (MEMORY + MEMORY_PER_BYTE * size) >> 20
        raise LimitError(
            f"takes more than {most:,} MiB of memory, which is the limit for {size:,} bytes; make the model smaller, "
            "or fetch the file again"
        ) from None
    except DAMAGE as problem:
        raise ModelError(f"is damaged ({type(problem).__name__}); convert the model again") from problem
