"""The tasks that run the flow: a build, and what its stages tell of a model."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Context

from edgekit.tasks.common import command, options, task

if TYPE_CHECKING:
    from edgekit.profile.project import ModelSpec, Project
    from edgekit.profile.target import Target
    from edgekit.types import Reading


@task(
    iterable=["target", "set"],
    help=options(
        "target",
        "model",
        "data",
        "out",
        "set",
        "input_shape",
        "custom_objects",
        "trust_model",
        "json",
        "baseline",
        recipe="TOML file whose [recipe] goes over that of the profile, such as sensitivity proposes",
        remeasure="measure time and memory again, also where nothing has changed",
        strict="what stays inconclusive fails too",
        verbose="say the commands that give each figure again",
        mlflow="also log figures and files to MLflow: a folder, or the address of a server",
    ),
)
@command
def build(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    out: str = "build",
    set: list[str] | None = None,
    json: bool = False,
    recipe: str | None = None,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
    baseline: str | None = None,
    remeasure: bool = False,
    strict: bool = False,
    verbose: bool = False,
    mlflow: str = "",
) -> int:
    """Compress, quantize, measure and judge a model: DIR/TARGET/MODEL gets the .tflite, the reports and C sources.

    Exit status: 0 all budgets hold, 1 one is broken, 2 the input is wrong, 3 something is not installed.
    """
    from edgekit.build import build
    from edgekit.measure.judge import fails
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project, select_models
    from edgekit.report.console import Progress, print_commands, print_json, print_reports
    from edgekit.report.markdown import append_summaries
    from edgekit.report.mlflow import log_to_mlflow
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    specs = select_models(project, model, data, Reading(input_shape, custom_objects, trust_model))
    overrides, said = tuple(set or ()), [f"recipe {recipe}"] if recipe else []
    targets = load_targets(target, project.target_folders, overrides, recipe)
    with closing(Progress(quiet=json)) as progress:
        held = project.baseline if baseline is None else baseline
        reports = build(project, specs, targets, Path(out), (*said, *overrides), progress, held, remeasure)
    print_json(reports) if json else print_reports(reports, Path(out))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_summaries(Path(summary), reports)
    if mlflow:
        log_to_mlflow(reports, Path(out), mlflow)
    if verbose and not json:
        print_commands(reports, Path(out), held)
    return int(any(fails(report.verdict, strict) for report in reports))


@task(
    iterable=["target", "set"],
    help=options(
        "target",
        "model",
        "data",
        "set",
        "json",
        out="folder of sensitivity.json, sensitivity.svg and recipe.toml; build/sensitivity/METHOD by default",
        method="prune (weights), quantize (bits) or channels",
        levels='sparsities or bit widths to try, as in "0.5,0.8"',
        samples="training samples that errors are measured on",
    ),
)
@command
def sensitivity(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    method: str = "prune",
    levels: str = "",
    samples: int = 1000,
    out: str | None = None,
    set: list[str] | None = None,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
) -> None:
    """What each layer bears: the error with a layer pruned, rounded or narrowed, and a recipe that follows from it."""
    from edgekit.commands.sensitivity import print_sensitivity, sensitivity, sweep
    from edgekit.report.console import Progress, print_json
    from edgekit.types import Reading

    reading = Reading(input_shape, custom_objects, trust_model)
    project, spec, profile = _single(target, model, data, set, reading)
    settings = sweep(method, levels, samples, profile)
    folder = Path(out) if out else Path("build", "sensitivity", method)
    with closing(Progress(quiet=json)) as progress:
        found = sensitivity(project, spec, profile, settings, folder, progress)
    print_json(found) if json else print_sensitivity(found, folder)


@task(
    iterable=["target", "set"],
    help=options(
        "target",
        "model",
        "data",
        "set",
        "json",
        samples="training samples that are run",
        out="also write DIR/TARGET/MODEL/explain.json and explain.svg",
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
    """Explain where accuracy goes: every tensor of the quantized model against the float one, and what to change."""
    from edgekit.commands.explain import explain_build, print_explanation
    from edgekit.report.console import Progress, print_json

    project, spec, profile = _single(target, model, data, set)
    with closing(Progress(quiet=json)) as progress:
        found = explain_build(project, spec, profile, samples, Path(out) if out else None, progress)
    print_json(found) if json else print_explanation(found)


@task(
    iterable=["target"],
    help=options(
        "target",
        "model",
        "data",
        "json",
        out="folder of study.json, study.md and study.svg",
        recipes="TOML file of the recipes",
    ),
)
@command
def study(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    recipes: str | None = None,
    out: str = "build/study",
    json: bool = False,
) -> None:
    """Build a model with many recipes and lay out what each bought: a table, a figure, the Pareto front."""
    from edgekit.commands.study import RECIPES, print_study, study, write_study
    from edgekit.report.console import Progress, print_json

    project, spec, profile = _single(target, model, data)
    with closing(Progress(quiet=json)) as progress:
        found = study(project, spec, profile, Path(recipes) if recipes else RECIPES, progress)
    write_study(found, Path(out))
    print_json(found) if json else print_study(found)


def _single(
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
    return project, spec, load_single(target, project.target_folders, tuple(set or ()))
