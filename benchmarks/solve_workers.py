"""How a search spreads over workers: its trials, replaced by sleeps of their measured length, on Dask's real scheduler.

    python benchmarks/solve_workers.py build/solve/TARGET/MODEL/solve.json [--workers=1,2,4,8] [--faster=1]

Proposals, the order in which outcomes are told, and the scheduler are those of `edgekit solve`; only what a worker does
is a sleep. So the machine needs no more cores than one, and what is printed is what waiting and talking cost.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edgekit.commands.solve import EACH
from edgekit.engine import cluster
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, find_project
from edgekit.report.markdown import table
from edgekit.solve.attempts import Attempt
from edgekit.solve.judged import Judge
from edgekit.solve.search import Search
from edgekit.solve.space import Parameter, Space
from edgekit.solve.trial import Job
from edgekit.solve.types import Outcome, Solution

ROOT = Path(__file__).parents[1]


def spread(trials: list[Outcome], workers: int, faster: float) -> float:
    """Seconds that the trials take on so many workers."""
    target = load_target("phone", find_project(ROOT).target_folders, ())
    space = Space(tuple(Parameter(f"width {n}", "number", 0.1, 1.0) for n in range(8)), (), target.recipe, False)
    job = Job(ModelSpec("net", "net.keras", "random", None, None), target)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, cluster.local(workers) as client:

        def asleep(attempt: Attempt) -> Callable[[], Outcome]:
            trial = trials[attempt.number]
            future = client.submit(time.sleep, trial.seconds / faster, pure=False)
            said = msgspec.structs.replace(trial, choices=attempt.choices, lines=[])
            return lambda: (future.result(), said)[1]

        search = Search(job, space, Judge(target, "litert"), 9, Path(folder) / "journal", None)  # type: ignore[arg-type]
        start = time.perf_counter()
        search.run(lambda number: number >= len(trials), lambda outcome: None, asleep, EACH * workers)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("solution", type=Path)
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--faster", type=float, default=1.0)
    given = parser.parse_args()
    trials = msgspec.json.decode(given.solution.read_bytes(), type=Solution).trials
    work = sum(trial.seconds for trial in trials) / given.faster
    print(
        f"{len(trials)} trials, {work:.0f} s of work, the longest {max(t.seconds for t in trials) / given.faster:.0f} s"
    )
    rows = []
    for workers in map(int, given.workers.split(",")):
        took = spread(trials, workers, given.faster)
        rows.append([str(workers), f"{took:.1f} s", f"{work / workers / took:.2f}"])
        print(table(["workers", "time", "of linear"], rows[-1:]).splitlines()[-1], flush=True)
    print(table(["workers", "time", "of linear"], rows))


if __name__ == "__main__":
    main()
