"""What a person sees while a search runs."""

from __future__ import annotations

from edgekit.engine.make import Listener, Silent
from edgekit.profile.target import Target
from edgekit.solve.judged import called, quality
from edgekit.solve.search import Search
from edgekit.solve.trials import spelled
from edgekit.solve.types import Outcome
from edgekit.types import StageRow
from edgekit.units import show


class Teller(Silent):
    """Tells a line for each trial, and where the search stands while one takes its time."""

    def __init__(self, ui: Listener, target: Target) -> None:
        self.ui, self.target, self._stands = ui, target, ""
        self.elsewhere = False
        """Whether workers make the trials, whose stages nobody tells of."""

    def counts(self, search: Search, left: float) -> None:
        """Where the search stands.

        Args:
          left: seconds.
        """
        done = search.outcomes
        dropped = sum(o.state in ("dropped", "beaten") for o in done)
        best = f"best {_figures(search.best)}; " if search.best else ""
        time = f", {left / 60:.0f} min left" if self.target.solve.trials is None else f" of {self.target.solve.trials}"
        self._stands = f"{best}trial {len(done)}{time}, {dropped} dropped"

    def told(self, outcome: Outcome) -> None:
        """What became of a trial."""
        if outcome.state == "failed":
            self.note(f"a trial failed: {outcome.reason}")
        found = quality(outcome.measurements) if outcome.epochs else None
        accuracy = found.value if found and found.unit == "%" else None
        if self.elsewhere:
            self.ui.end(StageRow(f"trial {outcome.number}", "built", outcome.seconds, 0))
        size = int(outcome.value("model_size") or 0)
        said = f", {called(found)} {show(found.value, found.unit)}" if found and accuracy is None else ""
        self.ui.done(f"trial {outcome.number} {became(outcome)}{said}", size, accuracy)

    def note(self, text: str) -> None:
        """See `edgekit.engine.make.Listener`."""
        self.ui.note(text)

    def begin(self, name: str, usual: float = 0.0) -> None:
        """A stage of a trial."""
        self.ui.begin(name, usual)

    def progress(self, text: str, share: float) -> None:
        """How far it is, and where the search stands."""
        self.ui.progress(self._stands or text, share)

    def end(self, row: StageRow) -> None:
        """It was made or found."""
        self.ui.end(row)


def became(outcome: Outcome) -> str:
    """How a trial ended, in few words; the page has all."""
    if outcome.state == "stopped":
        return f"stopped after {spelled(outcome.epochs)}"
    if outcome.state == "beaten":
        return "beaten: no cheaper than the best"
    if outcome.state == "failed" or not outcome.reason:
        return outcome.state
    first, *others = (part.split(" ")[0] for part in outcome.reason.split(", "))
    word = "dropped for" if outcome.state == "dropped" else "misses"
    return f"{word} {first}{f', {len(others)} more' if others else ''}"


def _figures(outcome: Outcome) -> str:
    """The figures of a trial in a few words."""
    shown = {m.name: m for m in reversed(outcome.measurements) if m.artifact == "model"}
    words = [show(m.value, m.unit) for n in ("model_size",) if (m := shown.get(n))]
    if outcome.epochs:
        found = quality(outcome.measurements)
        words.append(f"{called(found)} {show(found.value, found.unit)}")
    return ", ".join(words)
