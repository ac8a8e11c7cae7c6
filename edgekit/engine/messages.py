"""What a worker and its process say to each other, a line of JSON each."""

from __future__ import annotations

from typing import Any

import msgspec

UNEXPECTED = "unexpected"
"""The kind of an answer where a function raised what is no error of edgekit; the text is the name of its class."""


class Call(msgspec.Struct, frozen=True):
    """One function to be called, with its arguments."""

    function: str
    positional: list[Any]
    named: dict[str, Any]
    processor: float | None = None
    """Seconds of processor time that it may take."""


class Answer(msgspec.Struct, frozen=True):
    """How far a call is, or how it ended."""

    kind: str
    """`progress`, `result`, or the name of an error class."""
    text: str = ""
    share: float = 0.0
    result: msgspec.Raw = msgspec.Raw(b"null")
