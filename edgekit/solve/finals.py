"""Which trial wins: those that hold every limit are judged again, by samples that chose nothing."""

from __future__ import annotations

from msgspec.structs import replace

from edgekit.config import decode
from edgekit.errors import TargetError
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.solve.judged import QUALITY, quality
from edgekit.solve.search import Search
from edgekit.solve.trial import score
from edgekit.solve.trials import rank
from edgekit.solve.types import Finalist, Outcome, Verdict

MOST = 5
"""Trials that are judged in the end: of many, one would hold by luck."""


def finals(search: Search) -> tuple[Verdict, int | None, list[Finalist]]:
    """Judges trials, the best first, until one holds every limit.

    Returns:
      how it ended, the number of the winner, and those that were judged.
    """
    found: list[Finalist] = []
    for outcome in _candidates(search, [o for o in search.outcomes if o.state == "trained" and o.holds]):
        found.append(_judged(search, outcome))
        if found[-1].holds:
            return "holds", outcome.number, _evaluated(search, found)
    by_value = replace(search.judge, target=_by_value(search))
    held = [o for o in search.outcomes if o.state == "trained" and by_value.holds(o.lines)]
    known = {final.number for final in found}
    for outcome in sorted(held, key=lambda o: sum(max(0.0, search.judge.gap(line)) for line in o.lines)):
        if outcome.number not in known and len(found) < 2 * MOST:
            found.append(_judged(search, outcome))
    nearest = [final for final in found if by_value.holds(final.lines)]
    if nearest:
        first = min(nearest, key=lambda f: sum(max(0.0, search.judge.gap(line)) for line in f.lines))
        found = [*(f for f in found if f is not first), first]
        return "inconclusive", first.number, _evaluated(search, found)
    return "none", None, found


def marked(search: Search) -> list[Outcome]:
    """All outcomes, with their place on the Pareto front."""
    best = {o.number for o in search.front}
    return [replace(o, front=o.number in best) for o in search.outcomes]


def recipe_from(outcome: Outcome) -> Recipe:
    """The recipe of a trial."""
    return decode(outcome.recipe, Recipe, f"trial {outcome.number}", TargetError)


def _candidates(search: Search, held: list[Outcome]) -> list[Outcome]:
    """The best of those that hold, one for each file."""
    ordered = {o.sha256: o for o in sorted(held, key=rank, reverse=True)}
    return sorted(ordered.values(), key=rank)[:MOST]


def _judged(search: Search, outcome: Outcome) -> Finalist:
    job = search.job.having(recipe_from(outcome))
    _, answers = score(job, "reserve", search.maker)
    priced = [line for line in outcome.lines if line.name.split(".")[0] not in QUALITY]
    lines = [*priced, *search.judge.lines(answers, QUALITY)]
    return Finalist(outcome.number, lines, search.judge.holds(lines), quality(answers), quality(outcome.measurements))


def _evaluated(search: Search, found: list[Finalist]) -> list[Finalist]:
    """The same, with what the last of them reaches on the evaluation set."""
    *others, last = found
    outcome = next(o for o in search.outcomes if o.number == last.number)
    _, answers = score(search.job.having(recipe_from(outcome)), "evaluation", search.maker)
    return [*others, replace(last, evaluated=quality(answers))]


def _by_value(search: Search) -> Target:
    """The target, whose limits hold by their value."""
    target = search.judge.target
    return replace(target, solve=replace(target.solve, holds="value"))
