"""What a person reads when a search has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.measure.limits import AT_LEAST
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import shown
from edgekit.solve.judged import called, quality
from edgekit.solve.types import WORDS, Finalist, Outcome, Solution
from edgekit.types import BudgetLine
from edgekit.units import show

SHOWN = 12
"""Trials of the front that are printed; the page has all of them."""
STATES: dict[Any, str] = {
    "trained": "trained in full",
    "stopped": "ended after few epochs",
    "dropped": "dropped before training",
    "beaten": "beaten before training",
    "failed": "failed",
}


@shown
def print_solution(found: Solution, out: Path, profile: Path, given: str = "") -> None:
    """What won, what the others gave, and what to do next.

    Args:
      out: folder of the page.
      profile: the one that was written, if a trial won.
      given: further options that a build of that profile needs, as a person types them.
    """
    if not found.trials:
        print_folded("no trial was finished; the same command goes on from here")
        return
    print(f"\n{found.target}: {found.model}: solved for {found.objective}")
    many = "trial" if len(found.trials) == 1 else "trials"
    counts = ", ".join(f"{n} {word}" for state, word in STATES.items() if (n := found.counted(state)))
    print_folded(f"{len(found.trials)} {many}: {counts}")
    _print_front(found)
    for conflict in found.conflicts:
        print_folded(conflict)
    for miss in found.misses:
        print_folded(f"nearest, trial {miss.number}: {miss.said}")
    if found.winner is None:
        print_folded("no recipe was found that holds every limit: exit status 1")
        print_folded(f"{out}: solve.html, solve.json")
        return
    print_folded(f"trial {found.winner} {WORDS[found.verdict]}")
    final = next(f for f in found.finals if f.number == found.winner)
    for words, m in (
        ("that the search chose by", final.searched),
        ("that chose nothing", final.quality),
        ("of the evaluation set", final.evaluated),
    ):
        if m:
            print(f"  {called(m)} {show(m.value, m.unit)} on {m.samples:,} samples {words}")
    if found.verdict == "inconclusive":
        print_folded("exit status 1, as a limit is not decided: more samples or --set=solve.holds=value decide it")
    print_folded(f"{out}: solve.html, solve.json")
    print_folded(f"{profile} is a profile of the project now: `edgekit check` wants its build, too")
    print_folded(f"next: edgekit build --target={profile.stem}{given and ' ' + given}")


def _print_front(found: Solution) -> None:
    """The best trials; on a narrow terminal the limits with the most room are left out."""
    best = sorted((t for t in found.trials if t.front), key=lambda t: t.merit or 0.0)[:SHOWN]
    if not best:
        return
    kept = [*found.minimized, called(quality(best[0].measurements))]
    room = {line.name: _room(line) for line in best[0].lines}
    names = list(dict.fromkeys((*found.minimized, *(line.name for t in best for line in t.lines), *kept)))
    head = ["trial", *names, "limits"]
    spare = sorted((name for name in names if name not in kept), key=lambda name: -room.get(name, 1.0))
    judged = {final.number: final for final in found.finals}
    rows = [_row(trial, judged.get(trial.number, trial), names) for trial in best]
    print_table(head, rows, right=range(1 + len(names)), spare=[head.index(name) for name in spare])


def _room(line: BudgetLine) -> float:
    """Share of a limit that is left, however it is written."""
    if line.value is None:
        return 1.0
    less, more = (line.limit, line.value) if line.name.split(".")[0] in AT_LEAST else (line.value, line.limit)
    return 1.0 - less / more if more else 0.0


def _row(trial: Outcome, judged: Outcome | Finalist, names: list[str]) -> list[str]:
    """A trial of the front: its figures, and whether its limits hold, by the samples that judged it last."""
    figures = {called(m): show(m.value, m.unit) for m in reversed(trial.measurements) if m.artifact == "model"}
    figures |= {name: show(m.value, m.unit) for name in names if (m := trial.figure(name))}
    figures |= {line.name: show(line.value, line.unit) for line in trial.lines}
    failed = any(line.counts and line.verdict == "fail" for line in judged.lines)
    word = "hold" if judged.holds else "broken" if failed else "inconclusive"
    return [str(trial.number), *(figures.get(name, "") for name in names), word]
