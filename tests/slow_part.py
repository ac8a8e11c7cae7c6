"""Which of the slow tests are of one part of several, so that each run has some and all have their turn."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def all_but(quick: Sequence[Any], values: Iterable[Any]) -> list[Any]:
    """The values of a parameter, each marked as slow that is not one of the quick ones."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]


def numbers(text: str) -> tuple[int, int]:
    """`K/N`, as which of how many: from 1 to N, however large K is."""
    which, slash, many = text.partition("/")
    if not (slash and which.isdecimal() and many.isdecimal() and int(many)):
        raise pytest.UsageError(f"--slow-part={text}: write K/N, such as 3/8")
    return (int(which) - 1) % int(many) + 1, int(many)


def left_out(slow: Sequence[T], text: str) -> list[T]:
    """The slow tests of the other parts. Neighbours, which take alike long, are of different parts."""
    part, parts = numbers(text)
    return [test for number, test in enumerate(slow) if number % parts != part - 1]
