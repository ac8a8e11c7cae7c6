"""What runs in the process of a worker: it takes calls and answers them, confined where it opens a user's files."""

from __future__ import annotations

import errno
import gc
import importlib
import math
import os
import resource
import socket
import sys
import tempfile
import threading
from typing import BinaryIO

import msgspec

from edgekit import errors
from edgekit.engine.confine import confine
from edgekit.engine.messages import UNEXPECTED, Answer, Call
from edgekit.engine.stage import Progress, Stage, decoded


def main() -> None:
    """Runs a worker: its arguments are where answers go, its memory, and where it may write if it is confined."""
    answers, memory, folders = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if folders:
        confine(folders, memory or None)
    os.set_inheritable(answers, False)
    with os.fdopen(answers, "wb") as pipe:
        _serve(pipe)


def _serve(answers: BinaryIO) -> None:
    """Carries out calls from standard input until it closes."""
    gc.set_threshold(100_000, 50, 1000)  # TensorFlow's import makes many objects that live: 15 % less time
    calls = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # what this process starts does not read its calls
    taken: list[tuple[bytes, int]] = []
    ready = threading.Semaphore(0)

    def read() -> None:
        line, log = b"", 2
        while True:
            chunk, files, *_ = socket.recv_fds(calls, 1 << 20, 1)
            if not chunk:
                os._exit(0)  # the build is gone: so is the reason for whatever runs here
            line, log = line + chunk, files[0] if files else log
            if line.endswith(b"\n"):  # there is one call at a time
                taken.append((line, log))
                ready.release()
                line = b""

    threading.Thread(target=read, daemon=True).start()
    while True:
        ready.acquire()
        answer = _carry_out(*taken.pop(0), lambda text, share: _send(answers, Answer("progress", text, share)))
        _send(answers, answer)


def _is_full(error: BaseException) -> bool:
    """Whether a disk that is full is the cause; HDF5 says so in words of its own."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or any(word in str(error) for word in ("No space left", "errno = 28", "slist already enabled"))


def _send(answers: BinaryIO, answer: Answer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


def _print_to(log: int) -> None:
    """Sends standard output and error, those of C++ too, to a file that is open."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _limit_processor(seconds: float | None) -> None:
    """Ends this process after so many more seconds of processor time; None for no limit."""
    used, hard = resource.getrusage(resource.RUSAGE_SELF), resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = hard if seconds is None else math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard < 0 else min(limit, hard), hard))


def _carry_out(line: bytes, log: int, progress: Progress) -> Answer:
    try:
        call = msgspec.json.decode(line, type=Call)
        _print_to(log)
        _limit_processor(call.processor)
        module, name = call.function.split(":")
        function = getattr(importlib.import_module(module), name)
        if isinstance(function, Stage):
            result = function.run(*call.positional, progress=progress, **call.named)
        else:
            bound = decoded(function, *call.positional, **call.named)
            if "progress" in bound.signature.parameters:
                bound.arguments["progress"] = progress
            result = function(*bound.args, **bound.kwargs)
        return Answer("result", result=msgspec.Raw(msgspec.json.encode(result)))
    except errors.EdgekitError as error:
        return Answer(type(error).__name__, str(error).encode("utf-8", "replace").decode())
    except (Exception, SystemExit) as error:
        if errors.lacks_memory(error):
            return Answer("WorkerError", "not enough memory")
        import traceback

        traceback.print_exc()  # into the log
        if _is_full(error):
            return Answer("OutputError", f"{tempfile.gettempdir()}: no space left on the device; make room")
        status = f": {error.code}" if isinstance(error, SystemExit) else ""
        return Answer(UNEXPECTED, type(error).__name__ + status)
