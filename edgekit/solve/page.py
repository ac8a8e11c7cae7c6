"""`solve.html`: what a search tried and why the winner won, for people; one page without network or scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from edgekit.report import index
from edgekit.report.study import more_is_better
from edgekit.report.text import cleaned
from edgekit.solve.judged import EXACT, Judge, called, quality
from edgekit.solve.types import WORDS, Outcome, Solution
from edgekit.units import show

WIDTH, HEIGHT, MARGIN = 460, 300, 48
"""Of a drawing, in its own units."""
MARKS = {"holds": "pass", "inconclusive": "inconclusive", "none": "fail"}


class Dot(Struct, frozen=True):
    """A trial in a drawing."""

    x: float
    y: float
    trial: Outcome
    kind: str
    """`won`, `front`, `trained` or `stopped`."""


def html(solution: Solution, judge: Judge) -> str:
    """The page."""
    import jinja2

    shown, folder = cleaned(solution), Path(index.__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"show": show, "quality": quality, "width": WIDTH, "height": HEIGHT, "margin": MARGIN}
    return environment.get_template("solve.html.jinja").render(
        found=shown,
        words=WORDS[shown.verdict],
        mark=MARKS[shown.verdict],
        why=why(shown, judge),
        drawings=_drawings(shown, judge),
        names=list(shown.trials[0].choices) if shown.trials else [],
        trials=sorted(shown.trials, key=lambda t: t.number),
        importances=sorted(shown.importances.items(), key=lambda item: -item[1]),
    )


def why(found: Solution, judge: Judge) -> list[str]:
    """Why the winner won, as sentences."""
    if found.winner is None:
        return [*found.conflicts, *(f"Nearest, trial {miss.number}: {miss.said}." for miss in found.misses)]
    winner = found.of(found.winner)
    held = [t for t in found.trials if t.state == "trained" and t.holds]
    chose = f"by the {found.samples[0]:,} samples that the search chose by"
    said = [f"Trial {winner.number} has {found.objective} of the {len(held)} that held every limit {chose}."]
    if len(held) == 1:
        said = [f"Trial {winner.number} is the only one that held every limit {chose}."]
    if found.verdict != "holds":
        said = [f"Trial {winner.number} comes nearest to holding every limit with its interval."]
    for final in found.finals:
        if final.number != winner.number and not final.holds:
            lines = ", ".join(line.name for line in final.lines if judge.gap(line) > 0)
            said.append(f"Trial {final.number} looked better; samples that chose nothing found it short of {lines}.")
    final = next(f for f in found.finals if f.number == winner.number)
    if final.searched.value is not None and final.evaluated and final.evaluated.value is not None:
        curse = judge.goodness(final.searched) - judge.goodness(final.evaluated)
        said.append(
            f"What is chosen as the best of many looks better than it is: {called(final.searched)} was "
            f"{show(final.searched.value, final.searched.unit)} on the samples that chose it, "
            f"{show(final.quality.value, final.quality.unit)} on {final.quality.samples:,} that chose nothing, and is "
            f"{show(final.evaluated.value, final.evaluated.unit)} on the {final.evaluated.samples:,} of the evaluation "
            f"set: a difference of {curse:+.2f}."
        )
    others = [t for t in held if t.number != winner.number and t.sha256 != winner.sha256]
    if second := min(others, key=lambda t: t.merit or 0.0, default=None):
        said.append(f"The next is trial {second.number}: {_figures(second)}; the winner has {_figures(winner)}.")
    return said


def _figures(trial: Outcome) -> str:
    found = {m.name: m for m in reversed(trial.measurements)}
    costs = [m for name in ("model_size", *EXACT[2:6]) if (m := found.get(name))]
    return ", ".join(f"{called(m)} {show(m.value, m.unit)}" for m in (*costs, quality(trial.measurements)))


def _drawings(found: Solution, judge: Judge) -> list[dict[str, Any]]:
    """Quality against each cost that is limited or minimized."""
    limits, costs = judge.target.budget.limits, judge.target.solve.costs
    names = [name for name in (*EXACT, "download_size") if name in limits or name in costs]
    return [drawing for name in names or ["model_size"] if (drawing := _drawing(name, found, judge))]


def _drawing(name: str, found: Solution, judge: Judge) -> dict[str, Any] | None:
    points = []
    for trial in found.trials:
        cost = judge.figure(trial.measurements, name)
        if trial.epochs and cost != float("inf") and (q := quality(trial.measurements)).value is not None:
            points.append((cost, q.value, trial))
    if len(points) < 2:
        return None
    limit = judge.target.budget.limits.get(name)
    xs = [cost for cost, _, _ in points] + ([float(limit)] if limit is not None else [])
    ys = [y for _, y, _ in points]
    x0, x1, y0, y1 = 0.0, max(xs) * 1.05, min(ys), max(ys)
    spread = (y1 - y0) or 1.0

    def place(cost: float, value: float) -> tuple[float, float]:
        across, up = (cost - x0) / (x1 - x0 or 1.0), (value - y0) / spread
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 1.6 * MARGIN)

    def kind(trial: Outcome) -> str:
        if trial.number == found.winner:
            return "won"
        return "front" if trial.front else trial.state

    dots = [Dot(*place(cost, value), trial, kind(trial)) for cost, value, trial in points]
    unit = next((line.unit for t in found.trials for line in t.lines if line.name == name), "")
    unit = unit or next((m.unit for t in found.trials for m in t.measurements if m.name == name), "1")
    q = quality(points[0][2].measurements)
    line = sorted((d.x, d.y) for d in dots if d.kind in ("won", "front"))
    return {
        "name": name,
        "dots": sorted(dots, key=lambda d: ("stopped", "trained", "front", "won").index(d.kind)),
        "line": " ".join(f"{x:.1f},{y:.1f}" for x, y in line),
        "limit": None if limit is None else place(float(limit), y0)[0],
        "limit_said": "" if limit is None else show(float(limit), unit),
        "ends": [(place(x, y0)[0], show(x, unit)) for x in (x0, x1)],
        "tops": [(place(x0, y)[1], show(y, q.unit)) for y in (y0, y1)],
        "quality": called(q) if more_is_better(q) else f"{called(q)} (less is better)",
    }
