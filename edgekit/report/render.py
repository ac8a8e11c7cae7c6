"""The texts that are made of a report. Another format is a file beside this one, and a line in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable

from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.report.extras import Extras
from edgekit.report.html import html
from edgekit.report.junit import junit
from edgekit.report.sarif import sarif
from edgekit.report.types import Report

FORMATS: dict[str, Callable[[Report, Extras], str]] = {
    "report.html": html,
    "junit.xml": junit,
    "report.sarif": sarif,
}
"""Who writes a file, by its name."""


@stage("render", process=TOOLS, libraries=("jinja2",))
def render(work: Work, report: Report, extras: Extras) -> None:
    """Writes a report to a folder in all `FORMATS`."""
    for name, written in FORMATS.items():
        (work.folder / name).write_text(written(report, extras), encoding="utf-8")
