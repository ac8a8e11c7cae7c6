"""The search: Optuna proposes trials, by what became of those before.

The same seed, number of trials and number of trials at once give the same outcomes, also where a search was ended and
goes on: each proposal depends on its number and on the outcomes before it alone, but for those that are made at once.
"""

from __future__ import annotations

import itertools
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
from edgekit.solve.attempts import Attempt, Start
from edgekit.solve.judged import Judge
from edgekit.solve.space import Parameter, Space
from edgekit.solve.trial import Job
from edgekit.solve.trials import FACTOR, Trials
from edgekit.solve.types import Outcome

RUNGS = 3
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
                trial = self._proposed(len(self.outcomes) + len(begun))
                begun.append((trial, start(self._attempt(len(self.outcomes) + len(begun), trial))))
            if not begun:
                return
            trial, ended = begun.popleft()
            self._tell(trial, ended())
            told(self.outcomes[-1])

    def _proposed(self, number: int) -> Any:
        """A trial of Optuna's."""
        with _quiet() as optuna:
            self.study.sampler = _sampler(optuna, self.job.target.solve.seed, number, len(self.space.first))
            if number < len(self.space.first):
                self.study.enqueue_trial(self.space.first[number])
            return self.study.ask()

    def _attempt(self, number: int, trial: Any) -> Attempt:
        with _quiet():
            choices = {p.name: _suggested(trial, p) for p in self.space.parameters}
        known = [msgspec.structs.replace(o, lines=[]) for o in self.outcomes]
        return Attempt(self.job, self.space, self.judge, self.rungs, known, number, choices)

    def _tell(self, trial: Any, outcome: Outcome) -> None:
        """What became of a trial, to Optuna."""
        with _quiet() as optuna:
            for line in outcome.lines:
                trial.set_constraint(line.name, min(self.judge.gap(line), 1e9))
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


def _sampler(optuna: Any, seed: int, number: int, first: int) -> Any:
    """Proposes by what is known so far; its randomness depends on the number of the trial alone."""
    return optuna.samplers.TPESampler(
        n_startup_trials=first, multivariate=True, seed=(seed * 1_000_003 + number) % 2**32
    )


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
