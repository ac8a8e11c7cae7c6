"""`edgekit solve`: load ▶ space ▶ search ▶ finals ▶ a profile with the recipe that won."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from edgekit.analyze.curves import SensitivityCurves, Sweep
from edgekit.analyze.sensitivity import sensitivity_file
from edgekit.config import encode, parse_value
from edgekit.data.spec import RANDOM
from edgekit.engine import cluster
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.errors import DataError, ModelError
from edgekit.files import check_writable, write
from edgekit.product import LoadedModel
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.records.outputs import json
from edgekit.report.study import more_is_better
from edgekit.runtimes.available import available
from edgekit.solve.attempts import Start, here, there
from edgekit.solve.finals import finals, marked, recipe_from
from edgekit.solve.judged import Judge, called, check_budget, quality
from edgekit.solve.misses import TRAINED, in_the_way, misses
from edgekit.solve.page import html
from edgekit.solve.profile_text import profile_text
from edgekit.solve.search import Search
from edgekit.solve.space import Space, groups_file, selections_of, space_of
from edgekit.solve.told import Teller
from edgekit.solve.trial import Job
from edgekit.solve.types import SOLVE, Solution
from edgekit.stages.load import load
from edgekit.types import KERAS

LEVELS = (0.25, 0.5, 0.75, 0.9)
"""Shares of a layer's channels that it is tried without."""
SENSED = 500
"""Samples that this is measured on."""
UPDATES = 5000
"""Of the weights, that a training in full makes; so it has"""
EPOCHS = (10, 200)
"""epochs from so many to so many."""
EACH = 4
"""Trials that are made or wait, for each worker: outcomes are told in the order of the trials, and a long one must not
leave others idle."""


def solve(
    project: Project,
    spec: ModelSpec,
    target: Target,
    out: Path,
    ui: Listener,
    overrides: tuple[str, ...] = (),
    workers: int = 0,
    address: str = "",
) -> Solution:
    """Searches the recipe for a budget; writes `TARGET.solved.toml` beside the project's profiles, and `solve.json` and
    `solve.html` to `out`.

    Args:
      overrides: what `--set` changed of the target, which the profile says too.
      workers: processes of this machine that make trials at once; unused with
      address: of the scheduler of a cluster that is there.

    Raises:
      EdgekitError: the budget, the model or the data leaves nothing to search.
    """
    check_writable(out)
    check_budget(target)
    folder = project.target_folders[0]
    check_writable(folder)
    teller = Teller(ui, target)
    ui.headline(f"{target.name}: {spec.name}")
    with Maker(project.open_store(), teller) as maker:
        search = prepare(spec, target, maker)
        if search.outcomes:
            ui.done(f"goes on from trial {len(search.outcomes)}")
        with _carried(project, spec, maker, teller, workers, address) as (start, at_once):
            ended = _run(search, teller, start, at_once)
        solution = conclude(search, spec, TRAINED if ended else 0)
        if solution.winner is not None:
            profile = folder / f"{target.name}.solved.toml"
            recipe = recipe_from(solution.of(solution.winner))
            plain = load_target(target.name, project.target_folders, ())
            text = profile_text(solution, plain, recipe, _beside(spec, target, overrides))
            write(profile, text.encode())
            solved = load_target(profile.stem, project.target_folders, (), spec=spec)
            assert (solved.recipe, solved.budget) == (recipe, target.budget), profile
        with maker.store.writing():
            write(out / "solve.json", json(solution))
            write(out / "solve.html", html(solution, search.judge).encode())
    return solution


def prepare(spec: ModelSpec, target: Target, maker: Maker) -> Search:
    """The search as it stands: what there is to choose, and the trials so far.

    Raises:
      EdgekitError: there is nothing to search.
    """
    shipped = available(target.runtimes).shipped
    scope = Scope(maker, f"{target.name}.{spec.name}.solve")
    judged = replace(target, recipe=replace(target.recipe, reserve=True))
    loaded = load(spec, judged, scope)
    if loaded.facts.form != "keras":
        raise ModelError(f"{spec.model}: nothing to search: it cannot be trained, because {loaded.facts.untrainable}")
    if loaded.data.source == RANDOM:
        raise DataError(f"{spec.name}: random data says nothing of accuracy; give --data=PATH")
    space = _space(loaded, target, scope)
    epochs = target.solve.epochs or _epochs(loaded.samples)
    job = Job(spec, replace(target, name=f"{target.name}.solve"))
    key = _key(loaded, target, space, epochs, maker)
    journal = maker.store.folder / "solve" / f"{target.name}.{spec.name}.{key[:16]}.journal"
    return Search(job, space, Judge(target, shipped), epochs, journal, maker)


