"""`report.html`: one page without network or scripts, for people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from edgekit.flatbuffer.anatomy import Anatomy
from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.intervals import SHARES
from edgekit.measure.limits import AT_LEAST, DEVICES
from edgekit.report import conformance, device, receipt
from edgekit.report.extras import Extras
from edgekit.report.text import headroom, printable, remarks
from edgekit.report.treemap import treemap
from edgekit.report.types import Distribution, HistoryEntry, Report
from edgekit.types import BudgetLine, Measurement
from edgekit.units import show

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "skipped": "–"}
WIDTH, HEIGHT = 960, 300
"""Of drawings, in their own units; they scale with the page."""
KINDS = {"weights": "weights", "biases": "biases and other vectors", "quantization": "scales and zero points"}
TREND = ("model_size", "accuracy", "latency_p50", "arena")


def html(report: Report, extras: Extras) -> str:
    """The page; a part without data is absent."""
    import jinja2

    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"show": show, "marks": MARKS, "remarks": remarks, "headroom": headroom, "plain": _plain}
    return environment.get_template("report.html.jinja").render(
        report=report,
        limits=[_limit(line) for line in report.budget],
        accuracies=_accuracies(report),
        stages=report.stages,
        receipt=(receipt.HEAD, receipt.rows(receipt.receipt(report.measurements, report.shipped))),
        core=(device.CORE, device.core_rows(report.measurements)),
        npu=(device.NPU, device.npu_rows(report.npu)),
        conformance=(conformance.HEAD, conformance.rows(report.conformance)),
        runtimes=_runtimes(report),
        treemap=_treemap(extras.anatomy),
        kinds=_kinds(extras.anatomy),
        arena=_arena(extras.anatomy),
        anatomy=extras.anatomy,
        distributions=_distributions(report.distributions),
        differences=extras.differences,
        baseline=_baseline(report),
        trends=_trends(extras.trend),
        width=WIDTH,
        height=HEIGHT,
    )


def _plain(text: str) -> str:
    """A name of a file without characters that would change how the text around it reads."""
    return printable(text.split(";")[0], 80)


def _limit(line: BudgetLine) -> dict[str, Any]:
    """A bar on which the limit stands at three quarters of the width."""
    scale = 0.75 / abs(line.limit) if line.limit else 0.0
    value = None if line.value is None else min(1.0, max(0.0, line.value * scale))
    ends = [None if v is None else min(1.0, max(0.0, v * scale)) for v in (line.low, line.high)]
    return {"line": line, "value": value, "low": ends[0], "high": ends[1], "at_least": line.name in AT_LEAST}


def _accuracies(report: Report) -> list[dict[str, Any]]:
    """Accuracy of the float model, after each technique and of what ships, on one scale."""
    names = list(dict.fromkeys(m.artifact for m in report.measurements))
    found = []
    for name in sorted(names, key=lambda n: (n == "model", n == "baseline")):
        m = _first(report, "accuracy", name) or _first(report, "fidelity", name)
        if m and m.reason != NO_CLASSES and m.value is not None and m.low is not None and m.high is not None:
            found.append(m)
    if not found:
        return []
    low, high = min(m.low or 0 for m in found), max(m.high or 0 for m in found)
    spread = (high - low) or 1.0
    place = lambda v: 100 * (0.04 + 0.92 * (v - low) / spread)  # noqa: E731
    labels = {"model": "what ships", "float": "as it was given", "baseline": "baseline"}
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


def _runtimes(report: Report) -> list[dict[str, Any]]:
    """What each runtime measured of what ships; what simulates a device has tables of its own."""
    columns = (
        "accuracy",
        "fidelity",
        "accuracy_drop",
        "churn",
        "sqnr",
        "latency_p50",
        "load_time",
        "resident_memory",
        "arena",
    )
    measured = [m for m in report.measurements if m.artifact == "model" and not m.runtime.startswith(DEVICES)]
    names = dict.fromkeys(m.runtime for m in measured if m.runtime)
    cells = {runtime: {m.name: m for m in reversed(measured) if m.runtime == runtime} for runtime in names}
    used = [name for name in columns if any(name in of for of in cells.values())]
    rows = [{"runtime": runtime, "cells": {name: of.get(name) for name in used}} for runtime, of in cells.items()]
    return [{"columns": used, "rows": rows}] if rows else []


def _treemap(anatomy: Anatomy | None) -> list[dict[str, Any]]:
    if anatomy is None:
        return []
    sizes = [layer.weights + layer.biases for layer in anatomy.layers]
    rest: list[tuple[str, int]] = [
        ("scales and zero points", anatomy.quantization),
        ("names", anatomy.names),
        ("structure", anatomy.structure),
    ]
    boxes = treemap([*sizes, *(max(0, size) for _, size in rest)], WIDTH, HEIGHT)
    most = max([*sizes, 1])
    found = []
    for box in boxes:
        own = box.number < len(sizes)
        name = anatomy.layers[box.number].name if own else rest[box.number - len(sizes)][0]
        size = sizes[box.number] if own else rest[box.number - len(sizes)][1]
        shade = 15 + round(70 * math.sqrt(size / most)) if own else 0
        label = _plain(name) if box.width > 8 * min(len(name), 12) and box.height > 34 else ""
        fits = label[: max(1, int(box.width / 8))]
        found.append({"box": box, "name": _plain(name), "bytes": size, "shade": shade, "label": fits, "layer": own})
    return found


def _kinds(anatomy: Anatomy | None) -> list[tuple[str, int]]:
    if anatomy is None:
        return []
    named = [(words, getattr(anatomy, name)) for name, words in KINDS.items()]
    return [*named, ("names of tensors", anatomy.names), ("structure and padding", anatomy.structure)]


def _arena(anatomy: Anatomy | None) -> list[dict[str, Any]]:
    """A bar for each operator, as high as the memory that is in use."""
    peak = anatomy.peak if anatomy else None
    if anatomy is None or peak is None or not peak.live:
        return []
    step = WIDTH / len(anatomy.layers)
    return [
        {
            "layer": layer,
            "x": n * step,
            "width": max(0.5, step - min(2.0, step / 4)),
            "height": (HEIGHT - 40) * layer.live / peak.live,
            "peak": layer is peak,
        }
        for n, layer in enumerate(anatomy.layers)
    ]


def _distributions(found: list[Distribution]) -> list[dict[str, Any]]:
    """Boxes from the first to the third quarter, whiskers from 1 to 99 %, a dot for each process; on one log scale."""
    found = [d for d in found if d.rounds]
    if not found:
        return []
    at = {share: SHARES.index(share) for share in (0.01, 0.25, 0.5, 0.75, 0.99)}
    values = [value for d in found for row in d.rounds for value in (row[at[0.01]], row[at[0.99]])]
    low, high = math.log10(min(values)), math.log10(max(values))

    def x(value: float) -> float:
        return 200 + (WIDTH - 240) * (math.log10(value) - low) / ((high - low) or 1)

    def middle(d: Distribution, share: float) -> float:
        ordered = sorted(row[at[share]] for row in d.rounds)
        return float(ordered[len(ordered) // 2])

    return [
        {
            "d": d,
            "median": middle(d, 0.5),
            "x": {name: x(middle(d, share)) for name, share in zip(("w0", "q1", "q2", "q3", "w1"), at, strict=True)},
            "dots": [x(row[at[0.5]]) for row in d.rounds],
        }
        for d in found
    ]


def _baseline(report: Report) -> list[dict[str, Any]]:
    if report.baseline is None:
        return []
    now = {m.name: m for m in reversed(report.measurements) if m.artifact == "model"}
    rows = []
    for old in report.baseline.measurements:
        new, change = now.get(old.name), now.get(f"{old.name}_change")
        if new and new.value is not None and old.value is not None:
            by = f"{100 * (new.value / old.value - 1):+.1f} %" if old.value and old.unit not in ("%", "points") else ""
            by = by or f"{new.value - old.value:+.2f}"
            if old.unit == "ns":
                by = f"{change.value:+.1f} % in the same rounds" if change and change.value is not None else "–"
            rows.append({"name": old.name, "old": old, "new": new, "by": by})
    return rows


def _trends(entries: list[HistoryEntry]) -> list[dict[str, Any]]:
    """Lines of the builds before, one for each figure that was ever another."""
    trends = []
    for name in TREND:
        figures = [entry.figures[name] for entry in entries if name in entry.figures]
        values = [figure.value for figure in figures]
        if len(set(values)) < 2:
            continue
        low, high = min(values), max(values)
        points = [(10 + 280 * n / (len(values) - 1), 60 - 50 * (v - low) / (high - low)) for n, v in enumerate(values)]
        trends.append({"name": name, "points": points, "first": figures[0], "last": figures[-1], "count": len(values)})
    return trends
