"""The search: Optuna proposes, exact costs and short trainings sift, what is left is trained in full.

The same seed and the same number of trials give the same outcomes, also where a search was ended and goes on: each
proposal depends on the outcomes before it and on its number alone.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from edgekit.config import encode
from edgekit.engine.make import Maker
from edgekit.errors import CrashError, EdgekitError, SetupError
from edgekit.profile.recipe import Recipe
from edgekit.solve.judged import EXACT, QUALITY, Judge, broken
from edgekit.solve.space import Parameter, Space, recipe_of, shape_of
from edgekit.solve.trial import Job, costs, score
from edgekit.solve.types import Outcome
from edgekit.types import BudgetLine, Measurement

FACTOR = 3
"""Of those that were trained so long, one in so many is trained so many times longer."""
RUNGS = 3
FEWEST = 2
"""Clusters, with which tables are smallest."""
WEIGHTS = {"instructions": 1e-3, "latency": 1e-3}
"""By what share of its limit a cost may change with the values of the weights: which way a sum is rounded or clamped
takes another branch."""
OUTCOME = "outcome"


class Search:
    """The trials of a model for a target.

    Args:
      job: the model and target; its recipe is the one of no trial.
      epochs: of a training in full.
      journal: file in which the trials are kept.
    """

    def __init__(self, job: Job, space: Space, judge: Judge, epochs: int, journal: Path, maker: Maker) -> None:
        self.job, self.space, self.judge, self.maker = job, space, judge, maker
        self.rungs = sorted({max(1, epochs // FACTOR**n) for n in range(RUNGS)})
        with _quiet() as optuna:
            self.study = _study(optuna, journal)
        self.outcomes = [msgspec.json.decode(t.user_attrs[OUTCOME], type=Outcome) for t in self._finished()]

    def run(self, until: Callable[[int], bool], told: Callable[[Outcome], None]) -> None:
        """Makes trials.

        Args:
          until: whether the search ends after so many trials.
          told: is given what became of each.
        """
        with _quiet() as optuna:
            while not until(len(self.outcomes)):
                number = len(self.outcomes)
                self.study.sampler = _sampler(optuna, self.job.target.solve.seed, number, len(self.space.first))
                if number < len(self.space.first):
                    self.study.enqueue_trial(self.space.first[number])
                trial = self.study.ask()
                outcome = self._outcome(number, trial)
                for line in outcome.lines:
                    trial.set_constraint(line.name, min(self.judge.gap(line), 1e9))
                trial.set_user_attr(OUTCOME, msgspec.json.encode(outcome, enc_hook=float).decode())
                states = optuna.trial.TrialState
                state = {"trained": states.COMPLETE, "failed": states.FAIL}.get(outcome.state, states.PRUNED)
                self.study.tell(trial, outcome.merit if outcome.state == "trained" else None, state)
                self.outcomes.append(outcome)
                told(outcome)

    @property
    def best(self) -> Outcome | None:
        """The one with the most merit of those that hold every limit."""
        found = [o for o in self.outcomes if o.state == "trained" and o.holds]
        return min(found, key=lambda o: (o.merit, o.number), default=None)

    def importances(self) -> dict[str, float]:
        """What share of the outcome each choice decides, by Optuna; of fewer than four trainings in full nothing is
        known."""
        with _quiet() as optuna:
            complete = [t for t in self._finished() if t.state == optuna.trial.TrialState.COMPLETE]
            if len(complete) < 4:
                return {}
            found = optuna.importance.get_param_importances(self.study)
        return {name: float(share) for name, share in found.items()}

    def _finished(self) -> list[Any]:
        return [t for t in self.study.get_trials(deepcopy=False) if OUTCOME in t.user_attrs and t.state.is_finished()]

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

    def _outcome(self, number: int, trial: Any) -> Outcome:
        """What becomes of a trial."""
        start = time.perf_counter()
        chosen = {p.name: _suggested(trial, p) for p in self.space.parameters}
        try:
            outcome = self._sifted(Outcome(number, chosen, {}, "failed", 0, [], [], False, None, 0.0), trial)
        except (SetupError, CrashError):
            raise
        except EdgekitError as problem:
            outcome = Outcome(number, chosen, {}, "failed", 0, [], [], False, None, 0.0, str(problem))
        return msgspec.structs.replace(outcome, seconds=round(time.perf_counter() - start, 2))

    def _sifted(self, blank: Outcome, trial: Any) -> Outcome:
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
        for step, epochs in enumerate(self.rungs[:-1]):
            _, answers = score(self.job.having(recipe(epochs)), "held_out", self.maker)
            found = [*kept, *(m for m in answers if m.artifact == "model")]
            both = [*lines, *self.judge.lines(answers, QUALITY)]
            rungs[epochs] = self.judge.shortfall(found, both)
            trial.report(rungs[epochs], FACTOR**step)
            if why := self._hopeless(trial, epochs, rungs[epochs]):
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
        return msgspec.structs.replace(self.whole(cheap, whole), rungs=rungs)

    def _hopeless(self, trial: Any, epochs: int, short: float) -> str:
        """Why a training is not worth going on with; "" where it is.

        Where accuracy is to be high, it has to be among the best third of all that came so far: successive halving.
        Where a cost is to be low, what is cheaper than the best has only to reach the limits: no trial that was ahead
        of it may have missed them.
        """
        if not self.judge.target.solve.costs:
            return f"not among the best third after {epochs} epochs" if trial.should_prune() else ""
        missed = [o for o in self.outcomes if o.state == "trained" and not o.holds]
        ahead = [o for o in missed if o.rungs.get(epochs, short) < short]
        return f"behind trial {ahead[0].number} after {epochs} epochs, which missed a limit in full" if ahead else ""

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
        return all(self.judge.gap(line) <= WEIGHTS.get(line.name, 0.0) for line in lines)

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
        return self.judge.cost(found)


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


def _suggested(trial: Any, parameter: Parameter) -> Any:
    if parameter.kind == "one of":
        return trial.suggest_categorical(parameter.name, parameter.options)
    if parameter.kind == "count":
        return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=True)
    return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.low > 0)


def _sampler(optuna: Any, seed: int, number: int, first: int) -> Any:
    """Proposes by what is known so far; its randomness depends on the number of the trial alone."""
    return optuna.samplers.TPESampler(
        n_startup_trials=first, multivariate=True, seed=(seed * 1_000_003 + number) % 2**32
    )


def _study(optuna: Any, journal: Path) -> Any:
    """The trials so far; those that were not finished are left behind."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=FACTOR)
    names = [summary.study_name for summary in optuna.get_all_study_summaries(storage)]
    studies = [optuna.load_study(study_name=name, storage=storage, pruner=pruner) for name in names]
    there = {study: study.get_trials(deepcopy=False) for study in studies}
    kept = {
        study: [t for t in trials if OUTCOME in t.user_attrs and t.state.is_finished()]
        for study, trials in there.items()
    }
    longest = max(studies, key=lambda study: len(kept[study]), default=None)
    if longest is not None and len(kept[longest]) == len(there[longest]):
        return longest
    study = optuna.create_study(storage=storage, pruner=pruner, direction="minimize")
    study.add_trials(kept[longest] if longest is not None else [])
    for name in names:
        optuna.delete_study(study_name=name, storage=storage)
    return study


@contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna, without what it says of itself."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield optuna
