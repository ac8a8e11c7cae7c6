"""How a command ends: with a status, and where it was not carried out with one line that says why."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgekit.engine.logs import new_log
from edgekit.errors import EdgekitError, OutputError
from edgekit.report.text import one_line

KEPT = "finished stages are kept, and the next build goes on from them"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stopped(KeyboardInterrupt):
    """The command was told to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """While SIGTERM and SIGHUP end what runs as Ctrl-C does: workers end, nothing is left half-made."""

    def stop(number: int, _: Any) -> None:
        raise Stopped(number)

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # what ignores them, as nohup does, goes on doing so
            with contextlib.suppress(ValueError):  # not in the main thread
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def outcome(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the status to end with. The traceback of what nobody foresaw goes to a file."""
    if isinstance(error, EdgekitError):
        return one_line(error), error.exit_code
    if isinstance(error, Stopped):
        return f"ended by {signal.Signals(error.number).name}; {KEPT}", 128 + error.number
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted; {KEPT}", 128 + signal.SIGINT
    if isinstance(error, BrokenPipeError):
        return "standard output was closed before all was printed", OutputError.exit_code
    if isinstance(error, OSError) and (error.filename or error.errno in FULL):
        # What was about to be written is written whole or not at all; see edgekit.engine.store.
        place = "standard output, or a file" if error.filename is None else os.fsdecode(error.filename)
        return one_line(f"{place}: {error.strerror}; check the disk and its permissions"), OutputError.exit_code
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        name = error.object[max(0, error.start - 60) : error.end + 60]
        return one_line(f"{name}: the name is not UTF-8; rename the file or folder"), EdgekitError.exit_code
    if isinstance(error, MemoryError):
        return "not enough memory", EdgekitError.exit_code
    if type(error).__module__ == "sqlite3":
        return one_line(f"the history of builds: {error}; check the disk"), OutputError.exit_code
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "edgekit" in frame.filename]
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return one_line(f"unexpected {type(error).__name__}{where}{_kept(error)}; please report it"), EdgekitError.exit_code


def _kept(error: BaseException) -> str:
    """Writes the traceback to a file; says which."""
    try:
        place = new_log()
        with place.open("w", errors="replace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return ""
    return f"; the traceback is in {place}"


def flush() -> None:
    """Hands over what was printed.

    Raises:
      OSError: it cannot be written; then nothing more is, not even at the end of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), stream.fileno())
            raise


def run(body: Callable[[], object]) -> int:
    """Carries out a whole command line.

    Returns:
      its status.
    """
    code: object = 0
    try:
        fill_streams()
        with stopping():
            try:
                body()
            except SystemExit as error:
                code = error.code
            flush()
    except BaseException as error:
        line, code = outcome(error)
        with contextlib.suppress(OSError):
            print(f"edgekit: {line}", file=sys.stderr)
    for _ in range(2):
        with contextlib.suppress(OSError):
            flush()
    return code if isinstance(code, int) else int(code is not None)


def fill_streams() -> None:
    """Opens the standard streams that were closed: else the next file that is opened would be taken for one.

    Raises:
      OutputError: nothing can be printed.
    """
    closed = []
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.append(os.open(os.devnull, os.O_RDWR))
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (lives as long as the process)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise OutputError("standard output is closed, so that nothing can be printed; give > /dev/null instead")