def conclude(search: Search, spec: ModelSpec, trained: int) -> Solution:
    """What a search found.

    Args:
      trained: how many recipes may be trained to find what a recipe that holds every limit would lack.
    """
    verdict, winner, judged = finals(search)
    settings, target = search.judge.target.solve, search.judge.target
    near = misses(search, trained) if verdict == "none" else []
    counts = (judged[0].searched.samples, judged[0].quality.samples) if judged else (0, 0)
    return Solution(
        schema=SOLVE,
        model=spec.name,
        target=target.name,
        verdict=verdict,
        objective=" and ".join(f"the least {cost}" for cost in settings.costs) or _best(search),
        minimized=list(settings.costs),
        winner=winner,
        trials=marked(search),
        finals=judged,
        misses=near,
        conflicts=in_the_way(search, near) if verdict == "none" else [],
        importances=search.importances(),
        given=search.given(),
        samples=counts,
        seed=settings.seed,
    )


def _best(search: Search) -> str:
    """What is to be best where no cost is, in words."""
    found = next((quality(o.measurements) for o in search.outcomes if o.epochs), None)
    if found is None:
        return "the highest accuracy"
    return f"the {'highest' if more_is_better(found) else 'lowest'} {called(found)}"


def _beside(spec: ModelSpec, target: Target, overrides: tuple[str, ...]) -> dict[str, Any]:
    """The tables of this search that the target's file does not have, but for the recipe and `[solve]`."""
    tables: dict[str, Any] = {"budget": dict(limits)} if (limits := spec.budgets.get(target.name)) else {}
    for override in overrides:
        key, _, value = override.partition("=")
        first, *between, last = key.split(".")
        if first in ("recipe", "solve", "description"):
            continue
        table = tables.setdefault(first, {})
        for name in between:
            table = table.setdefault(name, {})
        table[last] = parse_value(value)
    return tables


@contextlib.contextmanager
def _carried(
    project: Project, spec: ModelSpec, maker: Maker, teller: Teller, workers: int, address: str
) -> Iterator[tuple[Start, int]]:
    """What carries out the trials, and how many at once."""
    if not workers and not address:
        yield here(maker), 1
        return
    with cluster.opened(workers, address, (spec.model, spec.data)) as client:
        teller.elsewhere = True
        yield there(client, project), EACH * len(client.scheduler_info(n_workers=-1)["workers"])


def _run(search: Search, teller: Teller, start: Start, at_once: int) -> bool:
    """Makes trials until the time is over, or as many were made as are wanted; whether no Ctrl-C ended it before."""
    settings, began = search.judge.target.solve, time.monotonic()
    seconds = float(settings.time) / 1e9

    def until(number: int) -> bool:
        teller.counts(search, max(0.0, began + seconds - time.monotonic()))
        if settings.trials is not None:
            return number >= settings.trials
        return time.monotonic() - began >= seconds

    try:
        search.run(until, teller.told, start, at_once)
        return True
    except KeyboardInterrupt as interruption:
        if type(interruption) is not KeyboardInterrupt:
            raise
        teller.note("interrupted: it ends with what is there, and goes on from there another time")
        return False


def _space(loaded: LoadedModel, target: Target, scope: Scope) -> Space:
    model, objects = loaded.model.artifacts[KERAS], loaded.reading.custom_objects
    facts = scope.make(groups_file(model, objects, selections_of(target.recipe))).value
    curves: SensitivityCurves | None = None
    if facts.groups and "channels" in target.solve.techniques:
        sweep = Sweep("channels", LEVELS, SENSED, (), target.recipe.quantize)
        curves = scope.make(sensitivity_file(model, loaded.data, sweep, objects)).value
    return space_of(facts, curves, target)


def _epochs(samples: int) -> int:
    batches = -(-samples // 64)
    low, high = EPOCHS
    return min(high, max(low, round(UPDATES / batches)))


def _key(loaded: LoadedModel, target: Target, space: Space, epochs: int, maker: Maker) -> str:
    """What decides the trials: of another search none is taken over."""
    settings = {k: v for k, v in encode(target.solve).items() if k not in ("time", "trials")}
    parts: list[Any] = [target.sha256, settings, encode(space), epochs, loaded.source.sha256, loaded.dataset.sha256]
    parts += [encode(loaded.reading), maker.fingerprints.code("edgekit.commands.solve")]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted", enc_hook=float)).hexdigest()
