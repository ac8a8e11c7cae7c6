"""Measurements held against limits."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.firmware.cores import CORES
from edgekit.firmware.hardware import Hardware
from edgekit.measure.limits import AT_LEAST, DEVICES, HOSTED, IMPLIED, LIMITS, NAMED, TIMED, UNLABELLED, Budget, Waiver
from edgekit.runtimes import engine
from edgekit.types import BudgetLine, Measurement, VerdictWord
from edgekit.units import Bytes, Count, Microjoules, Nanoseconds, Number, Percent, Quantity, Ratio, show

UNITS = {Bytes: "B", Nanoseconds: "ns", Percent: "%", Ratio: "x", Count: "1", Number: "", Microjoules: "uJ"}
UNFINITE = "not finite"
"""What the reason of an SQNR says where a prediction is no number."""
HOST = Hardware()


def judge(
    budget: Budget,
    measurements: Sequence[Measurement],
    shipped: str,
    before: Sequence[Measurement] = (),
    hardware: Hardware = HOST,
) -> list[BudgetLine]:
    """A verdict for each limit that is set.

    A limit holds where the whole interval of its measurement lies within, and is broken where all of it lies beyond;
    where the limit lies inside the interval, or nothing of the device was measured, the verdict is `inconclusive`.

    Args:
      shipped: the runtime whose measurements count; those without a runtime count always.
      before: the baseline's measurements, for limits that start with +.
      hardware: the device; times of the build host are not those of another one.
    """
    waivers = {waiver.name: waiver for waiver in budget.waivers}
    lines = []
    for name, limit in budget.limits.items():
        figure, here = NAMED.get(name, name), judged_here(name, budget, hardware)
        runtimes = [*DEVICES, *(["", shipped] if here else [])]
        new, change = (_measured(f, measurements, runtimes) for f in (figure, f"{figure}_change"))
        if limit.change:
            line = _relative(name, limit, new, change, _measured(figure, before, runtimes), bool(before))
        else:
            line = _line(name, float(limit), UNITS[type(limit)], new)
        if line.value is None and not line.reason:
            of_host = None if here else _measured(figure, measurements, ["", shipped])
            why = LIMITS[name].otherwise if here else _elsewhere(name, of_host, shipped, hardware)
            line = _with(line, reason=why)
        elif line.value is not None and name in budget.on_host and _runtime(new) not in DEVICES:
            line = _with(line, source=f"{line.source}, build host")
        further = [] if limit.change else list(filter(None, _outputs(figure, measurements)))
        others = [
            (output, _line(name, float(limit), "", _measured(figure + output, measurements, runtimes)))
            for output in further
        ]
        level, waiver = budget.levels.get(name, "error"), waivers.get(name)
        first = [] if new is None and others else [line]
        named = [_with(one, name=name + output) for output, one in others]
        lines += [_labelled(one, level, waiver) for one in (*first, *named)]
    return lines


def implied(budget: Budget, measurements: Sequence[Measurement], shipped: str) -> list[BudgetLine]:
    """Lines for limits that a profile does not set: of `IMPLIED` those that do not hold, of `UNLABELLED` all, for
    outputs without labels; and for any output that holds what is no finite number."""
    off = {name for name, level in budget.levels.items() if level == "off"} | set(budget.limits)
    waivers = {waiver.name: waiver for waiver in budget.waivers}
    without = set(_outputs("lost_outputs", measurements))
    if any(NAMED.get(name, name).startswith("metric") for name in budget.limits):
        without -= set(_outputs("metric", measurements))
    lines = []
    for name, limit in (IMPLIED | UNLABELLED).items():
        for output in _outputs(name, measurements) if name not in off else []:
            found = _measured(f"{NAMED.get(name, name)}{output}", measurements, [*DEVICES, "", shipped])
            if found is None or (name == "churn" and found.reason):  # not of classes
                continue
            line = _with(_line(name, float(limit), found.unit, found), name=name + output)
            judged = output in without if name in UNLABELLED else line.verdict != "pass"
            if judged or (name == "sqnr" and UNFINITE in found.reason):
                lines.append(_labelled(line, budget.levels.get(name, "error"), waivers.get(name)))
    return lines


def _outputs(name: str, measurements: Sequence[Measurement]) -> list[str]:
    """Of which outputs there is a figure: "" for the first, else a dot and the name."""
    found = [m.name.removeprefix(name) for m in measurements if m.artifact == "model" and m.name.startswith(name)]
    return [output for output in dict.fromkeys(found) if output[:1] in ("", ".")]


def verdict(lines: Sequence[BudgetLine], measurements: Sequence[Measurement], shipped: str) -> VerdictWord:
    """The verdict over all lines: the worst one of those that count. What was skipped is no pass, and what does not run
    in the runtime that ships fails."""
    said: set[str] = {line.verdict for line in lines if line.counts}
    if any(m.reason.startswith("failed") and _runtime(m) == shipped for m in measurements):
        said.add("fail")
    return "fail" if "fail" in said else "inconclusive" if said - {"pass"} else "pass"


def fails(word: VerdictWord, strict: bool) -> bool:
    """Whether a verdict ends a command with 1."""
    return word == "fail" or (strict and word != "pass")


def judged_here(name: str, budget: Budget, hardware: Hardware) -> bool:
    """Whether a figure of the build host is one of the device, or the profile asks for the build host's."""
    return name not in HOSTED or hardware.is_host or name in budget.on_host


