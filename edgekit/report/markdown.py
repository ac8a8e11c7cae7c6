"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.report.types import Report
from edgekit.units import show


def markdown(report: Report) -> str:
    """`report.md`."""
    host = report.machine
    parts = [
        f"# {_text(report.model.name)} for {_text(report.target.name)}: {report.verdict}",
        _text(report.target.description),
        *(f"> {_text(note)}" for note in report.notes),
        "## Budget",
        table(
            ["budget", "limit", "value", "headroom", "verdict", "source"],
            [
                [
                    line.name,
                    show(line.limit, line.unit),
                    show(line.value, line.unit),
                    "–" if line.headroom is None else f"{line.headroom:.0f} %",
                    f"**{line.verdict}**" if line.verdict != "pass" else line.verdict,
                    " ".join(filter(None, (line.source, line.reason))),
                ]
                for line in report.budget
            ],
        ),
        "## Stages",
        table(
            ["stage", "status", "seconds", "size", "accuracy", "why"],
            [
                [r.name, r.status, f"{r.seconds:.2f}", show(r.bytes, "B"), _percent(r.accuracy), r.reason]
                for r in report.stages
            ],
        ),
        "## Measurements",
        table(
            ["measurement", "of", "value", "95 % interval", "samples", "runtime", "note"],
            [
                [
                    m.name,
                    m.artifact,
                    show(m.value, m.unit),
                    f"{show(m.low, m.unit)} … {show(m.high, m.unit)}" if m.low is not None else "",
                    f"{m.samples:,}",
                    m.runtime,
                    m.reason,
                ]
                for m in report.measurements
            ],
        ),
        f"Measured on {host.cpu}, {host.cores} cores, {host.system}, {host.python}; runtimes with {report.threads} "
        f"thread{'s' * (report.threads > 1)}. Times and resident memory are this machine's, not the device's.",
        "## Files",
        table(["file", "bytes", "SHA-256"], [[a.path, f"{a.bytes:,}", f"`{a.sha256}`"] for a in report.artifacts]),
        f"Model: `{_text(report.model.source)}` ({_text(report.model.format)}), {report.model.parameters:,} "
        f"parameters, {report.model.macs:,} multiply-accumulates, SHA-256 `{report.model.sha256}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; what would break it is escaped."""
    lines = [head, ["---"] * len(head), *[[_text(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} %"
