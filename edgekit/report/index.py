"""`DIR/index.html`: all builds of a folder, models against targets."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import msgspec

from edgekit.files import DAMAGE, write
from edgekit.report.html import templates
from edgekit.report.types import Report


def write_index(out: Path) -> Path:
    """Writes the page over every report in a folder of builds; those that cannot be read are left out."""
    place, found = out / "index.html", sorted(out.glob("*/*/report.json"))
    seen = [p.stat().st_mtime_ns for p in (*found, *(f.parent.parent for f in found))]
    if found and place.is_file() and place.stat().st_mtime_ns > max(seen, default=0):
        return place
    reports: dict[tuple[str, str], Report] = {}
    for file in found:
        with contextlib.suppress(OSError, *DAMAGE):
            reports[file.parts[-3], file.parts[-2]] = msgspec.json.decode(file.read_bytes(), type=Report)
    words = Counter(report.verdict for report in reports.values())
    page = (
        templates()
        .get_template("index.html.jinja")
        .render(
            targets=sorted({target for target, _ in reports}),
            models=sorted({model for _, model in reports}),
            reports=reports,
            verdicts=[(word, words[word]) for word in ("fail", "inconclusive", "skipped", "pass")],
        )
    )
    write(place, page.encode())
    return place
