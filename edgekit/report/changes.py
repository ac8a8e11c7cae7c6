"""What changed between two builds: each figure before and after, which way it went, and what its limits say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from edgekit.measure.limits import AT_LEAST, LIMITS, NAMED
from edgekit.report.figures import ORDER, figures, of_device
from edgekit.report.text import remarks
from edgekit.report.types import Figure, Report
from edgekit.types import BudgetLine, Measurement
from edgekit.units import show

Effect = Literal["worse", "better", "changed", "within", "same", "lacking", "untimed"]
"""`changed`: nothing says which way is better; `within`: the intervals touch; `lacking`: one side does not have it;
`untimed`: a time or memory of the build host, which figures of two moments do not compare."""
ROUNDS = "of another time"
LEAST = {*AT_LEAST, "fidelity"}
MAIN = {
    *("model_size", "download_size", "arena", "flash", "ram", "instructions", "energy", "npu_cycles", "npu_coverage"),
    *("macs", "accuracy", "fidelity", "metric", "latency_p90"),
}
"""What a reader wants to see where no limit names it."""
UNDIRECTED = ("parameters", "nonzero", "operators", "metric")
"""Figures of which less is neither better nor worse."""


class Change(Struct, frozen=True):
    """A figure before and after."""

    name: str
    unit: str
    before: float | None
    """None where it was not measured."""
    after: float | None
    effect: Effect
    by: str = ""
    """By how much it changed, for a person: "+1.2 KiB, +3 %"."""
    by_interval: str = ""
    """The 95 % interval of that, where the change itself was measured."""
    runtime: str = ""
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None
    note: str = ""
    """What a reader has to know of the change."""
    limits: tuple[str, str] = ("", "")
    """What the budget allows, before and after."""
    verdicts: tuple[str, str] = ("", "")
    """What it said."""

    @property
    def judged_anew(self) -> bool:
        """Whether the budget says something else of it, or was changed."""
        return self.verdicts[0] != self.verdicts[1] or self.limits[0] != self.limits[1]

    @property
    def place(self) -> int:
        """Where a reader wants it: first what is judged anew, then what became worse, better, another; then what is
        limited and not clear. The rest can be folded: `FOLDED`."""
        if self.judged_anew:
            return 0
        limited = bool(self.limits[1])
        order = ("worse", "better", "changed", *(("within", "lacking") if limited else ()))
        if self.effect not in order or not (limited or _base(self.name) in MAIN):
            return FOLDED
        return min(1 + order.index(self.effect), FOLDED - 1)


FOLDED = 5


class Side(Struct, frozen=True):
    """Figures of what ships, and the limits that hold them."""

    figures: dict[str, Measurement]
    budget: Sequence[BudgetLine] | None = None
    """None where there is no telling; then those of the other side stand for both."""


class Reason(Struct, frozen=True):
    """Something that changed and may explain a figure."""

    kind: str
    """`model`, `data`, `setting`, `version`, `machine`, `stage`, `operator`, `layer` or `rest`."""
    what: str
    bytes: int = 0
    """By how much the file grew for it, where that is known."""


class Comparison(Struct, frozen=True):
    """Two builds of a model for a target, two files, or a build that only one side has."""

    before: str
    """Where it lies; empty where there is none."""
    after: str
    target: str
    """As it is called now; empty of a file. So is the following."""
    model: str
    verdicts: tuple[str, str]
    """Over the whole budget; empty of a file, and where there is none."""
    same_file: bool
    figures: list[Change]
    """In the order in which a reader wants them."""
    reasons: list[Reason] = []
    renamed: str = ""
    """What it was called before, `TARGET/MODEL`."""
    commits: tuple[str, str] = ("", "")
    """That each was built from; with a `+` where files were not as committed."""

    @property
    def changed(self) -> bool:
        """Whether there is something to read."""
        moved = any(c.place < FOLDED or c.effect in ("worse", "better", "changed") for c in self.figures)
        return moved or self.verdicts[0] != self.verdicts[1] or bool(self.renamed)


def figures_of(recorded: Mapping[str, Figure]) -> dict[str, Measurement]:
    """Figures of the record of builds as measurements."""
    return {
        name: Measurement(name, f.value, f.unit, runtime=f.runtime, low=f.low, high=f.high)
        for name, f in recorded.items()
    }


def revision(report: Report) -> str:
    """The commit that it was built from, with a `+` where files were not as committed; empty where none is known."""
    return "" if report.commit is None else report.commit.sha + "+" * (not report.commit.clean)


def side(report: Report) -> Side:
    """What a report says of what ships."""
    return Side(figures(report.measurements, report.shipped), report.budget)


def measured_together(report: Report) -> dict[str, Measurement]:
    """Changes that a build measured against its baseline, in the same rounds or on the same samples: by figure."""
    found = {}
    for m in reversed(report.measurements):
        if m.name.endswith("_change") and m.artifact == "model" and m.low is not None and not of_device(m):
            found[m.name.removesuffix("_change")] = m
    drop = found.get("accuracy_drop")
    if drop and drop.value is not None and drop.low is not None and drop.high is not None:
        found["accuracy"] = replace(drop, value=-drop.value, low=-drop.high, high=-drop.low)
    return found


def against_baseline(report: Report) -> list[Change]:
    """What changed since the baseline that a build was held against; what its limits said then is not known."""
    if report.baseline is None:
        return []
    before = Side(figures(report.baseline.measurements, report.shipped))
    return changes(before, side(report), measured_together(report))


def changes(before: Side, after: Side, together: Mapping[str, Measurement]) -> list[Change]:
    """Every figure and limit of two sides, in the order in which a reader wants them.

    Args:
      together: changes that were measured between the two: see `measured_together`.
    """
    both = before.budget, after.budget
    lines: dict[str, tuple[list[BudgetLine], list[BudgetLine]]] = {}
    budgets = [one if one is not None else other for one, other in (both, both[::-1])]
    for number, budget in enumerate(budgets):
        for line in budget or ():
            lines.setdefault(figure_of(line.name), ([], []))[number].append(line)
    names = dict.fromkeys([*before.figures, *after.figures, *lines])
    known = [name for name in ORDER if name in names]
    found = []
    for name in [*known, *(name for name in names if name not in ORDER)]:
        old, new = lines.get(name, ([], []))
        change = _change(name, before.figures.get(name), after.figures.get(name), [*new, *old], together.get(name))
        limits = " and ".join(map(_limit, old)), " and ".join(map(_limit, new))
        said = ", ".join(map(_verdict, old)), ", ".join(map(_verdict, new))
        found.append(replace(change, limits=limits, verdicts=said))
    return sorted(found, key=lambda c: (c.place, not c.limits[1], "fail" not in c.verdicts[1]))


def valued(value: float | None, interval: tuple[float, float] | None, unit: str) -> tuple[str, str]:
    """A figure and its interval, for a person; the second is empty where it is exact."""
    if value is None:
        return "not measured", ""
    if interval is None:
        return show(value, unit), ""
    said, *ends = (show(v, unit) for v in (value, *interval))
    if len({text.partition(" ")[2] for text in (said, *ends)}) == 1:
        ends = [end.partition(" ")[0] for end in ends]  # the value says the unit
    return said, " … ".join(ends)


def _change(
    name: str, a: Measurement | None, b: Measurement | None, lines: list[BudgetLine], together: Measurement | None
) -> Change:
    known = b or a
    if known is None:
        return Change(name, lines[0].unit, None, None, "same")
    if a is None or b is None or a.value is None or b.value is None:
        return _made(name, a, b, "lacking")
    device = of_device(a) and of_device(b)
    if (a.value, a.low, a.high) == (b.value, b.low, b.high):
        return _made(name, a, b, "same")
    if together and together.low is not None and together.high is not None and not device:
        moved, said = together.low > 0 or together.high < 0, _together(together)
        grew = (together.value or 0) > 0
    elif _of_host(known):
        return _made(name, a, b, "untimed", ("", "", ROUNDS))
    else:  # what an estimate does not know of a core is the same on both sides
        moved = a.value != b.value if device else are_apart(a, b)
        said = _difference(a.value, b.value, known.unit), "", "" if moved else "within the intervals"
        grew = b.value > a.value
    if not moved:
        return _made(name, a, b, "within", said)
    direction = _direction(b, lines)
    return _made(name, a, b, "changed" if not direction else "better" if grew == (direction > 0) else "worse", said)


def _made(
    name: str, a: Measurement | None, b: Measurement | None, effect: Effect, said: tuple[str, str, str] = ("", "", "")
) -> Change:
    known = b or a
    assert known
    values = a.value if a else None, b.value if b else None
    by, by_interval, note = said
    ends = _interval(a), _interval(b)
    return Change(name, known.unit, *values, effect, by, by_interval, known.runtime, *ends, note)


def _difference(before: float, after: float, unit: str) -> str:
    """By how much a figure changed."""
    by = after - before
    if not by:
        return ""
    sign = "+" if by > 0 else "-"
    if unit in ("%", "points"):
        return f"{sign}{abs(by):.2f} points" if abs(by) >= 0.005 else f"under {sign}0.01 points"
    absolute = f"{sign}{show(abs(by), unit)}"
    if unit not in ("B", "ns", "1") or not before:
        return absolute
    share = 100 * by / abs(before)
    if share >= 1000:
        return f"{absolute}, {after / before:,.0f} times"
    digits = 0 if abs(share) >= 9.95 else 1 if abs(share) >= 0.095 else 2
    return f"{absolute}, {share:+.{digits}f} %" if abs(share) >= 0.005 else absolute


def _together(change: Measurement) -> tuple[str, str, str]:
    """A change that was measured as one, its interval, and where."""
    unit, digits = ("points", 2) if change.unit == "points" else ("%", 1)
    said, *ends = (f"{value:+.{digits}f}" for value in (change.value or 0, change.low, change.high))
    return f"{said} {unit}", " … ".join(ends), "same samples" if unit == "points" else "same rounds"


def _interval(m: Measurement | None) -> tuple[float, float] | None:
    return (m.low, m.high) if m and m.low is not None and m.high is not None else None


def _of_host(m: Measurement) -> bool:
    """Whether it is a time or memory of a process of the build host, which is another each time."""
    return (m.unit == "ns" or m.name == "resident_memory") and not of_device(m)


def are_apart(a: Measurement, b: Measurement) -> bool:
    """Whether the intervals do not touch; of exact figures, whether they differ."""
    assert a.value is not None and b.value is not None
    low, high = (a.value if a.low is None else a.low), (a.value if a.high is None else a.high)
    return (b.value if b.high is None else b.high) < low or (b.value if b.low is None else b.low) > high


def _direction(m: Measurement, lines: list[BudgetLine]) -> int:
    """1 where more is better, -1 where less is, 0 where nothing says it."""
    if _base(m.name) == "metric" and m.reason:
        return -1 if "lower is better" in m.reason else 1
    if lines:
        return 1 if _base(lines[0].name) in AT_LEAST else -1
    return 0 if _base(m.name) in UNDIRECTED else 1 if _base(m.name) in LEAST else -1


def from_to(before: str, after: str) -> str:
    """A limit or verdict that may be another one than before, in words."""
    return after if before == after else f"{before or 'none'} → {after or 'none'}"


def figure_of(line: str) -> str:
    """The figure that a limit is on, of the same output."""
    name, dot, output = line.partition(".")
    return NAMED.get(name, name) + dot + output


def _base(name: str) -> str:
    return name.partition(".")[0]


def _limit(line: BudgetLine) -> str:
    least = _base(line.name) in LIMITS and _base(line.name) in AT_LEAST
    return f"{'≥' if least else '≤'} {show(line.limit, line.unit)}"


def _verdict(line: BudgetLine) -> str:
    softened = remarks(line)
    return f"{line.verdict} ({'; '.join(softened)})" if softened else line.verdict
