"""Where attempts are carried out: here, or by the workers of a Dask cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.ahead import at_work
from edgekit.engine.make import Maker
from edgekit.errors import CrashError
from edgekit.profile.project import Project
from edgekit.solve.judged import Judge
from edgekit.solve.space import Space
from edgekit.solve.trial import Job
from edgekit.solve.trials import Trials
from edgekit.solve.types import Outcome

if TYPE_CHECKING:
    from distributed import Client


class Attempt(Struct, frozen=True):
    """A trial that is to be made."""

    job: Job
    space: Space
    judge: Judge
    rungs: list[int]
    known: list[Outcome]
    """What it is held against."""
    number: int
    choices: dict[str, Any]


Start = Callable[[Attempt], Callable[[], Outcome]]
"""Begins an attempt, and gives the function that waits for its outcome."""


def here(maker: Maker) -> Start:
    """Each is made when its outcome is asked for."""
    return lambda attempt: functools.partial(made, attempt, maker)


def there(client: Client, project: Project) -> Start:
    """Each is begun by a worker of a cluster, which finds the project and its store at the same place."""
    from distributed.scheduler import KilledWorker

    def start(attempt: Attempt) -> Callable[[], Outcome]:
        future = client.submit(attempted, attempt, project, pure=False)

        def ended() -> Outcome:
            try:
                return future.result()
            except KilledWorker:
                raise CrashError(
                    f"trial {attempt.number}: the workers that made it died, one after the other"
                ) from None

        return ended

    return start


def attempted(attempt: Attempt, project: Project) -> Outcome:
    """Makes a trial. Runs on a worker."""
    with at_work(project) as maker:
        return made(attempt, maker)


def made(attempt: Attempt, maker: Maker) -> Outcome:
    """What becomes of an attempt."""
    a = attempt
    return Trials(a.job, a.space, a.judge, a.rungs, maker, a.known).attempt(a.number, a.choices)
