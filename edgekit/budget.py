"""Measurements held against limits."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from edgekit.target import Budget
from edgekit.types import BudgetLine, Measurement, VerdictWord
from edgekit.units import Bytes, Count, Nanoseconds, Percent, Ratio

UNITS = {Bytes: "B", Nanoseconds: "ns", Percent: "%", Ratio: "x", Count: "1"}
AT_LEAST = {"speedup", "accuracy"}
"""Budgets whose limit is the least that is allowed."""
NAMED = {"latency": "latency_p90"}
"""Budgets that stand for a measurement of another name."""


def judge(budget: Budget, measurements: Sequence[Measurement], shipped: str) -> list[BudgetLine]:
    """A verdict for each limit that is set.

    Args:
      shipped: the runtime whose measurements count; those without a runtime count always.
    """
    return [
        _line(field.name, limit, _measured(field.name, measurements, shipped))
        for field in msgspec.structs.fields(budget)
        if (limit := getattr(budget, field.name)) is not None
    ]


def verdict(lines: Sequence[BudgetLine], measurements: Sequence[Measurement], shipped: str) -> VerdictWord:
    """The verdict over all lines: the worst one. `skipped` lines say nothing, but what does not run there fails."""
    said: set[str] = {line.verdict for line in lines}
    if any(m.reason.startswith("failed") and m.runtime.split(" ")[0] == shipped for m in measurements):
        said.add("fail")
    return next((word for word in ("fail", "inconclusive") if word in said), "pass")


def _measured(name: str, measurements: Sequence[Measurement], shipped: str) -> Measurement | None:
    wanted = NAMED.get(name, name)
    for m in measurements:
        if m.name == wanted and m.artifact == "model" and m.runtime.split(" ")[0] in ("", shipped):
            return m
    return None


def _line(name: str, limit: Bytes | Nanoseconds | Percent | Ratio | Count, found: Measurement | None) -> BudgetLine:
    unit = UNITS[type(limit)]
    if found is None:
        return BudgetLine(name, limit, None, unit, None, "skipped", "", "not measured")
    source = " ".join(filter(None, (found.source, found.runtime)))
    if found.value is None:
        word: VerdictWord = "skipped" if found.reason.startswith("skipped") else "fail"
        return BudgetLine(name, limit, None, found.unit, None, word, source, found.reason)
    room = found.value - limit if name in AT_LEAST else limit - found.value
    headroom = 100.0 * ((room > 0) - (room < 0)) if limit == 0 else round(100 * room / limit, 2)
    return BudgetLine(
        name, limit, found.value, found.unit, headroom, "pass" if room >= 0 else "fail", source, found.reason
    )
