"""The tasks that run the flow: a build, and what its stages tell of a model."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Context

from edgekit.tasks.common import ONE, command, options, task

if TYPE_CHECKING:
    from edgekit.profile.project import ModelSpec, Project
    from edgekit.profile.target import Target
    from edgekit.types import Reading


@task(
    group="daily",
    usage="--target=NAME [options]",
    examples={
        "build --target=phone": "every model of the project, for one target",
        "build --target=all --model=net.keras --data=samples.npz": "any model, for every target",
    },
    iterable=["target", "set"],
    help=options(
        "target",
        "model",
        "data",
        "out",
        "set",
        "baseline",
        "json",
        "input_shape",
        "custom_objects",
        "trust_model",
        recipe="FILE: TOML file whose [recipe] goes over that of the target, such as `sensitivity` writes",
        strict="fail where a budget stays inconclusive, too",
        remeasure="measure time and memory again even if nothing has changed",
        verbose="print every step, and the commands that give each figure again",
        mlflow="PLACE: also log figures and files to MLflow: a folder, or the address of a server",
        workers="N: make what needs no clock in N processes at once",
        cluster="ADDRESS: the same on a Dask cluster that is there, as in tcp://HOST:8786",
    ),
)
@command
def build(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    out: str = "",
    set: list[str] | None = None,
    recipe: str | None = None,
    baseline: str | None = None,
    strict: bool = False,
    remeasure: bool = False,
    verbose: bool = False,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
    mlflow: str = "",
    workers: int = 0,
    cluster: str = "",
) -> int:
    """Compress, quantize, measure and judge a model for a device.

    DIR/TARGET/MODEL gets the .tflite, the reports and C sources. What has not changed is not built again.

    A path that you type is relative to where you stand, one in pyproject.toml or in a profile to the project. So a
    command gives the same from any folder of the project.

    Exit status: 0 all budgets hold, 1 one is broken, 2 the input is wrong, 3 something is not installed.
    """
    from edgekit.ahead import make_ahead
    from edgekit.build import build
    from edgekit.measure.judge import fails
    from edgekit.profile.profiles import load_pairs
    from edgekit.profile.project import find_project, select_models
    from edgekit.report.console import print_commands, print_json, print_reports
    from edgekit.report.markdown import append_summaries
    from edgekit.report.mlflow import log_to_mlflow
    from edgekit.report.progress import Progress
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    folder = project.folder(out)
    specs = select_models(project, model, data, Reading(input_shape, custom_objects, trust_model))
    overrides, said = tuple(set or ()), [f"recipe {recipe}"] if recipe else []
    pairs = load_pairs(project, specs, target, overrides, recipe)
    with Progress(json, verbose) as progress:
        held = project.baseline if baseline is None else baseline
        if workers or cluster:
            make_ahead(project, pairs, workers, cluster, progress)
        reports = build(project, pairs, folder, (*said, *overrides), progress, held, remeasure)
    given = typed({"model": model, "data": data, "set": set})
    print_json(reports) if json else print_reports(reports, folder, given, typed({"out": out or None}), verbose)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_summaries(Path(summary), reports)
    if mlflow:
        log_to_mlflow(reports, folder, mlflow)
    if verbose and not json:
        print_commands(reports, folder, held)
    return int(any(fails(report.verdict, strict) for report in reports))


@task(
    group="build",
    usage="--target=NAME [options]",
    examples={
        "sensitivity --target=phone": "prunes each layer by itself, more and more",
        'sensitivity --target=phone --method=quantize --levels="8,4"': "rounds each layer to 8 and to 4 bits",
    },
    iterable=["target", "set"],
    help=options(
        "data",
        "set",
        "json",
        "input_shape",
        "custom_objects",
        "trust_model",
        **ONE,
        method="KIND: prune (weights), quantize (bits) or channels",
        levels='LIST: sparsities or bit widths to try, such as "0.5,0.8"',
        samples="N: training samples that errors are measured on",
        out="DIR: folder of sensitivity.json, sensitivity.svg and recipe.toml; build/sensitivity/METHOD in the "
        "project by default",
    ),
)
@command
def sensitivity(
    c: Context,
    target: list[str],
    method: str = "prune",
    levels: str = "",
    model: str | None = None,
    data: str | None = None,
    samples: int = 1000,
    out: str | None = None,
    set: list[str] | None = None,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
) -> None:
    """Measure what each layer tolerates, and propose a recipe.

    It prunes, rounds or narrows one layer at a time and measures the error of the model.
    """
    from edgekit.commands.sensitivity import print_sensitivity, sensitivity, sweep
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress
    from edgekit.types import Reading

    reading = Reading(input_shape, custom_objects, trust_model)
    project, spec, profile = single(target, model, data, set, reading)
    settings = sweep(method, levels, samples, profile)
    folder = project.folder(out, f"build/sensitivity/{method}")
    with Progress(quiet=json) as progress:
        found = sensitivity(project, spec, profile, settings, folder, progress)
    print_json(found) if json else print_sensitivity(found, folder)


@task(
    group="understand",
    usage="--target=NAME [options]",
    examples={
        "explain --target=phone": "a table of layers, and what to change",
        "explain --target=phone --samples=500 --out=build": "more samples, and explain.svg beside the build",
    },
    iterable=["target", "set"],
    help=options(
        "data",
        "set",
        "json",
        **ONE,
        samples="N: training samples that are run",
        out="DIR: also write DIR/TARGET/MODEL/explain.json and explain.svg",
    ),
)
@command
def explain(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    set: list[str] | None = None,
    samples: int = 128,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Show where quantization loses accuracy, and what to change.

    Every tensor of the quantized model is compared with the same tensor of the float model.
    """
    from edgekit.commands.explain import explain_build, print_explanation
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress

    project, spec, profile = single(target, model, data, set)
    with Progress(quiet=json) as progress:
        found = explain_build(project, spec, profile, samples, Path(out) if out else None, progress)
    print_json(found) if json else print_explanation(found)


