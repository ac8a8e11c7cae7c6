"""`history`: the record of builds as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.report.console import print_table
from edgekit.report.text import shown
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.report.types import HistoryEntry


@shown
def print_history(entries: Sequence[HistoryEntry]) -> None:
    """Builds in the order in which they were made."""
    names = list(dict.fromkeys(name for entry in entries for name in entry.figures))

    def cell(entry: HistoryEntry, name: str) -> str:
        found = entry.figures.get(name)
        return show(found.value, found.unit) if found else ""

    print_table(
        ["when", "target", "model", "verdict", *names, "SHA-256", "with"],
        [
            [
                time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time)),
                entry.target,
                entry.model,
                entry.verdict,
                *(cell(entry, name) for name in names),
                entry.sha256[:12],
                entry.overrides,
            ]
            for entry in entries
        ],
        right=range(4, 4 + len(names)),
    )
