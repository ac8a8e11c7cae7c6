"""What came of a build in words: the verdict as a sentence, the figures behind it, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from edgekit.measure.limits import AT_LEAST, DEVICES, HOSTED, NAMED, TIMED
from edgekit.report.text import headroom, remarks
from edgekit.report.types import Report
from edgekit.types import BudgetLine, Measurement
from edgekit.units import show

ORDER = ("pass", "skipped", "inconclusive", "fail")
ALWAYS = ("model_size", "latency", "accuracy")
"""Figures that are shown with or without a limit,"""
FIGURES = (
    *("model_size", "download_size", "arena", "flash", "ram", "instructions", "energy", "npu_coverage", "latency"),
    *("frontend_flash", "frontend_ram", "frontend_instructions"),
    *("resident_memory", "macs", "accuracy", "accuracy_drop", "churn", "metric"),
)
"""and those that are where no limit is set at all."""
ANSWERS = ("accuracy", "accuracy_drop", "churn", "sqnr", "lost_outputs", "metric_min", "metric_max", "metric_loss")
"""Limits on what the model answers; the others are on what it costs."""
HOST = "build host"


class Row(Struct, frozen=True):
    """A figure, with its limit where there is one."""

    budget: str
    limit: str
    value: str
    headroom: str
    verdict: str
    source: str


def sentence(report: Report) -> str:
    """The verdict: "fail: latency is 13.6 ms, limit 10 ms, 36 % over"."""
    counted = [line for line in report.budget if line.counts]
    lines = [line for line in counted if line.verdict != "pass"]
    if report.verdict == "fail":
        lines = [line for line in lines if line.verdict == "fail"]
    if len(lines) == 1:
        return f"{report.verdict}: {said(lines[0])}"
    if lines:
        what = "are broken" if report.verdict == "fail" else "are not decided"
        return f"{report.verdict}: {len(lines)} of {len(counted)} limits {what}"
    if report.verdict == "fail":
        failed = (m for m in report.measurements if m.engine == report.shipped and m.reason.startswith("failed"))
        return f"fail: {next((f'{m.runtime}: {m.reason}' for m in failed), 'see report.md')}"
    if not counted:
        return f"{report.verdict}: no limit is set{' that decides' if report.budget else ''}"
    return f"{report.verdict}: {'the limit holds' if len(counted) == 1 else f'all {len(counted)} limits hold'}"


def said(line: BudgetLine) -> str:
    """What came of a limit: "latency is 13.6 ms, limit 10 ms, 36 % over"."""
    if line.value is None:
        text = f"{line.name}: {line.reason}" if line.reason else f"{line.name} is {line.verdict}"
    else:
        between = f" ({show(line.low, line.unit)} … {show(line.high, line.unit)})" if line.low is not None else ""
        value = show(line.value, line.unit) + (between if line.verdict == "inconclusive" else "")
        text = f"{line.name} is {value}, limit {show(line.limit, line.unit)}, {headroom(line)}"
    return "; ".join((text, *remarks(line)))


def repeated(report: Report) -> list[str]:
    """The limits that do not hold, where the sentence does not say all of them; the worst last."""
    lines = [line for line in ordered(report.budget) if line.verdict != "pass"]
    return [text for text in map(said, lines) if not sentence(report).endswith(f": {text}")]


def ordered(lines: Sequence[BudgetLine]) -> list[BudgetLine]:
    """The lines of a budget, those that decide against the model last."""
    counted = [line for line in lines if line.counts]
    return sorted(lines, key=lambda line: min(ORDER.index(line.verdict), len(ORDER) if line in counted else 1))


def rows(report: Report) -> list[Row]:
    """Figures without a limit, then the budget. Of a build without limits, all that a limit could be set for."""
    lines = [
        Row(
            line.name,
            ("≥ " if line.name.partition(".")[0] in AT_LEAST else "") + show(line.limit, line.unit),
            show(line.value, line.unit),
            headroom(line),
            line.verdict,
            line.source or "–",
        )
        for line in ordered(report.budget)
    ]
    return [*_unlimited(report), *lines]


def _unlimited(report: Report) -> Iterator[Row]:
    limited = {line.name.partition(".")[0] for line in report.budget}
    for name in ALWAYS if report.budget else FIGURES:
        figure = NAMED.get(name, name)
        found = [m for m in report.measurements if (m.name, m.artifact) == (figure, "model")]
        found = [m for m in found if m.value is not None or m.engine in DEVICES]  # a device's, though it has none
        known = {m.engine: m for m in reversed(found)}
        best = next((known[engine] for engine in (*DEVICES, "", report.shipped) if engine in known), None)
        if best and name not in limited and figure not in limited:
            here = f", {HOST}" if name in HOSTED and best.engine not in DEVICES else ""
            source = f"{best.source} {best.runtime}".strip() + here if best.value is not None else _open(best)
            yield Row(name, "none", show(best.value, best.unit), "–", "–", source)


def _open(of_device: Measurement) -> str:
    """In two words, that a device's figure was not measured or estimated."""
    return of_device.reason.partition(":")[0]