@task(
    group="build",
    usage="--target=NAME [options]",
    examples={
        "study --target=phone": "the recipes that edgekit brings",
        "study --target=phone --recipes=mine.toml --out=study": "recipes of your own",
    },
    iterable=["target"],
    help=options(
        "data",
        "json",
        **ONE,
        recipes="FILE: TOML file of recipes, each a [[variant]]; those that edgekit brings by default",
        out="DIR: folder of study.json, study.md and study.svg; build/study in the project by default",
    ),
)
@command
def study(
    c: Context,
    target: list[str],
    recipes: str | None = None,
    model: str | None = None,
    data: str | None = None,
    out: str = "",
    json: bool = False,
) -> None:
    """Build a model with many recipes and compare the results.

    It writes a table and a figure with the Pareto front: the recipes that no other one beats.
    """
    from edgekit.commands.study import RECIPES, print_study, study, write_study
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress

    project, spec, profile = single(target, model, data)
    with Progress(quiet=json) as progress:
        found = study(project, spec, profile, Path(recipes) if recipes else RECIPES, progress)
    write_study(found, project.folder(out, "build/study"))
    print_json(found) if json else print_study(found)


@task(
    group="build",
    usage="[DATA] [options]",
    examples={
        "features": "the data of the project's model, to features.npz",
        "features recordings --model=voice --samples=16000 --out=train.npz": "other recordings, of 16,000 samples each",
    },
    positional=["data"],
    help=options(
        "json",
        model="NAME: a model of the project with a front-end; may be left out where it has one model",
        data="DATA: recordings: .npz, a folder of class folders, or module:function; those of the model by default",
        samples="N: length to which recordings of sound are cut or filled up; what most of them have by default",
        out="FILE: the arrays, as .npz",
    ),
)
@command
def features(
    c: Context,
    data: str = "",
    model: str | None = None,
    samples: int = 0,
    out: str = "features.npz",
    json: bool = False,
) -> None:
    """Write a model's training data through its front-end.

    The arrays are those of the dataset, x as features before preprocessing, with the settings that made them. The model
    need not be there yet.
    """
    from edgekit.commands.features import features, print_features
    from edgekit.profile.project import find_project, select_model
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    spec = select_model(project, model, data or None, Reading())
    with Progress(quiet=json) as progress:
        found = features(project, spec, samples, Path(out), progress)
    print_json(found) if json else print_features(found, Path(out))


def typed(options: dict[str, str | list[str] | None]) -> str:
    """Options as a person types them."""
    values = [
        (name, value)
        for name, given in options.items()
        for value in ([given] if isinstance(given, str) else given or ())
    ]
    return " ".join(f"--{name}={shlex.quote(value)}" for name, value in values)


def single(
    target: list[str], model: str | None, data: str | None, set: list[str] | None = None, reading: Reading | None = None
) -> tuple[Project, ModelSpec, Target]:
    """The project here, and the one model and the one profile of a command.

    Raises:
      EdgekitError: there is none, or more than one.
    """
    from edgekit.profile.profiles import load_single
    from edgekit.profile.project import find_project, select_model
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    spec = select_model(project, model, data, reading or Reading())
    return project, spec, load_single(target, project.target_folders, tuple(set or ()), spec)
