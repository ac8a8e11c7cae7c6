"""The Pareto front: what nothing else beats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def unbeaten(members: Sequence[T], steps: Callable[[T, T], Sequence[int]]) -> list[bool]:
    """Of each member whether it is on the front: no other is nowhere worse, and somewhere better.

    Args:
      steps: by each figure 1 where the first is better than the second, -1 where it is worse, 0 where neither is.
    """

    def beats(one: T, other: T) -> bool:
        found = steps(one, other)
        return min(found) >= 0 and max(found) > 0

    return [not any(beats(other, one) for other in members) for one in members]
