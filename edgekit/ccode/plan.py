"""Where each tensor lies in the arena: planned before it runs, by how long each is needed."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

ALIGNMENT = 4
"""Bytes that what lies in the arena starts at a multiple of."""
TRIES = 200
"""Random orders at most,"""
PLACED = 20_000
"""and spans that are placed in all of them together, so that large models take no longer."""


class Use(Struct, frozen=True):
    """Memory that is needed from one operator to another, both included."""

    first: int
    last: int
    bytes: int


class Span(Struct, frozen=True):
    """Memory at one place: of a tensor, and of those that are written over it."""

    name: int
    uses: tuple[Use, ...]

    def needs(self) -> list[Use]:
        """How much is in use when: one after the other, each time once, rounded up to `ALIGNMENT`."""
        edges = sorted({time for use in self.uses for time in (use.first, use.last + 1)})
        starting, found = sorted(self.uses, key=lambda use: -use.first), list[Use]()
        open_uses: list[tuple[int, int]] = []  # the largest first, and when each ends
        for first, end in itertools.pairwise(edges):
            while starting and starting[-1].first <= first:
                use = starting.pop()
                heapq.heappush(open_uses, (-_up(use.bytes), use.last))
            while open_uses and open_uses[0][1] < first:
                heapq.heappop(open_uses)
            if not open_uses:
                continue
            size = -open_uses[0][0]
            if found and found[-1].last == first - 1 and found[-1].bytes == size:
                found[-1] = Use(found[-1].first, end - 1, size)
            else:
                found.append(Use(first, end - 1, size))
        return found


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
    needs = {span.name: span.needs() for span in spans}
    used = _used([use for of in needs.values() for use in of])
    bound, peak = max(((most, -time) for time, most in used.items()), default=(0, 0))
    orders = [
        sorted(spans, key=lambda s: (-max(u.bytes for u in s.uses), s.name)),
        sorted(spans, key=lambda s: (s.uses[0].first - s.uses[-1].last, s.name)),
        sorted(spans, key=lambda s: (s.uses[0].first, s.name)),
    ]
    generator = random.Random(0)
    best: dict[int, int] = {}
    size = -1
    for number in range(len(orders) + min(TRIES, PLACED // max(1, len(spans)))):
        order = orders[number] if number < len(orders) else generator.sample(list(spans), len(spans))
        offsets = _placed([span.name for span in order], needs)
        end = max((offsets[name] + use.bytes for name, of in needs.items() for use in of), default=0)
        if size < 0 or end < size:
            best, size = offsets, end
        if size == bound:
            break
    return Plan(best, size, bound, -peak, used)


def _used(uses: Sequence[Use]) -> dict[int, int]:
    """Bytes that are in use at each time."""
    changes: Counter[int] = Counter()
    for use in uses:
        changes[use.first] += use.bytes
        changes[use.last + 1] -= use.bytes
    now, found = 0, dict[int, int]()
    for first, end in itertools.pairwise(sorted(changes)):
        now += changes[first]
        found |= dict.fromkeys(range(first, end), now) if now else {}
    return found


def _placed(order: Sequence[int], needs: dict[int, list[Use]]) -> dict[int, int]:
    """Where each span starts that takes the lowest place in this order.

    What is placed lies in arrays, sorted by its start: which of it is in use at a time, and where the first gap is, is
    asked of all at once.
    """
    import numpy as np

    offsets: dict[int, int] = {}
    total, count = sum(map(len, needs.values())), 0
    starts, ends, firsts, lasts = (np.zeros(total, np.int64) for _ in range(4))
    for name in order:
        place, moved = 0, True
        while moved:
            moved = False
            for use in needs[name]:
                meets = np.flatnonzero(
                    (firsts[:count] <= use.last) & (lasts[:count] >= use.first) & (ends[:count] > place)
                )
                if not len(meets):
                    continue
                below = np.maximum.accumulate(np.concatenate([[place], ends[meets]]))
                gaps = np.flatnonzero(starts[meets] - below[:-1] >= use.bytes)
                lowest = int(below[gaps[0]] if len(gaps) else below[-1])
                place, moved = lowest, moved or lowest > place
            moved = moved and len(needs[name]) > 1
        offsets[name] = place
        for use in needs[name]:
            at = int(np.searchsorted(starts[:count], place))
            for array, value in ((starts, place), (ends, place + use.bytes), (firsts, use.first), (lasts, use.last)):
                array[at + 1 : count + 1] = array[at:count].copy()
                array[at] = value
            count += 1
    return offsets


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
