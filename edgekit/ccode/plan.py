"""Where each tensor lies in the arena: planned before it runs, by how long each is needed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

ALIGNMENT = 4
"""Bytes that what lies in the arena starts at a multiple of."""
TRIES = 200


class Use(Struct, frozen=True):
    """Memory that is needed from one operator to another, both included."""

    first: int
    last: int
    bytes: int


class Span(Struct, frozen=True):
    """Memory at one place: of a tensor, and of those that are written over it."""

    name: int
    uses: tuple[Use, ...]

    def at(self, time: int) -> int:
        """Bytes that are in use during an operator."""
        return max((_up(use.bytes) for use in self.uses if use.first <= time <= use.last), default=0)


class Plan(Struct, frozen=True):
    """Offsets into the arena."""

    offsets: dict[int, int]
    bytes: int
    bound: int
    """The most that is needed at once: no plan can do with less."""
    peak: int = 0
    """The operator during which that is so."""
    used: dict[int, int] = {}
    """Bytes that are needed while each operator runs."""


def plan(spans: Sequence[Span]) -> Plan:
    """Places spans so that those which are needed at the same time do not overlap.

    The largest goes first to the lowest place where it fits, as TFLM does it; if that wastes memory, other orders are
    tried too, always the same ones.

    Source: Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", section 5.2.
    """
    used: Counter[int] = Counter()
    for span in spans:
        for time in {time for use in span.uses for time in range(use.first, use.last + 1)}:
            used[time] += span.at(time)
    bound, peak = max(((most, -time) for time, most in used.items()), default=(0, 0))
    orders = [
        sorted(spans, key=lambda s: (-max(u.bytes for u in s.uses), s.name)),
        sorted(spans, key=lambda s: (s.uses[0].first - s.uses[-1].last, s.name)),
        sorted(spans, key=lambda s: (s.uses[0].first, s.name)),
    ]
    generator = random.Random(0)
    best: dict[int, int] = {}
    size = -1
    for number in range(len(orders) + TRIES):
        order = orders[number] if number < len(orders) else generator.sample(list(spans), len(spans))
        offsets = _placed(order)
        end = max((offsets[s.name] + _up(u.bytes) for s in spans for u in s.uses), default=0)
        if size < 0 or end < size:
            best, size = offsets, end
        if size == bound:
            break
    return Plan(best, size, bound, -peak, used)


def _placed(order: Sequence[Span]) -> dict[int, int]:
    offsets: dict[int, int] = {}
    taken: list[tuple[Use, int]] = []
    for span in order:
        place, moved = 0, True
        while moved:
            moved = False
            for mine in span.uses:
                for other, offset in taken:
                    together = other.first <= mine.last and mine.first <= other.last
                    if together and offset < place + _up(mine.bytes) and place < offset + _up(other.bytes):
                        place, moved = offset + _up(other.bytes), True
        offsets[span.name] = place
        taken += [(use, place) for use in span.uses]
    return offsets


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
