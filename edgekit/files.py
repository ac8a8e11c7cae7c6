"""Reading the files that edgekit wrote itself: whole and of the right form, or one error."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from edgekit.errors import EdgekitError, OutputError

T = TypeVar("T")
DAMAGE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises where the content is not what it should be; text that is not UTF-8 is a ValueError."""


def read_json(path: Path, kind: type[T], advice: str, error: type[EdgekitError] = OutputError) -> T:
    """A JSON file as the type that it was written from.

    Args:
      advice: what to do where it cannot be read.

    Raises:
      error: it is missing, cannot be read, or holds something else.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise error(f"{path} is missing; {advice}") from None
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); {advice}") from None
    return decoded(path, content, kind, advice, error)


def decoded(path: Path, content: bytes, kind: type[T], advice: str, error: type[EdgekitError] = OutputError) -> T:
    """The content of a JSON file as a type; see `read_json`."""
    try:
        return msgspec.json.decode(content, type=kind)
    except DAMAGE as problem:
        raise error(f"{path} cannot be read ({problem}); {advice}") from None
