"""The search: Optuna proposes trials, by what became of those before.

The same seed, number of trials and number of trials at once give the same outcomes, also where a search was ended and
goes on: each proposal depends on its number and on the outcomes before it alone, but for those that are made at once.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edgekit.engine.make import Maker
from edgekit.errors import ProjectError
from edgekit.files import write
from edgekit.measure.limits import AT_LEAST
from edgekit.solve.attempts import Attempt, Start
from edgekit.solve.judged import EXACT, Judge
from edgekit.solve.proposals import PARENTS, foreseen, neighbour
from edgekit.solve.space import NONE, Parameter, Space
from edgekit.solve.trial import Job
from edgekit.solve.trials import FACTOR, SHARES, Trials, rank
from edgekit.solve.types import Outcome

RUNGS = 3
DRAWS = 16
"""So often at most is a trial drawn, until one is not foreseen to cost too much."""
SLACK = 0.1
"""By what share of a limit a foreseen cost may be wrong."""
OUTCOME = "outcome"


class Search(Trials):
    """The trials of a model for a target, proposed by Optuna.

    Args:
      job: the model and target; its recipe is the one of no trial.
      epochs: of a training in full.
      journal: file in which the trials are kept.
    """

    def __init__(self, job: Job, space: Space, judge: Judge, epochs: int, journal: Path, maker: Maker) -> None:
        super().__init__(job, space, judge, sorted({max(1, epochs // FACTOR**n) for n in range(RUNGS)}), maker)
        _mend(journal)
        try:
            with _quiet() as optuna:
                self.study = _study(optuna, journal)
            self.outcomes = [msgspec.json.decode(t.user_attrs[OUTCOME], type=Outcome) for t in self._finished()]
        except (AssertionError, LookupError, TypeError, ValueError, msgspec.MsgspecError):
            raise ProjectError(
                f"{journal}: holds what no search wrote; delete it: what its trials made is in the store"
            ) from None

    def run(
        self, until: Callable[[int], bool], told: Callable[[Outcome], None], start: Start, at_once: int = 1
    ) -> None:
        """Makes trials.

        Args:
          until: whether no further trial begins after so many.
          told: is given what became of each.
          start: begins an attempt, see `edgekit.solve.attempts`.
          at_once: how many have begun at most of which the outcome is not known.
        """
        begun: deque[tuple[Any, Callable[[], Outcome]]] = deque()
        while True:
            while len(begun) < at_once and not until(len(self.outcomes) + len(begun)):
                number = len(self.outcomes) + len(begun)
                trial, choices = self._proposed(number)
                begun.append((trial, start(self._attempt(number, choices))))
            if not begun:
                return
            trial, ended = begun.popleft()
            self._tell(trial, ended())
            told(self.outcomes[-1])

    def _proposed(self, number: int) -> tuple[Any, dict[str, Any]]:
        """A trial of Optuna's, and its choices: what the model allows first; then by turns what the sampler proposes,
        and a neighbour of one of the best. What is foreseen to cost too much is drawn again."""
        first, parents = self.space.first, self._parents()
        with _quiet() as optuna:
            for left in reversed(range(DRAWS)):
                rng = random.Random(f"{self.job.target.solve.seed} {number} {left}")
                wanted = first[number] if number < len(first) else None
                if number >= len(first) and number % 2 and parents:
                    wanted = neighbour(rng.choice(parents).choices, self.space.parameters, rng)
                    if left and self._again(wanted):
                        continue
                if wanted is not None:
                    self.study.enqueue_trial(wanted)
                self.study.sampler = _sampler(optuna, rng.randrange(2**32), len(first))
                trial = self.study.ask()
                choices = {p.name: _suggested(trial, p) for p in self.space.parameters}
                if wanted is not None or not left or not self._again(choices):
                    break
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return trial, choices

    def _again(self, choices: dict[str, Any]) -> bool:
        """Whether to draw again: the choices were made before, or are foreseen to cost too much."""
        return any(o.choices == choices for o in self.outcomes) or self._dear(choices)

    def _parents(self) -> list[Outcome]:
        """The best of what was trained in full, whether it holds every limit or not; and where accuracy is to be high,
        the Pareto front."""
        trained = [o for o in self.outcomes if o.state == "trained"]
        return [*sorted(trained, key=rank)[:PARENTS], *([] if self.judge.target.solve.costs else self.front)]

    def _dear(self, choices: dict[str, Any]) -> bool:
        """Whether it is foreseen to break a limit on a cost, or to cost no less than the best that holds all."""
        solve, limits = self.judge.target.solve, self.judge.target.budget.limits
        if self.space.tables and choices.get("clusters", NONE) != NONE:
            return False  # weights decide its costs
        names = dict.fromkeys((*solve.costs, *(n for n in limits if n in EXACT and n not in AT_LEAST)))
        costs = {name: self._foreseen(name, choices) for name in names if name != "download_size"}
        for name, cost in costs.items():
            if cost and name in limits and cost > float(limits[name]) * (1 + SLACK + SHARES.get(name, 0)):
                return True
        wanted, best = [costs.get(name) for name in solve.costs], self.best
        figures = [cost for cost in wanted if cost is not None]
        return bool(
            best and wanted and len(figures) == len(wanted) and self.judge.weighed(figures) >= (best.merit or 0)
        )

    def _foreseen(self, cost: str, choices: dict[str, Any]) -> float | None:
        known = [(o.choices, self.judge.figure(o.measurements, cost)) for o in self.outcomes]
        return foreseen(known, choices, [p for p in self.space.parameters if p.groups])

    def _attempt(self, number: int, choices: dict[str, Any]) -> Attempt:
        known = [msgspec.structs.replace(o, lines=[]) for o in self.outcomes]
        return Attempt(self.job, self.space, self.judge, self.rungs, known, number, choices)

    def _tell(self, trial: Any, outcome: Outcome) -> None:
        """What became of a trial, to Optuna."""
        with _quiet() as optuna:
            for line in outcome.lines:
                trial.set_constraint(line.name, min(self.judge.gap(line), 1e9))
            if outcome.state == "stopped" and outcome.merit is not None:
                trial.report(outcome.merit, outcome.epochs)
            trial.set_user_attr(OUTCOME, msgspec.json.encode(outcome, enc_hook=float).decode())
            states = optuna.trial.TrialState
            state = {"trained": states.COMPLETE, "failed": states.FAIL}.get(outcome.state, states.PRUNED)
            self.study.tell(trial, outcome.merit if outcome.state == "trained" else None, state)
        self.outcomes.append(outcome)

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


def _suggested(trial: Any, parameter: Parameter) -> Any:
    if parameter.kind == "one of":
        return trial.suggest_categorical(parameter.name, parameter.options)
    if parameter.kind == "count":
        return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=True)
    return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.low > 0)


def _sampler(optuna: Any, seed: int, first: int) -> Any:
    """Proposes by what is known so far."""
    return optuna.samplers.TPESampler(n_startup_trials=first, multivariate=True, seed=seed)


def _mend(journal: Path) -> None:
    """Cuts the list of trials where its writer was killed or a disk failed: at the first line that is none."""
    lines = journal.read_bytes().splitlines(keepends=True) if journal.is_file() else []
    whole = list(itertools.takewhile(_is_whole, lines))
    if len(whole) < len(lines):
        write(journal, b"".join(whole))


def _is_whole(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _study(optuna: Any, journal: Path) -> Any:
    """The trials so far; those that were not finished are left behind."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    names = [summary.study_name for summary in optuna.get_all_study_summaries(storage)]
    studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
    there = {study: study.get_trials(deepcopy=False) for study in studies}
    kept = {
        study: [t for t in trials if OUTCOME in t.user_attrs and t.state.is_finished()]
        for study, trials in there.items()
    }
    longest = max(studies, key=lambda study: len(kept[study]), default=None)
    if longest is not None and len(kept[longest]) == len(there[longest]):
        return longest
    study = optuna.create_study(storage=storage, direction="minimize")
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
