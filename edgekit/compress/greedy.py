"""Levels for all layers from what each tolerates alone: one level at a time, the cheapest first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

K = TypeVar("K", bound=Hashable)
LOST = 1e9
"""How much a loss rose that is no number any more."""


class Level(Struct, frozen=True):
    """A level of a layer, compared with the layer as it was."""

    level: float
    saved: float
    """Bytes or weights, more than at the level before."""
    cost: tuple[float, ...]
    """What is lost, the weightiest first."""


def greedy_allocation(candidates: Mapping[K, Sequence[Level]]) -> list[tuple[K, Level]]:
    """All levels in the order in which they are taken: always the one that costs least for what it saves more.

    A level counts as costing at least what the levels below it cost, so that noise does not make a step a gain.
    """
    found: list[tuple[K, Level]] = []
    steps = {name: _steps(levels) for name, levels in candidates.items()}
    while any(steps.values()):
        name = min((n for n, s in steps.items() if s), key=lambda n: steps[n][0][0])
        found.append((name, steps[name].pop(0)[1]))
    return found


def _steps(levels: Sequence[Level]) -> list[tuple[tuple[float, ...], Level]]:
    """Each level with what it costs more than the one below, for each byte that it saves more."""
    steps = []
    paid, saved = (0.0,) * (len(levels[0].cost) if levels else 0), 0.0
    for level in levels:
        cost = tuple(max(0.0, *pair) for pair in zip(paid, level.cost, strict=True))
        more = level.saved - saved
        steps.append((tuple((now - then) / more for now, then in zip(cost, paid, strict=True)), level))
        paid, saved = cost, level.saved
    return steps


def shares(levels: Sequence[tuple[str, Level]], sizes: Mapping[str, int], sparsity: float) -> dict[str, float]:
    """The sparsity of each layer after as many levels as give `sparsity` of all weights; the last is taken in part."""
    found = dict.fromkeys(sizes, 0.0)
    missing = sparsity * sum(sizes.values())
    for name, level in levels:
        step = level.saved - found[name] * sizes[name]
        found[name] += min(step, missing) / sizes[name]
        missing -= min(step, missing)
    return found


def rise(before: float | None, after: float | None) -> float:
    """How much a loss went up."""
    return LOST if before is None or after is None else after - before
