"""Measurements held against limits."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.target import AT_LEAST, Budget, Limit, Waiver
from edgekit.types import BudgetLine, Measurement, VerdictWord
from edgekit.units import Bytes, Count, Nanoseconds, Number, Percent, Ratio

UNITS = {Bytes: "B", Nanoseconds: "ns", Percent: "%", Ratio: "x", Count: "1", Number: ""}
NAMED = {"latency": "latency_p90", "metric_min": "metric", "metric_max": "metric"}
"""Budgets that stand for a measurement of another name."""
DEVICES = ("vela", "qemu")
"""What stands for the device where it is simulated, before any runtime of the build host."""
UNMEASURED = "not measured"
UNFINITE = "not finite"
"""What the reason of an SQNR says where a prediction is no number."""
IMPLIED: dict[str, Limit] = {"float_sqnr": Number(40), "skill": Percent(0)}
"""Limits that hold where a profile sets none: a float `.tflite` that is the model, and a model that knows anything."""
UNLABELLED: dict[str, Limit] = {"sqnr": Number(10), "churn": Percent(5), "lost_outputs": Percent(5)}
"""Those that hold for each output without labels, by which nothing else judges: docs/gate.md has where they come from.
That of churn is for probabilities of classes."""
TIMED = ("latency", "latency_p50", "latency_p99", "load_time", "speedup")
"""Budgets that more rounds of timing can decide."""


def judge(
    budget: Budget, measurements: Sequence[Measurement], shipped: str, before: Sequence[Measurement] = ()
) -> list[BudgetLine]:
    """A verdict for each limit that is set.

    A limit holds where the whole interval of its measurement lies within, and is broken where all of it lies beyond;
    where the limit lies inside the interval, the verdict is `inconclusive`.

    Args:
      shipped: the runtime whose measurements count; those without a runtime count always.
      before: the baseline's measurements, for limits that start with +.
    """
    waivers = {waiver.name: waiver for waiver in budget.waivers}
    lines = []
    for name, limit in budget.limits.items():
        line = _relative(name, limit, measurements, shipped, before) if limit.change else None
        line = line or _line(name, float(limit), UNITS[type(limit)], _measured(name, measurements, shipped))
        others = [] if limit.change else list(filter(None, _outputs(NAMED.get(name, name), measurements)))
        further = [
            _with(_line(name, float(limit), "", _of_output(name, output, measurements, shipped)), name=name + output)
            for output in others
        ]
        level, waiver = budget.levels.get(name, "error"), waivers.get(name)
        first = [] if line.reason == UNMEASURED and further else [line]
        lines += [_labelled(one, level, waiver) for one in (*first, *further)]
    return lines


def implied(budget: Budget, measurements: Sequence[Measurement], shipped: str) -> list[BudgetLine]:
    """Lines for limits that a profile does not set: of `IMPLIED` those that do not hold, of `UNLABELLED` all, for
    outputs without labels; and for any output that holds what is no finite number."""
    off = {name for name, level in budget.levels.items() if level == "off"} | set(budget.limits)
    waivers = {waiver.name: waiver for waiver in budget.waivers}
    without = set(_outputs("lost_outputs", measurements))
    if {"metric_min", "metric_max", "metric_loss"} & set(budget.limits):
        without -= set(_outputs("metric", measurements))
    lines = []
    for name, limit in (IMPLIED | UNLABELLED).items():
        for output in _outputs(name, measurements) if name not in off else []:
            found = _of_output(name, output, measurements, shipped)
            if found is None or (name == "churn" and found.reason):  # not of classes
                continue
            line = _with(_line(name, float(limit), found.unit, found), name=name + output)
            judged = output in without if name in UNLABELLED else line.verdict != "pass"
            if judged or (name == "sqnr" and UNFINITE in found.reason):
                lines.append(_labelled(line, budget.levels.get(name, "error"), waivers.get(name)))
    return lines


def _of_output(name: str, output: str, measurements: Sequence[Measurement], shipped: str) -> Measurement | None:
    return _measured(f"{NAMED.get(name, name)}{output}", measurements, shipped)


def _outputs(name: str, measurements: Sequence[Measurement]) -> list[str]:
    """Of which outputs there is a figure: "" for the first, else a dot and the name."""
    found = [m.name.removeprefix(name) for m in measurements if m.artifact == "model" and m.name.startswith(name)]
    return [output for output in dict.fromkeys(found) if output[:1] in ("", ".")]


def verdict(lines: Sequence[BudgetLine], measurements: Sequence[Measurement], shipped: str) -> VerdictWord:
    """The verdict over all lines: the worst one of those that count. `skipped` lines say nothing, but what does not run
    in the runtime that ships fails."""
    said: set[str] = {line.verdict for line in lines if line.level == "error" and not line.waived}
    if any(m.reason.startswith("failed") and _runtime(m) == shipped for m in measurements):
        said.add("fail")
    return next((word for word in ("fail", "inconclusive") if word in said), "pass")


def _measured(name: str, measurements: Sequence[Measurement], shipped: str) -> Measurement | None:
    wanted, order = NAMED.get(name, name), [*DEVICES, "", shipped]
    found = {_runtime(m): m for m in reversed(measurements) if m.name == wanted and m.artifact == "model"}
    return next((found[runtime] for runtime in order if runtime in found), None)


def _runtime(of: Measurement | None) -> str:
    """Its name."""
    return of.runtime.split(" ")[0] if of else ""


def _relative(
    name: str, limit: Limit, measurements: Sequence[Measurement], shipped: str, before: Sequence[Measurement]
) -> BudgetLine:
    """A limit against the baseline: times as the change in the rounds of this build, the rest by what was stored."""
    unit, added = UNITS[type(limit)], f"+{float(limit):g} {limit.change}".rstrip()
    if not before:
        return BudgetLine(name, float(limit), None, limit.change, None, "skipped", "", "no baseline: --baseline=NAME")
    new = _measured(name, measurements, shipped)
    if name in TIMED and _runtime(new) not in DEVICES:
        found = _measured(f"{NAMED.get(name, name)}_change", measurements, shipped)
        if found is None:
            said = "the baseline was not timed: its file is not there"
            return BudgetLine(name, float(limit), None, "%", None, "skipped", "", said)
        return _line(name, float(limit), "%", found)
    old = _measured(name, before, shipped)
    if old is None or old.value is None:
        return BudgetLine(name, float(limit), None, unit, None, "skipped", "", "the baseline has no such figure")
    most = old.value * (1 + limit / 100) if limit.change == "%" and unit != "%" else old.value + limit
    change = _measured(f"{name}_change", measurements, shipped)
    if name == "accuracy_drop" and change is not None:  # both models on the same samples
        return _line(name, float(limit), "points", change)
    line = _line(name, most, unit, new)
    return _with(line, reason=f"baseline {old.value:,.6g} {added}; {line.reason}".rstrip("; "))


def _line(name: str, limit: float, unit: str, found: Measurement | None) -> BudgetLine:
    if found is None:
        return BudgetLine(name, limit, None, unit, None, "skipped", "", UNMEASURED)
    source = " ".join(filter(None, (found.source, found.runtime)))
    if found.value is None and found.reason.startswith("no noise"):
        return BudgetLine(name, limit, None, found.unit, None, "pass", source, found.reason)
    if found.value is None:
        word: VerdictWord = "skipped" if found.reason.startswith("skipped") else "fail"
        return BudgetLine(name, limit, None, found.unit, None, word, source, found.reason)
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    if name in AT_LEAST:
        word = "pass" if low >= limit else "fail" if high < limit else "inconclusive"
    else:
        word = "pass" if high <= limit else "fail" if low > limit else "inconclusive"
    room = found.value - limit if name in AT_LEAST else limit - found.value
    headroom = 100.0 * ((room > 0) - (room < 0)) if limit == 0 else round(100 * room / abs(limit), 2)
    return BudgetLine(name, limit, found.value, found.unit, headroom, word, source, found.reason, found.low, found.high)


def _labelled(line: BudgetLine, level: str, waiver: Waiver | None) -> BudgetLine:
    return _with(line, level=level, waived=f"{waiver.reason} (until {waiver.until})" if waiver else "")


def _with(line: BudgetLine, **changes: str) -> BudgetLine:
    from msgspec.structs import replace

    return replace(line, **changes)
