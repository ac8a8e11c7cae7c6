"""What a person sees on the terminal: a build's progress and report, and the results of the other tasks."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgekit.report.markdown import remarks
from edgekit.report.text import headroom, one_line, printable, shown
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.report.types import Report
    from edgekit.types import StageRow

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
                    headroom(line),
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
