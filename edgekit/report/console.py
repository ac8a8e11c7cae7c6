"""What a person sees on the terminal: a build's progress and report, and the results of the other tasks."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgekit.report.markdown import remarks
from edgekit.report.text import one_line, printable, shown
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.commands.ccode import Written
    from edgekit.commands.check import Checked
    from edgekit.commands.compare import Change, Compared
    from edgekit.commands.inspect import Inspection, Support
    from edgekit.commands.release import Verified
    from edgekit.commands.shrink import Shrunk
    from edgekit.records.history import Entry
    from edgekit.report.types import Report
    from edgekit.types import Measurement, StageRow

STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "skipped": "dim"}


class Progress:
    """Tells what a build does: a line for each step, and a bar while one takes its time.

    The bar is drawn on a terminal only. `quiet` says nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._said: set[str] = set()

    def headline(self, text: str) -> None:
        """See `edgekit.engine.make.Listener`."""
        if not self._quiet:
            print(one_line(text), flush=True)

    def note(self, text: str) -> None:
        """See `edgekit.engine.make.Listener`. Each is said once, and never amid the JSON."""
        if text not in self._said:
            self._said.add(text)
            print(one_line(f"note: {text}"), file=sys.stderr, flush=True)

    def begin(self, name: str) -> None:
        """See `edgekit.engine.make.Listener`."""
        if self._quiet or not sys.stderr.isatty():
            return
        from rich import progress
        from rich.console import Console

        columns = [
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.fields[text]}"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
        ]
        self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.add_task(f"{name:<18}", total=None, text="")
        self._bar.start()

    def progress(self, text: str, share: float) -> None:
        """See `edgekit.engine.make.Listener`."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=share, total=1.0, text=one_line(text))

    def end(self, row: StageRow) -> None:
        """See `edgekit.engine.make.Listener`."""
        self.close()
        if not self._quiet:
            size = show(row.bytes, "B") if row.bytes else ""
            line = f"  {row.name:<22} {row.status:<7} {row.seconds:7.2f} s  {size:>10}  {row.reason}"
            print(printable(line.rstrip(), len(line)), flush=True)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.stop()
            self._bar = None


@shown
def print_json(value: Any) -> None:
    """Prints a result as JSON: a single one of a list as itself."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=float), indent=2).decode())


@shown
def print_reports(reports: Sequence[Report], out: Path) -> None:
    """The budget of each build, and where its files are."""
    for report in reports:
        folder = out / report.target.name / report.model.name
        print(f"\n{report.target.name}: {report.model.name}: {report.verdict}  ({folder})")
        for note in report.notes:
            print(f"note: {note}")
        print_table(
            ["budget", "limit", "value", "headroom", "verdict", "source"],
            [
                [
                    line.name,
                    show(line.limit, line.unit),
                    show(line.value, line.unit),
                    "–" if line.headroom is None else f"{line.headroom:.0f} %",
                    line.verdict,
                    "; ".join(filter(None, (line.source if line.value is not None else line.reason, *remarks(line)))),
                ]
                for line in report.budget
            ],
            right=(1, 2, 3),
        )
    if reports:
        machine = reports[0].machine
        print(f"\nTimes and resident memory are those of this machine ({machine.cpu}), not of the device.")


@shown
def print_commands(reports: Sequence[Report], out: Path, baseline: str) -> None:
    """What to type to get each figure again."""
    for report in reports:
        file = out / report.target.name / report.model.name / "model.tflite"
        runtimes = dict.fromkeys(m.engine for m in report.measurements if m.runtime)
        sets = "".join(f" --set={shlex.quote(o)}" for o in report.target.overrides if not o.startswith("recipe "))
        held = f" --baseline={baseline}" if baseline else ""
        build = f"edgekit build --target={report.target.name} --model={report.model.name}{held}{sets}"
        print(f"\n{report.target.name}: {report.model.name}")
        for words, command in (
            ("size, operators, multiply-accumulates", f"edgekit inspect {file}"),
            ("latency and memory", f"edgekit bench {file} " + " ".join(f"--runtime={r}" for r in runtimes)),
            ("everything timed again", f"{build} --remeasure"),
            ("everything made again, and compared", f"edgekit check --target={report.target.name} --rebuild"),
        ):
            print(f"  {words + ':':<40} {command}")


@shown
def print_checks(checks: Sequence[Checked]) -> None:
    """The gate's findings."""
    for found in checks:
        print(f"{found.target}: {found.model}: {found.verdict}")
        for said in (*found.problems, *found.notes):
            print(f"  {said}")


@shown
def print_verified_release(archive: str, found: Verified) -> None:
    """What a look at an archive gave."""
    if found.problems:
        print(*found.problems, sep="\n")
    elif found.signed:
        print(f"{archive}: as it was built, and signed: {', '.join(found.builds)}")
    else:
        print(f"{archive}: whole: {', '.join(found.builds)}; who made it only --key=PEM tells")


