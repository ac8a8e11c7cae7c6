"""The texts that are made of a report."""

from __future__ import annotations

from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.report.html import Extras, html
from edgekit.report.junit import junit
from edgekit.report.sarif import sarif
from edgekit.report.types import Report


@stage("render", process=TOOLS, libraries=("jinja2",))
def render(work: Work, report: Report, extras: Extras, places: dict[str, tuple[str, int]]) -> None:
    """Writes `report.html`, `junit.xml` and `report.sarif` to a folder.

    Args:
      places: of each limit the file, relative to the project, and the line where it stands.
    """
    texts = {
        "report.html": html(report, extras),
        "junit.xml": junit(report),
        "report.sarif": sarif(report, places),
    }
    for name, text in texts.items():
        (work.folder / name).write_text(text, encoding="utf-8")
