"""What a build says while it works: a line for each part of the flow, and a bar for what takes its time."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edgekit.report.text import one_line, printable
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.types import StageRow

PATIENCE = 1.0
"""Seconds after which a step gets a bar."""
WORDS = 44
"""Characters of what a part did: with its figures a line has less than 80."""


class Progress:
    """Tells what a build does. A part is said when its steps are done, and those that only find what was made before
    when the first step is made after them: a build with nothing to do says no more than that.

    Args:
      quiet: say nothing.
      verbose: say every step, too, when it is done.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._bar: _Bar | None = None
        self._noted: set[str] = set()
        self._headline = ""
        self._waiting: list[str] = []
        """The last headline and the parts below it, while they are not said."""
        self._rows: list[StageRow] = []
        """Since the last part."""
        self._steps, self._said = 0, False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._clear()
        if kind is None and self._steps and not self._said:
            self._print(f"nothing to do: all {self._steps} steps were done before")

    def headline(self, text: str) -> None:
        """See `edgekit.engine.make.Listener`."""
        if text == self._headline:
            return
        self._headline = text
        self._rows.clear()
        self._waiting = [one_line(text)]  # under the one before there was nothing to do
        if self._verbose:
            self._flush()

    def note(self, text: str) -> None:
        """See `edgekit.engine.make.Listener`. Each is said once, and never amid the JSON."""
        if text not in self._noted:
            self._clear()
            self._noted.add(text)
            print(one_line(f"note: {text}"), file=sys.stderr, flush=True)

    def begin(self, name: str, usual: float = 0.0) -> None:
        """See `edgekit.engine.make.Listener`."""
        self._clear()
        self._flush()
        if not self._quiet and sys.stderr.isatty():
            self._bar = _Bar(name, usual)

    def progress(self, text: str, share: float) -> None:
        """See `edgekit.engine.make.Listener`."""
        if self._bar:
            self._bar.update(text, share)

    def end(self, row: StageRow) -> None:
        """See `edgekit.engine.make.Listener`."""
        self._clear()
        self._rows.append(row)
        self._steps += 1
        if self._verbose:
            size = show(row.bytes, "B") if row.bytes else ""
            self._print(f"  {row.name:<22} {row.status:<7} {row.seconds:7.2f} s  {size:>10}  {row.reason}".rstrip())

    def done(self, text: str, size: int = 0, accuracy: float | None = None) -> None:
        """See `edgekit.engine.make.Listener`."""
        from rich.text import Text

        built = [row.seconds for row in self._rows if row.status == "built"]
        self._rows.clear()
        words = Text(one_line(text))
        words.truncate(WORDS, overflow="ellipsis", pad=True)
        took = f"{sum(built):.1f} s" if built else "cached"
        line = f"  {words.plain} {took:>8}  {show(size, 'B') if size else '':>9}"
        self._say(f"{line}  {'' if accuracy is None else show(accuracy, '%'):>8}".rstrip())

    def _say(self, line: str) -> None:
        if self._waiting:
            self._waiting.append(line)
        else:
            self._print(line)

    def _flush(self) -> None:
        """Says what waits."""
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            self._print(line)

    def _print(self, line: str) -> None:
        self._clear()
        self._said = True
        if not self._quiet:
            print(printable(line, len(line)), flush=True)

    def _clear(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.close()
            self._bar = None


class TimeLeft:
    """How long a step will take.

    Args:
      start: when it began, in seconds.
      usual: seconds that it took last time, 0 where that is not known.
    """

    def __init__(self, start: float, usual: float) -> None:
        self._start, self._usual = start, usual
        self._first: tuple[float, float] | None = None
        self.share = 0.0
        self._end = start + usual if usual else None

    def update(self, now: float, share: float) -> None:
        """A share of the work, 0 to 1, is done: from the second one on the pace is known, without what came before the
        first, such as the import of a library."""
        self.share = share
        if self._first is None or share <= self._first[1]:
            self._first = now, share
            return
        then, begun = self._first
        self._end = now + (now - then) * (1 - share) / (share - begun)

    def done(self, now: float) -> float:
        """The share that is done, 0 where it is not known."""
        return self.share or (min((now - self._start) / self._usual, 0.99) if self._usual else 0.0)

    def said(self, now: float) -> str:
        """As in "12 s, 8 s left"; without what is left where that is not known, or has gone by."""
        passed = f"{now - self._start:.0f} s"
        return f"{passed}, {_long(self._end - now)} left" if self._end is not None and self._end > now else passed


def _long(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Bar:
    """A bar of one step, on a terminal.

    Args:
      name: of the step.
      usual: seconds that it took last time, 0 where that is not known: by these it is drawn where it tells no share.
    """

    def __init__(self, name: str, usual: float) -> None:
        from rich.console import Console
        from rich.live import Live

        self._name, self._text, self._start = printable(name), "", monotonic()
        self._left = TimeLeft(self._start, usual)
        console = Console(stderr=True)
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._shown = not console.is_dumb_terminal
        if self._shown:
            self._live.start()

    def update(self, text: str, share: float) -> None:
        """What goes on, and the share that is done, 0 to 1."""
        self._text = one_line(text)
        self._left.update(monotonic(), share)

    def close(self) -> None:
        """Takes it away."""
        if self._shown:
            self._live.stop()

    def _drawn(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now = monotonic()
        if now - self._start < PATIENCE:
            return Text("")
        share = self._left.done(now)
        row = Table.grid(padding=(0, 1))
        for width in (24, 24, 10, 16):
            row.add_column(no_wrap=True, overflow="ellipsis", max_width=width)
        bar = ProgressBar(total=1.0, width=10, completed=share, pulse=not share, animation_time=now)
        row.add_row(Text(f"  {self._name}"), Text(self._text), bar, Text(self._left.said(now), style="dim"))
        return row
