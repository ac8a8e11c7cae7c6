"""What a search says, as types. Published as `edgekit.solve/1`."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from edgekit.measure.limits import NAMED
from edgekit.types import BudgetLine, Measurement

SOLVE: Final = "edgekit.solve/1"
State = Literal["dropped", "beaten", "stopped", "trained", "failed"]
"""Of a trial: its costs broke a limit before it was trained; they were above those of one that holds every limit;
its training was ended early; it was trained in full; or it could not be built."""
Verdict = Literal["holds", "inconclusive", "none"]
WORDS: Final[dict[Verdict, str]] = {
    "holds": "holds every limit",
    "inconclusive": "is inconclusive: it holds every limit by its value, not with its interval",
    "none": "no recipe holds every limit",
}


class Outcome(Struct, frozen=True):
    """What became of a trial."""

    number: int
    choices: dict[str, Any]
    """By the parameter's name."""
    recipe: dict[str, Any]
    """As a profile has it, as far as it was trained."""
    state: State
    epochs: int
    """Of its training; 0 where there was none."""
    measurements: list[Measurement]
    """Of what would ship; accuracy is that on the held-out samples that the search chooses by."""
    lines: list[BudgetLine]
    """The limits that were held against them."""
    holds: bool
    """Whether every limit holds, so far as it was measured."""
    merit: float | None
    """What the search makes small; None where nothing was measured."""
    seconds: float
    reason: str = ""
    """Why it ended where it did."""
    sha256: str = ""
    """Of the `.tflite`, where it was trained in full."""
    rungs: dict[int, float] = {}
    """After so many epochs of a training, how far the quality was from what is wanted: more is worse."""
    front: bool = False
    """Whether none that was trained in full is both cheaper in every limited cost and more accurate."""

    def figure(self, name: str) -> Measurement | None:
        """A measurement of what ships, by its own name or by that of its limit."""
        name = NAMED.get(name, name)
        return next((m for m in self.measurements if m.name == name and m.artifact == "model"), None)

    def value(self, name: str) -> float | None:
        """Of a measurement of what ships."""
        found = self.figure(name)
        return found.value if found else None


class Finalist(Struct, frozen=True):
    """A trial that was judged in the end, by samples that chose nothing."""

    number: int
    lines: list[BudgetLine]
    holds: bool
    quality: Measurement
    """On those samples,"""
    searched: Measurement
    """on the samples that the search chose by,"""
    evaluated: Measurement | None = None
    """and on the evaluation set, which chooses nothing: of the winner alone."""


class Miss(Struct, frozen=True):
    """A recipe that breaks a limit by little, trained in full."""

    number: int
    """Of the trial."""
    recipe: dict[str, Any]
    measurements: list[Measurement]
    broken: list[BudgetLine]
    said: str
    """What would have to change for it to hold every limit."""


class Solution(Struct, frozen=True):
    """`solve.json`."""

    schema: Literal["edgekit.solve/1"]
    model: str
    target: str
    verdict: Verdict
    objective: str
    """What was to be best, in words."""
    minimized: list[str]
    """The costs that were to be low, the weightiest first."""
    winner: int | None
    """Number of the trial that won."""
    trials: list[Outcome]
    finals: list[Finalist]
    """In the order in which they were judged."""
    misses: list[Miss]
    """Where none holds every limit, what comes nearest to it;"""
    conflicts: list[str]
    """and which limits are in each other's way."""
    importances: dict[str, float]
    """Share of what each choice decided."""
    given: list[Measurement]
    """What the model as it was given costs, quantized and no more."""
    samples: tuple[int, int]
    """By how many the search chose, and how many judged in the end."""
    seed: int
    notes: list[str] = []
    """What a reader has to know before the figures."""

    def of(self, number: int) -> Outcome:
        """A trial by its number."""
        return next(trial for trial in self.trials if trial.number == number)

    def counted(self, *states: State) -> int:
        """How many trials ended so."""
        return sum(trial.state in states for trial in self.trials)
