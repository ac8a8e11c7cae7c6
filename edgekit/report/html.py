"""`report.html`: one page without network or scripts, for people."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.limits import AT_LEAST, DEVICES
from edgekit.report import charts, conformance, device, receipt
from edgekit.report.changes import FOLDED, Change, against_baseline, valued
from edgekit.report.extras import Extras
from edgekit.report.text import headroom, printable, remarks
from edgekit.report.types import Report
from edgekit.report.verdict import sentence
from edgekit.types import BudgetLine, Measurement
from edgekit.units import show

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "skipped": "–"}
LONGEST = 100
"""Characters of a name; of a longer one the middle is left out."""
CHANGES = 6
"""Since the baseline,"""
NOTES = 3
"""and notes that are open at once."""
CLASSES = 20
"""Of which figures are open at once; of more those that lost most."""
COST = ("latency_p50", "load_time", "resident_memory", "arena")
RUNTIME = ("accuracy", "fidelity", "accuracy_drop", "churn", "sqnr", *COST)
OUTPUT = ("accuracy", "accuracy_drop", "metric", "metric_loss", "fidelity", "churn", "sqnr", "lost_outputs")


def html(report: Report, extras: Extras) -> str:
    """The page; a part without data is absent."""
    environment = templates()
    environment.globals["label"] = functools.partial(label, extras.labels)
    return environment.get_template("report.html.jinja").render(
        report=report,
        sentence=sentence(report).partition(": ")[2],
        limits=[_limit(line) for line in report.budget],
        changes=_changes(report),
        accuracies=_accuracies(report),
        outputs=_outputs(report, extras.outputs),
        differences=extras.differences,
        classes=_classes(extras),
        device=_device(report),
        core=device.core(report.measurements),
        npu=device.npu(report.npu),
        receipt=(receipt.HEAD, receipt.rows(receipt.receipt(report.measurements, report.shipped))),
        conformance=(conformance.HEAD, conformance.rows(report.conformance)),
        runtimes=_runtimes(report),
        anatomy=extras.anatomy,
        boxes=charts.size_boxes(extras.anatomy),
        kinds=charts.kinds(extras.anatomy),
        memory=charts.ticks(extras.anatomy.peak.live, "B") if extras.anatomy and extras.anatomy.peak else [],
        distributions=charts.distributions(report.distributions),
        trends=charts.trends(extras.trend),
    )


def templates() -> Any:
    """The templates beside this file, which escape whatever they are given."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = {"show": show, "remarks": remarks, "headroom": headroom, "short": short, "name": name, "valued": valued}
    environment.globals |= named | {"marks": MARKS, "CHANGES": CHANGES, "NOTES": NOTES, "CLASSES": CLASSES}
    return environment


def short(text: str, longest: int = LONGEST) -> str:
    """A name without characters that would change how the text around it reads; of a long one the two ends."""
    half = (longest - 1) // 2
    text = text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
    return printable(text, longest)


def name(text: str) -> Any:
    """A name in a table: `short`, and broken between its parts rather than within them."""
    from markupsafe import Markup, escape

    return escape(short(text)).replace("_", Markup("_<wbr>")).replace("/", Markup("/<wbr>"))


def label(labels: Sequence[str], number: int) -> str:
    """What a class is called."""
    return short(labels[number], 40) if number < len(labels) else str(number)


def _limit(line: BudgetLine) -> dict[str, Any]:
    """A bar on which the limit stands at three quarters of the width."""
    scale = 75 / abs(line.limit) if line.limit else 0.0
    ends = [None if v is None else min(100.0, max(0.0, v * scale)) for v in (line.value, line.low, line.high)]
    least = line.name.partition(".")[0] in AT_LEAST
    return {"line": line, "value": ends[0], "low": ends[1], "high": ends[2], "least": least}


def _changes(report: Report) -> tuple[list[Change], int]:
    """What changed since the baseline, in the order in which a reader wants it; and how many figures are left out."""
    found = [c for c in against_baseline(report) if not c.name.startswith(device.OF)]
    shown = [c for c in found if c.place < FOLDED or c.effect in ("worse", "better", "changed")]
    return shown, len(found) - len(shown)


def _accuracies(report: Report) -> list[dict[str, Any]]:
    """Accuracy of the float model, after each technique and of what ships, on one scale."""
    names = list(dict.fromkeys(m.artifact for m in report.measurements))
    found = []
    for name in sorted(names, key=lambda n: (n == "model", n == "baseline", n != "original")):
        m = _first(report, "accuracy", name) or _first(report, "fidelity", name)
        if m and m.reason != NO_CLASSES and m.value is not None and m.low is not None and m.high is not None:
            found.append(m)
    if not found:
        return []
    low, high = min(m.low or 0 for m in found), max(m.high or 0 for m in found)
    spread = (high - low) or 1.0
    place = lambda v: 100 * (0.04 + 0.92 * (v - low) / spread)  # noqa: E731
    labels = {"model": "what ships", "original": "as it was given", "float": "as float .tflite", "baseline": "baseline"}
    return [
        {
            "name": labels.get(m.artifact, f"after {m.artifact}"),
            "m": m,
            "low": place(m.low),
            "high": place(m.high),
            "at": place(m.value),
        }
        for m in found
    ]


def _first(report: Report, name: str, artifact: str) -> Measurement | None:
    return next((m for m in report.measurements if (m.name, m.artifact) == (name, artifact)), None)


def _outputs(report: Report, names: Sequence[str]) -> dict[str, Any] | None:
    """What is known of each output, where there are several or one is no class."""
    own = [m for m in report.measurements if m.artifact == "model" and m.engine == report.shipped]
    told = {m.name: m for m in reversed(own) if m.reason != NO_CLASSES}
    rows: list[dict[str, Any]] = []
    for number, output in enumerate(names):
        ending = f".{output}" if number else ""
        rows.append({"name": output, "cells": {name: told.get(name + ending) for name in OUTPUT}})
    used = [name for name in OUTPUT if any(row["cells"][name] for row in rows)]
    plain = len(rows) == 1 and rows[0]["cells"]["accuracy"] and not rows[0]["cells"]["metric"]
    return {"columns": used, "rows": rows} if used and not plain else None


def _classes(extras: Extras) -> list[Any]:
    """Figures of the classes; of many those first that lost most."""
    found = extras.differences.confusion.classes if extras.differences and extras.differences.confusion else []
    if len(found) <= CLASSES:
        return found
    return sorted(found, key=lambda c: (c.found or 0) - (c.found_before or 0) if c.samples else 100)


def _device(report: Report) -> list[Measurement]:
    """Figures of the device as a whole: simulated, or estimated from that."""
    found = [m for m in report.measurements if m.runtime.startswith(DEVICES) and m.artifact == "model"]
    found = [m for m in found if m.value is not None and not m.name.endswith("_change")]
    return sorted(found, key=lambda m: not m.name.startswith("latency"))


def _runtimes(report: Report) -> dict[str, Any] | None:
    """What each runtime measured of what ships; what simulates a device has tables of its own."""
    measured = [m for m in report.measurements if m.artifact == "model" and not m.runtime.startswith(DEVICES)]
    measured = [m for m in measured if m.reason != NO_CLASSES]
    names = dict.fromkeys(m.runtime for m in measured if m.runtime)
    cells = {runtime: {m.name: m for m in reversed(measured) if m.runtime == runtime} for runtime in names}
    used = [name for name in RUNTIME if any(name in of for of in cells.values())]
    rows = [{"name": runtime, "cells": {name: of.get(name) for name in used}} for runtime, of in cells.items()]
    return {"columns": used, "rows": rows} if rows and used else None