@shown
def print_shrunk(found: Shrunk) -> None:
    """What shrinking a file bought, and what proves it."""
    saved = 100 * (1 - found.after / found.before)
    print(f"{found.path}: {found.before:,} → {found.after:,} B, {saved:.1f} % less")
    if found.macs[0] != found.macs[1]:
        print(f"  multiply-accumulates: {found.macs[0]:,} → {found.macs[1]:,}")
    if found.carried:
        print(f"  carried along: {found.carried}")
    for runtime, said in found.proven.items():
        print(f"  {runtime + ':':<16} {said}")
    if not found.kept:
        print("  so the original was written")


@shown
def print_ccode(found: Written) -> None:
    """What standalone C of a model needs."""
    print(*found.files, sep="\n")
    print(
        f"  arena:     {found.arena:,} B of RAM; {found.bound:,} B are in use at once, during {printable(found.peak)}"
    )
    less = "" if found.saved is None else f", {found.saved:,} B less by tables"
    print(f"  constants: {found.constants:,} B of flash{less}")
    print(f"  operators: {len(found.operators)}")
    if found.library:
        print(f"  CMSIS-NN:  {len(found.library)} files to compile with it, headers in {', '.join(found.includes)}")
        print(*(f"    {file}" for file in found.library), sep="\n")


@shown
def print_history(entries: Sequence[Entry]) -> None:
    """Builds in the order in which they were made."""
    names = list(dict.fromkeys(name for entry in entries for name in entry.figures))

    def cell(entry: Entry, name: str) -> str:
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


@shown
def print_comparison(found: Compared) -> None:
    """Figures before and after, and what explains them."""
    print(f"{found.before} → {found.after}{': the same file' if found.same_file else ''}")
    print_table(
        ["figure", "before", "after", "change", "", "runtime"],
        [
            [
                change.name,
                show(change.before, change.unit),
                show(change.after, change.unit),
                _change(change),
                change.note or ("" if change.apart or change.before == change.after else "within the intervals"),
                change.runtime,
            ]
            for change in found.figures
        ],
        right=(1, 2, 3),
    )
    if found.reasons:
        print()
        print_table(["why", ""], [[reason.kind, printable(reason.what, 300)] for reason in found.reasons])


def _change(change: Change) -> str:
    if change.before is None or change.after is None or change.before == change.after:
        return ""
    by = change.after - change.before
    if change.unit in ("%", "points") or not change.before:
        return f"{by:+.2f}"
    return f"{100 * by / change.before:+.1f} %"


@shown
def print_measurements(measurements: Sequence[Measurement]) -> None:
    """Measurements as a table."""
    print_table(
        ["measurement", "value", "95 % interval", "runs", "runtime"],
        [
            [
                m.name,
                show(m.value, m.unit),
                f"{show(m.low, m.unit)} … {show(m.high, m.unit)}" if m.low is not None else "",
                f"{m.samples:,}" if m.samples > 1 else "",
                m.runtime if m.value is not None else f"{m.runtime}: {m.reason}",
            ]
            for m in measurements
        ],
        right=(1, 3),
    )


@shown
def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """A table; verdicts are coloured on a terminal, unless NO_COLOR is set."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name in enumerate(head):
        # On a terminal long texts fold; in a file or a pipe a row is a line.
        table.add_column(name, justify="right" if column in right else "left", no_wrap=column + 1 < len(head))
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console = Console(highlight=False)
    console.on_broken_pipe = _closed  # type: ignore[method-assign]  # rich ends the process with 1: "budget broken"
    if not console.is_terminal:
        console.width = 400
    console.print(table)


def _closed() -> None:
    raise BrokenPipeError


@shown
def print_inspection(found: Inspection) -> None:
    """A model file: its ends, its parts, and their sums."""
    print(f"{found.path}: {found.format}, {show(found.bytes, 'B')} ({found.bytes:,} B), SHA-256 {found.sha256}")
    for word, specs in (("input", found.inputs), ("output", found.outputs)):
        for spec in specs:
            shape = "x".join("?" if n < 0 else str(n) for n in spec.shape)
            scale = f", scale {spec.scale:.9g}, zero point {spec.zero_point}" if spec.scale else ""
            print(f"{word:<7} {printable(spec.name)}: {spec.dtype} {shape}{scale}")
    rows = [
        [printable(p.name), p.kind, p.output, f"{p.parameters:,}", "" if p.macs is None else f"{p.macs:,}"]
        for p in found.parts
    ]
    total = "" if found.macs is None else f"{found.macs:,}"
    rows.append(["total", "", "", f"{found.parameters:,}", total])
    print_table(["name", "kind", "output", "parameters", "multiply-accumulates"], rows, right=(3, 4))
    for note in found.notes:
        print(f"note: {printable(note, 300)}")
    if found.targets:
        print()
        support = [[s.target, s.runtime, "; ".join(_support(s))] for s in found.targets]
        print_table(["target", "runtime", "what it would make of this model"], support)


def _support(found: Support) -> list[str]:
    said = ["operators not known"] if found.lacking is None else []
    if found.lacking:
        said = [f"no kernel for {', '.join(map(printable, found.lacking))}"]
    said += [f"over budget: {line}" for line in found.over]
    said += [f"{technique} leaves {', '.join(map(printable, names))}" for technique, names in found.left.items()]
    return said or ["runs it"]
