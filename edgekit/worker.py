"""A function call in a process of its own.

TensorFlow's converter can end its process without an exception, a runtime can hang, and two TFLite runtimes in one
process corrupt each other. So every stage and every measurement runs in a worker: `python -m edgekit.worker`, which
takes calls as lines of JSON and answers the same way. Arguments and results are frozen types of `msgspec`, never
pickles: an answer from a process that has read a stranger's model is data, not code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from edgekit import errors

T = TypeVar("T")
Progress = Callable[[str, float], None]
"""Called with what is going on ("epoch 2/5") and the share that is done, 0 to 1."""

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_USE_LEGACY_KERAS": "1",
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
}


class _Call(msgspec.Struct, frozen=True):
    function: str
    log: str
    positional: list[Any]
    named: dict[str, Any]


class _Answer(msgspec.Struct, frozen=True):
    kind: str
    """`progress`, `result`, or the name of an error class."""
    text: str = ""
    share: float = 0.0
    result: msgspec.Raw = msgspec.Raw(b"null")


class Worker:
    """One process that carries out calls, one after the other; it starts with the first.

    Args:
      log: file that receives what the libraries print (appended).
      environment: variables that the process gets besides those of this one.
    """

    def __init__(self, log: Path | str = os.devnull, environment: dict[str, str] | None = None) -> None:
        self._log = str(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._printed = self._log
        self._environment = environment or {}

    def start(self) -> None:
        """Starts the process now, so that the first call finds it ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self._buffer = b""
        answers_in, answers_out = os.pipe()
        with open(self._log, "ab") as log:
            # A session of its own: Ctrl-C reaches the build, which then ends its workers.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edgekit.worker", str(answers_out)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[answers_out],
                start_new_session=True,
                env=dict(os.environ)
                | QUIET
                | self._environment
                | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        os.close(answers_out)
        self._answers = answers_in

    def call(
        self,
        function: Callable[..., Any] | str,
        *arguments: Any,
        named: dict[str, Any] | None = None,
        returns: type[T],
        progress: Progress | None = None,
        time_limit: float | None = None,
        log: Path | str | None = None,
    ) -> T:
        """Calls a module-level function there and returns what it returns.

        Args:
          function: the function itself, or `package.module:name` where importing it here would be costly. Its
            parameters and its result must be annotated with types that `msgspec` can decode.
          named: further arguments, by the names of the parameters.
          returns: the type of the result.
          progress: receives the worker's progress, if the function has a parameter `progress`.
          time_limit: seconds after which the process is ended.
          log: file that receives what this call prints (appended), if not that of the worker.

        Raises:
          EdgekitError: of the kind that the function raised.
          WorkerError: the process died or ran into the time limit.
        """
        self.start()
        assert self._process is not None and self._process.stdin is not None
        if not isinstance(function, str):
            function = f"{function.__module__}:{function.__qualname__}"
        self._printed = str(log or self._log)
        call = {"function": function, "log": self._printed, "positional": arguments, "named": named or {}}
        with contextlib.suppress(BrokenPipeError):  # a process that is gone is reported below, with its status
            self._process.stdin.write(msgspec.json.encode(call) + b"\n")
            self._process.stdin.flush()
        deadline = None if time_limit is None else time.monotonic() + time_limit
        try:
            for answer in self._lines(deadline):
                if answer.kind == "progress":
                    if progress is not None:
                        progress(answer.text, answer.share)
                elif answer.kind == "result":
                    return msgspec.json.decode(answer.result, type=returns)
                else:
                    raise getattr(errors, answer.kind, errors.EdgekitError)(answer.text)
        except (KeyboardInterrupt, TimeoutError) as interruption:
            self.close(kill=True)
            if isinstance(interruption, TimeoutError):
                raise errors.WorkerError(f"no answer within the time limit of {time_limit:g} s") from None
            raise
        raise self._how_it_ended()

    def close(self, kill: bool = False) -> None:
        """Ends the process; waits until it is gone."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()
        os.close(self._answers)
        self._process = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.close(kill=kind is not None)

    def _lines(self, deadline: float | None) -> Iterator[_Answer]:
        """Answers until the process closes its end."""
        while True:
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                yield msgspec.json.decode(line, type=_Answer)
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._answers], [], [], wait)[0]:
                raise TimeoutError
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                return
            self._buffer += chunk

    def _how_it_ended(self) -> errors.WorkerError:
        assert self._process is not None
        status = self._process.wait()
        self.close()
        if status < 0:
            name = signal.Signals(-status).name
            said = " (out of memory?)" if -status == signal.SIGKILL else ""
            return errors.CrashError(f"the process died with {name}{said}; what it printed is in {self._printed}")
        return errors.WorkerError(f"the process ended with status {status}; what it printed is in {self._printed}")


def call(
    function: Callable[..., Any] | str,
    *arguments: Any,
    returns: type[T],
    log: Path | str = os.devnull,
    time_limit: float | None = None,
) -> T:
    """One call in a process that lives just for it (see `Worker.call`)."""
    with Worker(log) as worker:
        return worker.call(function, *arguments, returns=returns, time_limit=time_limit)


def _serve(answers: BinaryIO) -> None:
    """Carries out calls from standard input until it closes."""
    gc.set_threshold(100_000, 50, 1000)  # TensorFlow's import makes many objects that live: 15 % less time
    lines: list[bytes] = []
    ready = threading.Semaphore(0)

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.append(line)
            ready.release()
        os._exit(0)  # the build is gone: so is the reason for whatever runs here

    threading.Thread(target=read, daemon=True).start()
    while True:
        ready.acquire()
        answer = _carry_out(lines.pop(0), lambda text, share: _send(answers, _Answer("progress", text, share)))
        _send(answers, answer)


def _send(answers: BinaryIO, answer: _Answer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


def _print_to(log: str) -> None:
    """Sends standard output and error, those of C++ too, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _carry_out(line: bytes, progress: Progress) -> _Answer:
    try:
        call = msgspec.json.decode(line, type=_Call)
        _print_to(call.log)
        module, name = call.function.split(":")
        function = getattr(importlib.import_module(module), name)
        signature = inspect.signature(function, eval_str=True)
        bound = signature.bind_partial(*call.positional, **call.named)
        for key, value in bound.arguments.items():
            annotation = signature.parameters[key].annotation
            if annotation is not inspect.Parameter.empty:
                bound.arguments[key] = msgspec.convert(value, annotation)
        if "progress" in signature.parameters:
            bound.arguments["progress"] = progress
        result = function(*bound.args, **bound.kwargs)
        return _Answer("result", result=msgspec.Raw(msgspec.json.encode(result)))
    except errors.EdgekitError as error:
        return _Answer(type(error).__name__, str(error))
    except MemoryError:
        return _Answer("WorkerError", "not enough memory")
    except (Exception, SystemExit) as error:
        import traceback

        traceback.print_exc()  # into the log
        return _Answer("WorkerError", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        _serve(pipe)