def _measured(name: str, measurements: Sequence[Measurement], runtimes: Sequence[str]) -> Measurement | None:
    """A figure of what ships, from the first of the runtimes that has it."""
    found = {_runtime(m): m for m in reversed(measurements) if m.name == name and m.artifact == "model"}
    return next((found[runtime] for runtime in runtimes if runtime in found), None)


def _runtime(of: Measurement | None) -> str:
    """Its name."""
    return of.engine if of else ""


def _relative(
    name: str, limit: Quantity, new: Measurement | None, change: Measurement | None, old: Measurement | None, held: bool
) -> BudgetLine:
    """A limit against the baseline: times as the change within the rounds, or of the instructions; the rest by what was
    stored.

    Args:
      change: against the baseline, where that was measured.
      held: whether there is a baseline.
    """
    unit, added = UNITS[type(limit)], f"+{float(limit):g} {limit.change}".rstrip()
    if not held:
        return BudgetLine(name, float(limit), None, limit.change, None, "skipped", "", "no baseline: --baseline=NAME")
    if name in TIMED and change:
        return _line(name, float(limit), "%", change)
    if name in TIMED and _runtime(new) not in DEVICES:
        said = "the baseline was not timed: its file is not there" if new else ""
        return BudgetLine(name, float(limit), None, "%", None, "inconclusive", "", said)
    if new and (old is None or old.value is None):
        said = "the baseline has no such figure"
        return BudgetLine(name, float(limit), None, unit, None, "inconclusive", "", said)
    if new is None or old is None or old.value is None:
        return BudgetLine(name, float(limit), None, unit, None, "inconclusive", "")
    if name == "accuracy_drop" and change is not None:  # both models on the same samples
        return _line(name, float(limit), "points", change)
    most = old.value * (1 + limit / 100) if limit.change == "%" and unit != "%" else old.value + limit
    line = _line(name, most, unit, new)
    return _with(line, reason=f"baseline {old.value:,.6g} {added}; {line.reason}".rstrip("; "))


def _line(name: str, limit: float, unit: str, found: Measurement | None) -> BudgetLine:
    if found is None:
        return BudgetLine(name, limit, None, unit, None, "inconclusive", "")
    source = " ".join(filter(None, (found.source, found.runtime)))
    if found.value is None and found.reason.startswith("no noise"):
        return BudgetLine(name, limit, None, found.unit, None, "pass", source, found.reason)
    if found.value is None:
        words: dict[str, VerdictWord] = {"skipped": "skipped", "failed": "fail"}
        word = "fail" if UNFINITE in found.reason else words.get(found.reason.split(":")[0], "inconclusive")
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


def _elsewhere(name: str, of_host: Measurement | None, shipped: str, hardware: Hardware) -> str:
    """Why a figure of the build host judges nothing, and what would."""
    value = show(of_host.value, of_host.unit) if of_host and of_host.value is not None else "what is measured here"
    core = CORES.get(hardware.cpu)
    if name == "latency" and core and core.cycles:
        needs = "outputs.c_standalone = true and hardware.clock estimate it"
    elif name in TIMED and (hardware.npu or core):
        needs = "limit `latency`, which can be estimated, or measure on the device"
    else:
        needs = "measure on the device"
    if not engine(shipped).on_device_only:
        needs += f', or write budget.on_host = ["{name}"] if the build host\'s is meant'
    return f"not measured: {value} is the build host's, not the {hardware.cpu}'s; {needs}"


def _labelled(line: BudgetLine, level: str, waiver: Waiver | None) -> BudgetLine:
    return _with(line, level=level, waived=f"{waiver.reason} (until {waiver.until})" if waiver else "")


def _with(line: BudgetLine, **changes: str) -> BudgetLine:
    from msgspec.structs import replace

    return replace(line, **changes)
