"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit.report import conformance, device, receipt
from edgekit.report.changes import against_baseline
from edgekit.report.comment import change_tables
from edgekit.report.markup import marked, name, table, text
from edgekit.report.text import headroom, remarks
from edgekit.report.types import Report
from edgekit.types import BudgetLine, StageRow
from edgekit.units import show


def markdown(report: Report) -> str:
    """`report.md`."""
    host = report.machine
    parts = [
        f"# {text(report.model.name)} for {text(report.target.name)}: {report.verdict}",
        text(report.target.description),
        *(f"> {text(note)}" for note in report.notes),
        "## Budget",
        marked(
            ["budget", "limit", "value", "headroom", "verdict", "source"],
            [
                [
                    text(line.name),
                    show(line.limit, line.unit),
                    _valued(line),
                    headroom(line),
                    f"**{line.verdict}**" if line.verdict != "pass" else line.verdict,
                    text("; ".join(filter(None, (line.source, line.reason, *remarks(line))))),
                ]
                for line in report.budget
            ],
        ),
        _said(report),
        *_baseline(report),
        "## Stages",
        table(
            [
                "stage",
                "status",
                "seconds",
                "accuracy (95 % interval)",
                "`.tflite`",
                "deflated",
                "parameters",
                "not zero",
                "MACs",
                "latency",
                "why",
            ],
            [
                [
                    row.name,
                    row.status,
                    f"{row.seconds:.2f}",
                    _accuracy(row),
                    show(row.model_size, "B") if row.model_size else "",
                    show(row.download_size, "B") if row.download_size else "",
                    _count(row.parameters),
                    _count(row.nonzero),
                    _count(row.macs),
                    "" if row.latency_ratio is None else f"{row.latency_ratio:.2f}x",
                    row.reason,
                ]
                for row in report.stages
            ],
        ),
        "A stage's figures are those of its model as `.tflite`, float before quantization; latency is the median over "
        "that of the float model as it was given.",
        "\n".join(f"- {text(remark)}" for remark in report.remarks),
        *_receipt(report),
        *_rungs(report),
        *_core(report),
        *_npu(report),
        *_conformance(report),
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
                if not m.name.startswith(device.OF)
            ],
        ),
        text(
            f"Measured on {host.cpu}, {host.cores} cores ({host.cpus}, none pinned), {host.system}, {host.python}, "
            f"memory from {host.allocator or 'the system'}; runtimes with {report.threads} "
            f"thread{'s' * (report.threads > 1)}. Times and resident memory are this machine's, not the device's."
        ),
        "## Files",
        table(["file", "bytes", "SHA-256"], [[a.path, f"{a.bytes:,}", a.sha256] for a in report.artifacts]),
        f"Model: {name(report.model.source)} ({text(report.model.format)}), {report.model.parameters:,} "
        f"parameters, {report.model.macs:,} multiply-accumulates, SHA-256 `{report.model.sha256}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _said(report: Report) -> str:
    """Where the limits were said."""
    sources: dict[str, list[str]] = {}
    for limit, source in report.target.limits.items():
        sources.setdefault(source, []).append(limit)
    said = [f"{name(source)} ({', '.join(map(text, limits))})" for source, limits in sources.items()]
    return f"Limits from {', '.join(said)}." if said else ""


def append_summaries(place: Path, reports: Sequence[Report]) -> None:
    """Appends reports to a file, as GitHub Actions wants it of a step's summary."""
    with place.open("a", encoding="utf-8") as file:
        for report in reports:
            file.write(markdown(report) + "\n")


def _valued(line: BudgetLine) -> str:
    interval = f" ({show(line.low, line.unit)} … {show(line.high, line.unit)})" if line.low is not None else ""
    return show(line.value, line.unit) + interval


def _baseline(report: Report) -> list[str]:
    """What changed since the release that it was held against."""
    found = against_baseline(report)
    return [f"## Since the baseline {text(report.baseline.name)}", *change_tables(found)] if report.baseline else []


def _receipt(report: Report) -> list[str]:
    """What each technique bought."""
    lines = receipt.rows(receipt.receipt(report.measurements, report.shipped))
    said = "Each against the stage before it; latency in the runtime that ships. `=`: nothing changed."
    return ["## Receipt", said, table(receipt.HEAD, lines)] if lines else []


def _conformance(report: Report) -> list[str]:
    """Other runtimes against the one that ships."""
    if not report.conformance:
        return []
    said = f"The same evaluation samples in other runtimes, against {text(report.shipped)}, value by value."
    return ["## Runtimes compared", said, table(conformance.HEAD, conformance.rows(report.conformance))]


def _npu(report: Report) -> list[str]:
    """What the NPU's compiler expects, operator by operator."""
    if report.npu is None:
        return []
    npu = report.npu
    said = f"model_vela.tflite, compiled for {npu.npu} ({npu.system}, {npu.memory}). Cycles are estimates of Vela's."
    return ["## On the NPU", text(said), table(device.NPU, device.npu_rows(npu))]


def _core(report: Report) -> list[str]:
    """What the standalone C takes on a simulated core, operator by operator."""
    rows = device.core_rows(report.measurements)
    said = "Instructions of one inference of the standalone C, counted by QEMU."
    return ["## On the core", said, table(device.CORE, rows)] if rows else []


def _rungs(report: Report) -> list[str]:
    """The remedies that were tried."""
    if not report.rungs:
        return []
    rows = [
        [
            attempt.name,
            attempt.way,
            "" if attempt.lost is None else f"{attempt.lost:.2f} points",
            "" if attempt.sqnr is None else f"{attempt.sqnr:.1f} dB",
            show(attempt.bytes, "B") if attempt.bytes else "",
            f"{attempt.seconds:.1f} s",
            "yes" if attempt.kept else attempt.reason or "no",
        ]
        for attempt in report.rungs
    ]
    return [
        "## Remedies against the loss of quantization",
        "Each was tried on top of those that were kept, and judged on training samples that calibration has not seen.",
        table(["remedy", "change", "lost", "SQNR", "size", "took", "kept"], rows),
    ]


def _accuracy(row: StageRow) -> str:
    if row.accuracy is None:
        return ""
    interval = "" if row.accuracy_low is None else f" ({row.accuracy_low:.2f} … {row.accuracy_high:.2f})"
    return f"{row.accuracy:.2f} %{interval}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
