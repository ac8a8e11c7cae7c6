"""A call in a copy of this process, which ends with it: what one call leaves behind, the next does not find."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from edgekit import errors

T = TypeVar("T")


class _Answer(msgspec.Struct, frozen=True):
    kind: str
    """`result`, or the name of an error class."""
    text: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")


def in_fresh_process(function: Callable[..., T], *arguments: Any, returns: type[T]) -> T:
    """Forks, calls and returns what the call returned. Starting Python and importing a runtime takes 0.3 s, this 3 ms.

    The memory of a copy is laid out like that of the process it came from, but its pages are its own once written.

    Raises:
      EdgekitError: of the kind that the function raised.
      CrashError: the copy died.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.close(reading)
            with open(writing, "wb") as pipe:
                pipe.write(msgspec.json.encode(_answer(function, arguments)))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        content = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not content:
        ended = signal.Signals(-status).name if status < 0 else f"status {status}"
        raise errors.CrashError(f"the process ended with {ended}")
    answer = msgspec.json.decode(content, type=_Answer)
    if answer.kind != "result":
        raise getattr(errors, answer.kind, errors.EdgekitError)(answer.text)
    return msgspec.json.decode(answer.result, type=returns)


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> _Answer:
    try:
        return _Answer("result", result=msgspec.Raw(msgspec.json.encode(function(*arguments))))
    except errors.EdgekitError as error:
        return _Answer(type(error).__name__, str(error))
    except Exception as error:
        if errors.lacks_memory(error):
            return _Answer("WorkerError", "not enough memory")
        traceback.print_exc()  # into the log
        return _Answer("WorkerError", f"failed with {type(error).__name__}")
