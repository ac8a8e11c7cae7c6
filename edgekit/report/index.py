"""`DIR/index.html`: all builds of a folder, models against targets."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from edgekit.files import DAMAGE, write
from edgekit.report.html import MARKS
from edgekit.report.types import Report
from edgekit.units import show


def write_index(out: Path) -> Path:
    """Writes the page over every report in a folder of builds; those that cannot be read are left out."""
    place, found = out / "index.html", sorted(out.glob("*/*/report.json"))
    seen = [p.stat().st_mtime_ns for p in (*found, *(f.parent.parent for f in found))]
    if found and place.is_file() and place.stat().st_mtime_ns > max(seen, default=0):
        return place
    import jinja2

    reports: dict[tuple[str, str], Report] = {}
    for file in found:
        with contextlib.suppress(OSError, *DAMAGE):
            reports[file.parts[-3], file.parts[-2]] = msgspec.json.decode(file.read_bytes(), type=Report)
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.globals |= {"show": show, "marks": MARKS}
    page = environment.get_template("index.html.jinja").render(
        targets=sorted({target for target, _ in reports}),
        models=sorted({model for _, model in reports}),
        reports=reports,
    )
    write(place, page.encode())
    return place
