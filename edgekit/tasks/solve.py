"""The task that searches a recipe."""

from __future__ import annotations

import os
from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task
from edgekit.tasks.flow import single, typed


@task(
    group="build",
    usage="--target=NAME [options]",
    examples={
        "solve --target=microcontroller": "the most accurate recipe within the limits, in 30 minutes",
        "solve --target=phone --set=solve.minimize=model_size --time=2h": "the smallest that is accurate enough",
    },
    iterable=["target", "set"],
    help=options(
        "target",
        "model",
        "data",
        "set",
        "json",
        time="TIME: how long to look, such as 30min; instead of solve.time of the profile",
        trials="N: how many trials to make, whatever time it takes, with those of earlier runs",
        workers="N: make N trials at once, each in a process of this machine",
        cluster="ADDRESS: the same on a Dask cluster that is there, as in tcp://HOST:8786",
        out="DIR: folder of DIR/TARGET/MODEL/solve.html and solve.json; build/solve in the project by default",
    ),
)
@command
def solve(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    time: str = "",
    trials: str = "",
    workers: int = 0,
    cluster: str = "",
    out: str = "",
    set: list[str] | None = None,
    json: bool = False,
) -> int:
    """Search the recipe that fits a budget.

    Writes targets/TARGET.solved.toml, a profile with the recipe that won, and a page of all that was tried.
    """
    from edgekit.commands.solve import solve
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress
    from edgekit.solve.printed import print_solution

    said = [*(set or ()), *_limits(time, trials)]
    project, spec, profile = single(target, model, data, said)
    folder = project.folder(out, "build/solve") / profile.name / spec.name
    with Progress(quiet=json) as progress:
        found = solve(project, spec, profile, folder, progress, tuple(set or ()), workers, cluster)
    written = Path(os.path.relpath(project.target_folders[0])) / f"{profile.name}.solved.toml"
    given = typed({"model": model, "data": data})
    print_json(found) if json else print_solution(found, folder, written, given)
    return int(found.verdict != "holds")


def _limits(time: str, trials: str) -> list[str]:
    """What `--time` and `--trials` change of the profile.

    Raises:
      TargetError: they are not what they have to be.
    """
    from edgekit.errors import TargetError
    from edgekit.units import Nanoseconds

    if trials and not (trials.isascii() and trials.isdigit() and int(trials)):
        raise TargetError(f"--trials={trials}: has to be a whole number, at least 1")
    try:
        if time:
            Nanoseconds.parse(time)
    except ValueError:
        what = "is negative" if time.strip().startswith("-") else "has no unit of time"
        raise TargetError(f"--time={time}: {what}; write --time=30min") from None
    return [*([f'solve.time="{time}"'] if time else []), *([f"solve.trials={trials}"] if trials else [])]
