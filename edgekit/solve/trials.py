"""How a trial goes: its costs are held against the limits before any training, then a short training sifts, and what is
left is trained in full.

It is carried out here or elsewhere, see `edgekit.solve.attempts`: nothing of it depends on Optuna.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from operator import le
from typing import Any

import msgspec

from edgekit.config import encode
from edgekit.engine.make import Maker
from edgekit.errors import CrashError, EdgekitError, SetupError
from edgekit.profile.recipe import Recipe
from edgekit.report.front import unbeaten
from edgekit.solve.judged import EXACT, QUALITY, Judge, broken, quality
from edgekit.solve.space import Space, recipe_of, shape_of
from edgekit.solve.trial import Job, costs, score
from edgekit.solve.types import Outcome
from edgekit.types import BudgetLine, Measurement

FACTOR = 3
"""Of those that were trained so long, one in so many is trained so many times longer."""
FEWEST = 2
"""Clusters, with which tables are smallest."""
SHARES = {"instructions": 0.25, "latency": 0.25}
BYTES = {"flash": 2048, "ram": 64}
"""By how much a cost may be less with other weights: a share of the limit, or bytes. They decide how standalone C
rounds: a layer with a large weight needs a longer way (`edgekit.ccode.linear.right`). Measured on depthwise
networks, where it counts most, for a Cortex-M4F: up to 19.8 % more instructions, 1,152 B more flash, 8 B more RAM."""


class Trials:
    """The trials of a model for a target.

    Args:
      job: the model and target; its recipe is the one of no trial.
      rungs: epochs of a training, from the shortest to the one in full.
      outcomes: what is known of trials so far.
    """

    def __init__(
        self, job: Job, space: Space, judge: Judge, rungs: Sequence[int], maker: Maker, outcomes: Sequence[Outcome] = ()
    ) -> None:
        self.job, self.space, self.judge, self.maker = job, space, judge, maker
        self.rungs, self.outcomes = list(rungs), list(outcomes)

    @property
    def best(self) -> Outcome | None:
        """The one with the most merit of those that hold every limit."""
        found = [o for o in self.outcomes if o.state == "trained" and o.holds]
        return min(found, key=rank, default=None)

    @property
    def front(self) -> list[Outcome]:
        """The Pareto front of what was trained in full: accuracy against each cost that is limited or minimized."""

        def place(one: Outcome) -> tuple[float, ...]:
            return (*self.judge.limited(one.measurements), -self.judge.goodness(quality(one.measurements)))

        def steps(one: tuple[float, ...], other: tuple[float, ...]) -> list[int]:
            return [(mine < its) - (mine > its) for mine, its in zip(one, other, strict=True)]

        trained = [o for o in self.outcomes if o.state == "trained"]
        return list(itertools.compress(trained, unbeaten([place(o) for o in trained], steps)))

    def whole(self, outcome: Outcome, recipe: Recipe) -> Outcome:
        """A trial trained in full, whatever it costs.

        Raises:
          EdgekitError: it cannot be built.
        """
        job, names = self.job.having(recipe), (*EXACT, "download_size")
        model, answers = score(job, "held_out", self.maker)
        priced = [m for part in costs(job, self.maker) for m in part]
        lines = [*self.judge.lines(priced, names), *self.judge.lines(answers, QUALITY)]
        found = [m for m in (*priced, *answers) if m.artifact == "model"]
        return msgspec.structs.replace(
            outcome,
            recipe=said(recipe),
            state="trained",
            epochs=self.rungs[-1],
            measurements=found,
            lines=lines,
            holds=self.judge.holds(lines),
            merit=self.judge.merit(found, lines),
            reason=broken(lines, self.judge),
            sha256=model.sha256,
        )

    def attempt(self, number: int, choices: dict[str, Any]) -> Outcome:
        """What becomes of a trial.

        Args:
          choices: by the parameter's name.

        Raises:
          SetupError, CrashError: the fault is not that of the recipe.
        """
        start, blank = time.perf_counter(), Outcome(number, choices, {}, "failed", 0, [], [], False, None, 0.0)
        try:
            outcome = self._sifted(blank)
        except (SetupError, CrashError):
            raise
        except EdgekitError as problem:
            outcome = msgspec.structs.replace(blank, reason=str(problem))
        return msgspec.structs.replace(outcome, seconds=round(time.perf_counter() - start, 2))

    def _sifted(self, blank: Outcome) -> Outcome:
        """Drops a trial by its costs, ends it after a short training, or trains it in full."""

        def recipe(epochs: int) -> Recipe:
            return recipe_of(self.space, blank.choices, epochs, self.job.target.solve)

        whole = recipe(self.rungs[-1])
        priced, lines = self.shape(whole)
        kept = [m for m in priced if m.artifact == "model"]
        cheap = msgspec.structs.replace(blank, recipe=said(whole), measurements=kept, lines=lines)
        if not self.may_hold(lines):
            return msgspec.structs.replace(cheap, state="dropped", reason=broken(lines, self.judge))
        best = self.best
        if best and self.judge.target.solve.costs and self._least(whole, priced) >= (best.merit or 0):
            why = f"costs no less than trial {best.number}, which holds"
            return msgspec.structs.replace(cheap, state="beaten", holds=True, reason=why)
        rungs: dict[int, float] = {}
        for epochs in self.rungs[:-1]:
            _, answers = score(self.job.having(recipe(epochs)), "held_out", self.maker)
            found = [*kept, *(m for m in answers if m.artifact == "model")]
            both = [*lines, *self.judge.lines(answers, QUALITY)]
            rungs[epochs] = self.judge.shortfall(found, both)
            why = self._hopeless(epochs, rungs[epochs], kept)
            if not why and epochs == self.rungs[0] and not self.judge.holds(lines):
                why = self._still_broken(recipe(epochs))
            if why:
                return msgspec.structs.replace(
                    cheap,
                    state="stopped",
                    recipe=said(recipe(epochs)),
                    epochs=epochs,
                    measurements=found,
                    lines=both,
                    holds=self.judge.holds(both),
                    merit=self.judge.merit(found, both),
                    reason=why,
                    rungs=rungs,
                )
        trained = self.whole(cheap, whole)
        rungs[self.rungs[-1]] = self.judge.shortfall(trained.measurements, trained.lines)
        return msgspec.structs.replace(trained, rungs=rungs)

    def _still_broken(self, recipe: Recipe) -> str:
        """The limits on costs that weights break which were trained for a little, in words: those of the shape were
        broken by less than other weights may change."""
        priced = [m for part in costs(self.job.having(recipe), self.maker) for m in part]
        return broken(self.judge.lines(priced, EXACT), self.judge)

    def _hopeless(self, epochs: int, short: float, found: Sequence[Measurement]) -> str:
        """Why a training is not worth going on with; "" where it is.

        Where accuracy is to be high, it has to be among the best third of those that came so far and cost no more:
        successive halving, by the rule of Optuna's `SuccessiveHalvingPruner`, for each place on the Pareto front.
        Where a cost is to be low, what is cheaper than the best has only to reach the limits: some trials that were
        ahead of it must have missed them by more than their samples leave open, and none that was behind it may have
        come closer than that.
        """
        if not self.judge.target.solve.costs:
            mine = self.judge.limited(found)
            came = [o for o in self.outcomes if epochs in o.rungs]
            rivals = [o for o in came if all(map(le, self.judge.limited(o.measurements), mine))]
            ordered = sorted([short, *(o.rungs[epochs] for o in rivals)])
            far = short > ordered[max(0, len(ordered) // FACTOR - 1)]
            return f"not among the best third of what costs no more, after {spelled(epochs)}" if far else ""
        ended = [o for o in self.outcomes if o.state == "trained" and {epochs, self.rungs[-1]} <= o.rungs.keys()]
        missed = [o for o in ended if o.rungs[self.rungs[-1]] > self.judge.sampling_error(o.measurements)]
        ahead = [o.number for o in missed if o.rungs[epochs] <= short]
        if len(ahead) < FACTOR or any(o.rungs[epochs] >= short for o in ended if o not in missed):
            return ""
        return f"no better than trials {_listed(ahead[-FACTOR:])} after {spelled(epochs)}, which missed a limit in full"

    def given(self) -> list[Measurement]:
        """What the model as it was given costs, quantized and no more, as far as that can be told: a core may not have
        room for it."""
        found: list[Measurement] = []
        with suppress(EdgekitError):
            for part in costs(self.job.having(self.space.base), self.maker):
                found += [m for m in part if m.artifact == "model"]
        return found

    def shape(self, recipe: Recipe) -> tuple[list[Measurement], list[BudgetLine]]:
        """What a recipe's shape costs, found without training; and the limits on that.

        Where weights become tables, what breaks a limit must do so with the smallest tables too.
        """
        found, lines = self._priced(shape_of(recipe))
        if self.may_hold(lines) or not (self.space.tables and recipe.cluster):
            return found, lines
        least, others = self._priced(shape_of(recipe, FEWEST))
        both = {line.name for line in others if self.judge.gap(line) > 0}
        return least, [line for line in lines if self.judge.gap(line) <= 0 or line.name in both]

    def may_hold(self, lines: list[BudgetLine]) -> bool:
        """Whether the costs of a shape may hold their limits, whatever its weights become."""
        return all(self.judge.gap(line) <= _spread(line) for line in lines)

    def _priced(self, recipe: Recipe) -> tuple[list[Measurement], list[BudgetLine]]:
        """Costs, one after the other, until one breaks a limit."""
        found: list[Measurement] = []
        lines: list[BudgetLine] = []
        for part in costs(self.job.having(recipe), self.maker):
            found += part
            lines = self.judge.lines(found, EXACT)
            if not self.may_hold(lines):
                break
        return found, lines

    def _least(self, recipe: Recipe, found: list[Measurement]) -> float:
        """What a recipe costs at least; the merit of what is not trained, if it lost nothing."""
        wanted = self.judge.target.solve.costs
        if "download_size" in wanted or (self.space.tables and recipe.cluster):
            return float("-inf")  # which weights decide
        return self.judge.cost([_lowest(m) for m in found])


def _listed(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def spelled(number: int) -> str:
    """A number of epochs in words."""
    return "1 epoch" if number == 1 else f"{number} epochs"


def _spread(line: BudgetLine) -> float:
    """By what share of a limit a cost may be less with other weights."""
    return SHARES.get(line.name, 0.0) + BYTES.get(line.name, 0) / (line.limit or 1.0)


def _lowest(found: Measurement) -> Measurement:
    """A cost, as low as other weights may make it."""
    if found.value is None:
        return found
    least = found.value / (1 + SHARES.get(found.name, 0.0)) - BYTES.get(found.name, 0)
    return msgspec.structs.replace(found, value=max(0.0, least))


def rank(outcome: Outcome) -> tuple[float, float, int]:
    """Which of two trials is better: that with the least merit, of equals the smaller file, then the earlier one."""
    merit = math.inf if outcome.merit is None else outcome.merit
    return merit, outcome.value("model_size") or math.inf, outcome.number


def said(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a profile has it: what is not at its default."""
    plain = Recipe()
    found = {}
    for name in recipe.__struct_fields__:
        value = getattr(recipe, name)
        if value == getattr(plain, name):
            continue
        found[name] = _changed(value) if isinstance(value, msgspec.Struct) else encode(value)
    return found


def _changed(table: msgspec.Struct) -> dict[str, Any]:
    """The keys of a table that are not at their default."""
    defaults = {f.encode_name: f for f in msgspec.structs.fields(type(table))}
    found = {}
    for name, value in encode(table).items():
        field = defaults[name]
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        if default is msgspec.NODEFAULT or encode(default) != value:
            found[name] = value
    return found
