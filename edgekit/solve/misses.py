"""Where no recipe holds every limit: which limits are in each other's way, and what the nearest recipes lack."""

from __future__ import annotations

from edgekit.errors import EdgekitError
from edgekit.solve.judged import QUALITY
from edgekit.solve.search import Search
from edgekit.solve.space import recipe_of
from edgekit.solve.types import Miss, Outcome
from edgekit.types import BudgetLine
from edgekit.units import show

TRAINED = 3
"""Recipes above the limits on costs that are trained, to find how far above an accuracy needs them to be."""


def misses(search: Search, trained: int = TRAINED) -> list[Miss]:
    """The nearest recipes: one within the limits on costs, which lacks accuracy; and one that is as accurate as is
    wanted, above those limits.

    Args:
      trained: how many recipes above those limits may be trained to find it.
    """
    found = [_miss(search, outcome) for outcome in _trained(search)[:1]]
    above = None
    for outcome in _dropped(search)[:trained]:
        recipe = recipe_of(search.space, outcome.choices, search.rungs[-1], search.job.target.solve)
        try:
            above = _miss(search, search.whole(outcome, recipe))
        except EdgekitError:
            continue
        if not any(_quality(line) for line in above.broken):
            break
    return [*found, *([above] if above else [])]


def in_the_way(search: Search, found: list[Miss]) -> list[str]:
    """Which limits exclude each other, as sentences."""
    said = []
    for name in dict.fromkeys(line.name for o in search.outcomes for line in o.lines):
        lines = [line for o in search.outcomes for line in o.lines if line.name == name]
        broken = all(name in {line.name for line in miss.broken} for miss in found)
        if lines and broken and not any(search.judge.gap(line) <= 0 for line in lines):
            best = min(lines, key=search.judge.gap)
            least = f"the nearest has {show(best.value, best.unit)} of {show(best.limit, best.unit)}"
            said.append(f"{name}: no trial holds this limit; {least}")
    costs = dict.fromkeys(line.name for miss in found for line in miss.broken if not _quality(line))
    qualities = dict.fromkeys(line.name for miss in found for line in miss.broken if _quality(line))
    if costs and qualities:
        said.append(
            f"{' and '.join(costs)} and {' and '.join(qualities)} are in each other's way: "
            "what holds one breaks the other"
        )
    return said


def _trained(search: Search) -> list[Outcome]:
    """What was trained in full, the nearest first."""
    found = [o for o in search.outcomes if o.state == "trained"]
    return sorted(found, key=lambda o: (_lacks(search, o.lines), o.number))


def _dropped(search: Search) -> list[Outcome]:
    """What was dropped before training, the nearest first; one of those that cost the same."""
    found = {tuple(line.value for line in o.lines): o for o in reversed(search.outcomes) if o.state == "dropped"}
    return sorted(found.values(), key=lambda o: (_lacks(search, o.lines), o.number))


def _lacks(search: Search, lines: list[BudgetLine]) -> float:
    return sum(max(0.0, search.judge.gap(line)) for line in lines)


def _miss(search: Search, outcome: Outcome) -> Miss:
    lines = [line for line in outcome.lines if search.judge.gap(line) > 0]
    said = [_wants(search, line) for line in lines]
    return Miss(outcome.number, outcome.recipe, outcome.measurements, lines, ", ".join(said))


def _wants(search: Search, line: BudgetLine) -> str:
    """What would have to change for a limit to hold."""
    beyond = search.judge.gap(line) * (1 if line.unit in ("%", "points") else abs(line.limit) or 1.0)
    unit = "points" if line.unit == "%" else line.unit
    way = "less" if line.name.split(".")[0] in ("accuracy", "npu_coverage", "sqnr", "metric_min") else "more"
    value = show(line.value, line.unit)
    interval = "" if line.low is None or line.high is None else f" ({line.low:.2f} … {line.high:.2f})"
    return f"{line.name} {show(line.limit, line.unit)} wants {show(beyond, unit)} {way}: it is {value}{interval}"


def _quality(line: BudgetLine) -> bool:
    return line.name.split(".")[0] in QUALITY
