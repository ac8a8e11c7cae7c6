"""A function call in a process of its own.

TensorFlow's converter can end its process without an exception, a runtime can hang, and two TFLite runtimes in one
process corrupt each other. So every stage and every measurement runs in a worker, a process that takes calls as lines
of JSON and answers the same way; `edgekit.engine.process` is what runs in it. Arguments and results are frozen types of
`msgspec`, never pickles: an answer from a process that has read a stranger's model is data, not code. Such a process is
confined: see `edgekit.engine.confine`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edgekit import errors
from edgekit.engine.logs import new_log
from edgekit.engine.messages import UNEXPECTED, Answer, Call
from edgekit.engine.python import environment as safe_environment
from edgekit.engine.python import python
from edgekit.engine.stage import Progress, Stage

T = TypeVar("T")

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_USE_LEGACY_KERAS": "1",
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
}


LONGEST = 1 << 30
"""Bytes of an answer at most."""


class Worker:
    """One process that carries out calls, one after the other; it starts with the first.

    Args:
      log: file that receives what the libraries print (appended).
      environment: variables that the process gets besides those of this one.
      writes: folders in which a confined process may write, besides its `scratch`; None for a process that is not
        confined, for what is the user's own code.
      room: where its `scratch`, its folder for temporary files, is made; a folder for temporary files by default.
      memory: bytes of data that a confined process may have; as much as the machine has by default.
      folder: that it starts in; the current one by default.
    """

    def __init__(
        self,
        log: Path | str = os.devnull,
        environment: dict[str, str] | None = None,
        writes: Sequence[Path | str] | None = None,
        room: Path | None = None,
        memory: int = 0,
        folder: Path | None = None,
    ) -> None:
        self._log = str(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._printed = self._log
        self._environment = environment or {}
        self._writes, self._room, self._memory, self._folder = writes, room, memory, folder
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def scratch(self) -> Path:
        """A folder of its own for temporary files, which goes with it."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-", dir=self._room, ignore_cleanup_errors=True)
        return Path(self._scratch.name)

    def start(self) -> None:
        """Starts the process now, so that the first call finds it ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self._buffer = b""
        answers_in, answers_out = os.pipe()
        calls, theirs = socket.socketpair()
        variables = dict(os.environ) | QUIET | self._environment | safe_environment() | {"TMPDIR": str(self.scratch)}
        writes = []
        if self._writes is not None:
            _compile()
            writes = [str(self.scratch), *map(str, self._writes)]
            variables |= {"PYTHONDONTWRITEBYTECODE": "1"}
        with open(self._log, "ab") as log:
            # A session of its own: Ctrl-C reaches the build, which then ends its workers.
            self._process = subprocess.Popen(
                python("from edgekit.engine.process import main; main()", str(answers_out), str(self._memory), *writes),
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                pass_fds=[answers_out],
                start_new_session=True,
                env=variables,
                cwd=self._folder,
            )
        os.close(answers_out)
        theirs.close()
        self._answers, self._calls = answers_in, calls

    def call(
        self,
        function: Callable[..., Any] | str,
        *arguments: Any,
        named: dict[str, Any] | None = None,
        returns: type[T],
        progress: Progress | None = None,
        time_limit: float | None = None,
        log: Path | str | None = None,
        processor: float | None = None,
        what: str = "",
    ) -> T:
        """Calls a module-level function there and returns what it returns.

        Args:
          function: the function itself, or `package.module:name` where importing it here would be costly. Its
            parameters and its result must be annotated with types that `msgspec` can decode. Of a stage, the first
            argument is the folder that receives its files.
          named: further arguments, by the names of the parameters.
          returns: the type of the result.
          progress: receives the worker's progress, if the function has a parameter `progress`.
          time_limit: seconds after which the process is ended.
          log: file that receives what this call prints (appended), if not that of the worker.
          processor: seconds of processor time after which the process is ended.
          what: step and file, as a message names them.

        Raises:
          EdgekitError: of the kind that the function raised.
          WorkerError: the process died, ran into a limit, or the function raised what is no error of edgekit: what a
            library said stands in the log, not in the message.
        """
        self.start()
        assert self._process is not None
        if not isinstance(function, str):
            function = f"{function.__module__}:{function.__qualname__}"
        self._printed = str(log or self._log)
        self._what, self._processor = what or function, processor
        call = msgspec.json.encode(Call(function, list(arguments), named or {}, processor)) + b"\n"
        with open(self._printed, "ab") as printed, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A process that is gone is reported below, with its status.
            sent = socket.send_fds(self._calls, [call], [printed.fileno()])
            self._calls.sendall(call[sent:])
        deadline = None if time_limit is None else time.monotonic() + time_limit
        try:
            for answer in self._lines(deadline):
                if answer.kind == "progress":
                    if progress is not None:
                        progress(answer.text, answer.share)
                elif answer.kind == "result":
                    return msgspec.json.decode(answer.result, type=returns)
                elif answer.kind == UNEXPECTED:
                    failed = f"{what}: failed with {answer.text}" if what else f"{answer.text}: {function} failed"
                    raise errors.WorkerError(f"{failed}{self._see_log()}")
                else:
                    raise _kind(answer.kind)(answer.text)
        except TimeoutError:
            self.close(kill=True)
            raise errors.WorkerError(f"no answer within the time limit of {time_limit:g} s") from None
        except msgspec.MsgspecError:
            self.close(kill=True)
            raise errors.WorkerError(f"{self._what}: the process answered nonsense{self._see_log()}") from None
        except BaseException as interruption:
            if not isinstance(interruption, Exception):
                self.close(kill=True)
            raise
        raise self._how_it_ended()

    def close(self, kill: bool = False) -> None:
        """Ends the process; waits until it is gone."""
        if self._process is not None:
            if kill:
                self._process.kill()
            self._calls.close()
            self._process.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # what it started and left behind
            os.close(self._answers)
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.close(kill=kind is not None)

    def _lines(self, deadline: float | None) -> Iterator[Answer]:
        """Answers until the process closes its end."""
        while True:
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                yield msgspec.json.decode(line, type=Answer)
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._answers], [], [], wait)[0]:
                raise TimeoutError
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                return
            self._buffer += chunk
            if len(self._buffer) > LONGEST:
                raise msgspec.ValidationError("too long")

    def _how_it_ended(self) -> errors.WorkerError:
        assert self._process is not None
        status = self._process.wait()
        self.close()
        if -status == signal.SIGXCPU and self._processor is not None:
            return errors.WorkerError(f"{self._what}: no answer within {self._processor:.0f} s of processor time")
        if status < 0:
            name = signal.Signals(-status).name
            said = " (out of memory?)" if -status == signal.SIGKILL else ""
            crash = errors.CrashError(f"the process died with {name}{said}{self._see_log()}")
            crash.passing = -status in errors.FROM_OUTSIDE
            return crash
        return errors.WorkerError(f"the process ended with status {status}{self._see_log()}")

    def _see_log(self) -> str:
        return "" if self._printed == os.devnull else f"; what it printed is in {self._printed}"


def _kind(name: str) -> type[errors.EdgekitError]:
    """The error of that name; a process may say anything."""
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, errors.EdgekitError) else errors.WorkerError


def call(
    function: Callable[..., Any] | str,
    *arguments: Any,
    returns: type[T],
    log: Path | str = os.devnull,
    time_limit: float | None = None,
) -> T:
    """One call in a process that lives just for it and is not confined (see `Worker.call`)."""
    with Worker(log) as worker:
        return worker.call(function, *arguments, returns=returns, time_limit=time_limit)


def call_confined(
    function: Callable[..., Any] | str,
    *arguments: Any,
    returns: type[T],
    what: str = "",
    writes: Sequence[Path | str] = (),
    time_limit: float | None = None,
    processor: float | None = None,
    memory: int = 0,
) -> T:
    """One call in a confined process that lives just for it: for whatever opens a file of the user.

    What it printed is kept where it failed in a way that nobody foresaw.

    Args:
      arguments: of a stage those that follow `work`.
      what: step and file, as a message names them.
      writes: folders in which it may write; the first one receives the files of a stage.
      time_limit, processor, memory: see `edgekit.engine.limits`.
    """
    log, kept = new_log(), False
    try:
        with Worker(log, writes=writes, memory=memory) as worker:
            if isinstance(function, Stage):
                arguments = (str(writes[0] if writes else worker.scratch), *arguments)
            return worker.call(
                function, *arguments, returns=returns, time_limit=time_limit, processor=processor, what=what
            )
    except errors.WorkerError as problem:
        kept = str(log) in str(problem)
        raise
    finally:
        if not kept:
            log.unlink(missing_ok=True)


@functools.cache
def _compile() -> None:
    """Compiles edgekit's own modules, which a confined process can read but not write."""
    import compileall

    compileall.compile_dir(Path(__file__).parents[1], quiet=2)
