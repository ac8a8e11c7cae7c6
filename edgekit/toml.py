"""Values as TOML: a text of a model file stays a text, whatever characters it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that needs no quotes."""


def written(value: Any) -> str:
    """A value on one line, without a character that cannot be printed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(name)} = {written(item)}" for name, item in value.items()) + " }"
    return repr(float(value)) if isinstance(value, float) else str(value)


def key(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if BARE.fullmatch(name) else written(name)


def header(*names: str) -> str:
    """The line that begins a table."""
    return f"[{'.'.join(map(key, names))}]"


def noted(lines: Iterable[tuple[str, str]], room: int = 0) -> list[str]:
    """Lines, each with its comment behind it; all comments begin in one column.

    Args:
      lines: of each the text and the comment, "" where there is none.
      room: the column where they begin at least.
    """
    said = list(lines)
    at = max([room, *(len(text) + 2 for text, note in said if note)])
    return [f"{text:<{at}}# {_comment(note)}" if note else text for text, note in said]


def _comment(note: str) -> str:
    """One line, without a character that cannot be printed."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(note.split()))