def in_a_word(source: str) -> str:
    """Where a figure comes from, without the runtime, which report.md names."""
    if source.startswith("not "):
        return source
    return HOST if source.endswith(HOST) else source.partition(" ")[0]


def overall(reports: Sequence[Report]) -> str:
    """The last line over several builds."""
    words = {word: [f"{r.target.name}: {r.model.name}" for r in reports if r.verdict == word] for word in ORDER}
    told = [f"{len(words[word])} {word}" for word in reversed(ORDER) if words[word]]
    return f"{len(reports)} builds: {', '.join(told)}"


def advice(report: Report, out: Path, given: str = "", where: str = "") -> str:
    """What to do next.

    Args:
      out: where the build was written.
      given: further options of the build that another command needs too, as a person types them.
      where: that of `out`, where it is not the usual one.
    """
    options = f"--target={report.target.name}{given and ' ' + given}"
    names = {
        word: [line.name.partition(".")[0] for line in report.budget if line.counts and line.verdict == word]
        for word in ORDER
    }
    undecided = [line for line in report.budget if line.counts and line.verdict == "inconclusive"]
    where = where and f" {where}"
    if broken := names["fail"]:
        if {"float_sqnr", "skill"} & {*broken}:
            return "look at the notes: what fails is the float model, or its data"
        if {*ANSWERS} & {*broken}:
            return f"`edgekit explain {options}` says where accuracy is lost"
        if "max_lsb" in broken:
            return "`edgekit diverge` finds the operator at which two runtimes differ"
        if all(name.startswith("frontend_") for name in broken):
            table = f"[tool.edgekit.models.{report.model.name}.frontend]"
            return (
                f"make the front-end cheaper under {table}: a longer hop, fewer bands, a shorter FFT, a smaller picture"
            )
        return f"`edgekit sensitivity {options}` says which layers can be smaller"
    if report.verdict == "fail":
        return f"{out / report.target.name / report.model.name / 'build.log'} has what the runtime said"
    if any(line.name in TIMED and line.value is not None for line in undecided) and not names["skipped"]:
        return f"close other programs, then `edgekit build {options} --remeasure`"
    if not report.budget:
        size = next(m.value for m in report.measurements if m.name == "model_size" and m.value is not None)
        limit = f"{-(-size * 1.1 // 1024):.0f} KiB"
        place = f"[tool.edgekit.models.{report.model.name}.budgets.{report.target.name}]"
        return f'set limits under [budget] in the target, or {place} in pyproject.toml: model_size = "{limit}"'
    if report.verdict != "pass":
        if names["skipped"]:
            return "give --data=PATH: random data says nothing of accuracy"
        if wanted := [(enough, line.name, m.samples) for line in undecided for enough, m in _enough(line, report)]:
            enough, name, have = max(wanted)
            return f"about {enough:,} test samples would decide {name} (there are {have:,})"
        off = f', or set budget.levels.{undecided[0].name} = "off" in the target' if undecided else ""
        return f"do what the lines above say{off}"
    if report.target.overrides:
        return "write what --set and --recipe changed into the target, and build without them"
    if report.baseline is None:
        return f"`edgekit check{where}`, then `edgekit baseline save NAME{where}`"
    builds = where.replace("--out", "--builds")
    return f"`edgekit check{where}`, then `edgekit release{builds} --out=FILE.zip`"


def _enough(line: BudgetLine, report: Report) -> Iterator[tuple[int, Measurement]]:
    """How many samples would decide a limit on what the model answers, if its value stayed: an interval is half as wide
    for four times the samples. With what was measured; nothing where samples do not decide it."""
    ends = [end for end in (line.low, line.high) if end is not None]
    found = next((m for m in report.measurements if m.name == line.name and m.artifact == "model" and m.samples), None)
    if line.name.partition(".")[0] in ANSWERS and found and ends and line.value not in (None, line.limit):
        width = max(abs(end - line.value) for end in ends)
        yield math.ceil(found.samples * (width / (line.value - line.limit)) ** 2), found
