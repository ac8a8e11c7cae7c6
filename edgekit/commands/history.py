"""`history`: how the figures of a model went, and which build changed what."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgekit.config import nearest
from edgekit.errors import ProjectError, TargetError
from edgekit.profile.known import known_targets
from edgekit.profile.project import Project
from edgekit.records.history import read_history
from edgekit.report.changes import Change, Side, changes, figures_of, valued
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import cleaned, shown
from edgekit.report.types import HistoryEntry

BARS = "▁▂▃▄▅▆▇█"
MOVED = ("worse", "better", "changed")
MOST = 3
"""Changes of a build that are said on a terminal."""
EVER = 10_000
"""Builds that are looked through for a name."""


def history(project: Project, target: str | None, model: str | None, count: int) -> list[HistoryEntry]:
    """The last builds, the oldest first.

    Raises:
      TargetError, ProjectError: nobody knows that target or model; or the record is damaged or locked.
    """
    found = read_history(project, target, model, count)
    if not found:
        built = read_history(project, None, None, EVER)
        targets = {*known_targets(project.target_folders), *(entry.target for entry in built)}
        models = {*project.models, *(entry.model for entry in built)}
        if target and target not in targets:
            raise TargetError(f'unknown target "{target}"; {nearest(target, targets)}')
        if model and model not in models:
            raise ProjectError(f'unknown model "{model}"; {nearest(model, models)}')
    return found


@shown
def print_history(entries: Sequence[HistoryEntry], every: bool) -> None:
    """Of each model and target how its figures went, and what each build changed; `every` figure with --all."""
    if not entries:
        print_folded("no builds are recorded")
    for number, group in enumerate(grouped(entries)):
        if number:
            print()
        last = group[-1]
        count = f"{len(group)} build{'s' * (len(group) > 1)}"
        print_folded(f"{last.target}: {last.model}: {count}, the last one {last.verdict}", last.verdict)
        _print_trends(group, every)
        _print_builds(group, every)


def grouped(entries: Sequence[HistoryEntry]) -> list[list[HistoryEntry]]:
    """Builds of the same model for the same target, the oldest first."""
    groups: dict[tuple[str, str], list[HistoryEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.target, entry.model), []).append(entry)
    return list(groups.values())


def changed(before: HistoryEntry, after: HistoryEntry) -> list[Change]:
    """What changed from a build to the next one, the worst first."""
    found = changes(Side(figures_of(before.figures)), Side(figures_of(after.figures)), {})
    return sorted((c for c in found if c.effect in MOVED), key=lambda c: MOVED.index(c.effect))


def trend(values: Sequence[float]) -> str:
    """A line of bars, from the least to the most."""
    low, high = min(values), max(values)
    return "".join(BARS[round((len(BARS) - 1) * (v - low) / (high - low))] if high > low else BARS[0] for v in values)


def _print_trends(group: Sequence[HistoryEntry], every: bool) -> None:
    names = list(dict.fromkeys(name for entry in group for name in entry.figures))
    rows = []
    for name in names:
        known = [entry.figures[name] for entry in group if name in entry.figures]
        ends = [Side(figures_of({name: figure})) for figure in (known[0], known[-1])]
        (change,) = changes(ends[0], ends[1], {})
        moved = len({figure.value for figure in known}) > 1 and change.effect != "untimed"
        if len(known) > 1 and (moved or every):
            said = [valued(figure.value, None, figure.unit)[0] for figure in (known[0], known[-1])]
            note = change.effect if change.effect in ("worse", "better") else change.note
            rows.append([name, *said, change.by, trend([figure.value for figure in known]), note])
    if rows:
        print_table(["figure", "first", "last", "change", "trend", ""], rows, right=(1, 2, 3))
        print()


def _print_builds(group: Sequence[HistoryEntry], every: bool) -> None:
    rows = _rows(group, every or not sys.stdout.isatty())
    if not any(commit for _, commit, _, _ in rows):
        print_table(["when", "verdict", "what changed"], [(when, word, what) for when, _, word, what in rows])
    else:
        print_table(["when", "commit", "verdict", "what changed"], rows)


def write_history(entries: Sequence[HistoryEntry], path: Path) -> None:
    """Writes a page with a chart for each figure that was ever another, and what each build changed."""
    from edgekit.files import write
    from edgekit.report.charts import trends
    from edgekit.report.html import templates

    groups = [
        {
            "target": group[-1].target,
            "model": group[-1].model,
            "trends": trends(group, list(dict.fromkeys(name for entry in group for name in entry.figures))),
            "rows": _rows(group, every=True)[::-1],
        }
        for group in grouped(cleaned(entries))
    ]
    write(path, templates().get_template("history.html.jinja").render(groups=groups).encode())


def _rows(group: Sequence[HistoryEntry], every: bool) -> list[tuple[str, str, str, str]]:
    """Of each build when it was made, its commit, its verdict, and what it changed."""
    return [
        (
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time)),
            entry.commit[:8] + "+" * entry.commit.endswith("+"),
            entry.verdict,
            _what(before, entry, every),
        )
        for before, entry in zip([None, *group], group, strict=False)
    ]


def _what(before: HistoryEntry | None, entry: HistoryEntry, every: bool) -> str:
    """What a build changed, in words."""
    words = [f"with {entry.overrides}"] if entry.overrides else []
    if before is None:
        return "; ".join(["the first one", *words])
    found = [f"{change.name} {change.by}" for change in changed(before, entry)]
    if len(found) > MOST and not every:
        found = [*found[:MOST], f"and {len(found) - MOST} more"]
    if not found:
        found = ["other bytes, the same figures" if before.sha256 != entry.sha256 else "the same file, judged anew"]
    return "; ".join([*words, *found])
