"""What a person sees on the terminal: what came of builds, and the results of the other tasks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgekit.report import verdict
from edgekit.report.text import shown
from edgekit.runtimes import RUNTIMES, SIMULATORS

if TYPE_CHECKING:
    from rich.console import Console

    from edgekit.report.types import Report

NARROW = 10
"""Columns that a text folds into at least."""
STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "skipped": "dim"}


@shown
def print_json(value: Any) -> None:
    """Prints a result as JSON: a single one of a list as itself."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=float), indent=2).decode())


@shown
def print_reports(
    reports: Sequence[Report], out: Path, given: str = "", where: str = "", verbose: bool = False
) -> None:
    """What came of builds: of one a sentence, its figures, and what to do next; of several a sentence each.

    Args:
      given, where: see `edgekit.report.verdict.advice`.
      verbose: print the figures of several, too.
    """
    for note in dict.fromkeys(note for report in reports for note in report.notes):
        of = [f"{report.target.name}: {report.model.name}" for report in reports if note in report.notes]
        print_folded(f"note: {note}" if len(of) == len(reports) else f"note: {', '.join(of)}: {note}")
    for report in reports:
        folder = out / report.target.name / report.model.name
        print_folded(
            f"{report.target.name}: {report.model.name}: {verdict.sentence(report)} ({folder})", report.verdict
        )
        if len(reports) == 1 or verbose:
            print_figures(report)
        for line in verdict.repeated(report):
            print_folded(f"  {line}")
    if verbose:
        for remark in dict.fromkeys(remark for report in reports for remark in report.remarks):
            print_folded(f"  {remark}")
    if len(reports) > 1:
        print_folded(verdict.overall(reports))
    if reports:
        last = max(reversed(reports), key=lambda report: verdict.ORDER.index(report.verdict))
        print_folded(f"next: {verdict.advice(last, out, given, where)}")


def print_figures(report: Report) -> None:
    """The budget, and figures without a limit, in as many words as the terminal is wide."""
    rows = verdict.rows(report)
    head = verdict.Row.__struct_fields__
    cells = [[getattr(row, name) for name in head] for row in rows]
    if _width(list(zip(head, *cells, strict=True))) > _console().width:
        cells = [[*row[:-1], verdict.in_a_word(row[-1])] for row in cells]
    print_table(head, cells, right=(1, 2, 3), spare=(5, 1, 3, 2))


def print_folded(text: str, word: str = "") -> None:
    """A sentence, folded on a terminal, where no word is broken: a path can be copied; `word` in it stands out."""
    from rich.cells import cell_len
    from rich.text import Text

    console, lead = _console(), text[: len(text) - len(text.lstrip())]
    lines: list[str] = []
    for part in text.split():
        if lines and cell_len(f"{lines[-1]} {part}") <= console.width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{lead}  {part}" if lines else lead + part)
    shown = Text("\n".join(lines))
    if word:
        shown.highlight_regex(rf"(?<=: ){word}(?=: )", STYLES[word])
    console.print(shown, soft_wrap=True)


@shown
def print_commands(reports: Sequence[Report], out: Path, baseline: str) -> None:
    """What to type to get each figure again."""
    for report in reports:
        file = out / report.target.name / report.model.name / "model.tflite"
        named = {m.engine for m in report.measurements}
        runtimes = [name for name in (*RUNTIMES, *SIMULATORS) if name in named]
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
def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), spare: Sequence[int] = ()
) -> None:
    """A table; verdicts are coloured on a terminal, unless NO_COLOR is set.

    Where a terminal is too narrow, columns are left out, then texts fold; where that does not suffice, each row is a
    paragraph. In a file or a pipe a row is a line.

    Args:
      right: the columns that are numbers, which never fold.
      spare: the columns that can be left out, the first one first.
    """
    from rich.table import Table
    from rich.text import Text

    console = _console()
    columns = dict(enumerate(zip(head, *rows, strict=True)))
    for n in spare:
        if _width(columns.values()) > console.width:
            del columns[n]
    texts = [n not in right for n in columns]
    if _width(columns.values(), texts) > console.width:
        names, *others = zip(*columns.values(), strict=True)
        for first, *cells in others:
            pairs = [f"{name} {cell}" for name, cell in zip(names[1:], cells, strict=True) if cell]
            print_folded(first)
            print_folded(f"  {', '.join(pairs)}")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for (name, *_), folds in zip(columns.values(), texts, strict=True):
        table.add_column(name, justify="left" if folds else "right", no_wrap=not folds, overflow="fold")
    for row in list(zip(*columns.values(), strict=True))[1:]:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(table)


def _width(columns: Iterable[Sequence[str]], folding: Iterable[bool] = ()) -> int:
    """Of a table, with two spaces between its columns.

    Args:
      folding: of each column, whether it may fold.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, cells)) for cells in columns]
    least = [min(w, NARROW) if folds else w for w, folds in zip_longest(widths, folding)]
    return sum(least) + 2 * len(least) - 2


def _console() -> Console:
    """Standard output. A file or a pipe folds nothing."""
    from rich.console import Console

    console = Console(highlight=False)
    console.on_broken_pipe = _closed  # type: ignore[method-assign]  # rich ends the process with 1: "budget broken"
    if not console.is_terminal:
        console.width = 400
    return console


def _closed() -> None:
    raise BrokenPipeError
