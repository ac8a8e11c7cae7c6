"""Text from files as people may see it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from edgekit.measure.limits import AT_LEAST
from edgekit.types import BudgetLine
from edgekit.units import room

F = TypeVar("F", bound=Callable[..., Any])


def printable(text: str, longest: int = 60) -> str:
    """Without characters that a terminal, a browser or a parser would obey, and not longer than that."""
    return "".join(c if c.isprintable() else "?" for c in text[:longest])


def one_line(text: object) -> str:
    """A message as one line of printable characters."""
    return printable(" ".join(str(text).split()), 4000)


def headroom(line: BudgetLine) -> str:
    """How much of a limit is left, or how far it is broken: `room` for a line of a budget, in every format."""
    return room(line.value, line.limit, line.unit, line.name.partition(".")[0] in AT_LEAST)


def remarks(line: BudgetLine) -> list[str]:
    """What softens a limit."""
    said = [f"waived: {line.waived}"] if line.waived else []
    return [*said, "warning only"] if line.level == "warn" else said


def cleaned(value: Any) -> Any:
    """The same value with all of its texts printable: those of a struct, and of what it holds.

    Names of layers, tensors and classes are an author's word: with escape sequences, line breaks or marks of direction
    they would say to a terminal, a table or a page what is not so.
    """
    if isinstance(value, str):
        return value if value.isprintable() else printable(" ".join(value.split()), len(value))
    if isinstance(value, msgspec.Struct):
        changes = {}
        for name in value.__struct_fields__:
            before = getattr(value, name)
            if (after := cleaned(before)) is not before:
                changes[name] = after
        return msgspec.structs.replace(value, **changes) if changes else value
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(cleaned, value))
    return value


def shown(function: F) -> F:
    """What prints a result, so that it prints it `cleaned`."""

    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        return function(*map(cleaned, arguments), **{name: cleaned(value) for name, value in named.items()})

    return run  # type: ignore[return-value]
