"""The task that makes a folder with a model a project."""

from __future__ import annotations

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(
    group="daily",
    usage="[DIR] [options]",
    examples={
        "init": "in a folder with a model and data: asks for what it has to know",
        "init --model=net.keras --data=samples.npz --target=microcontroller": "the same without questions",
    },
    positional=["folder"],
    iterable=["skip"],
    help=options(
        "input_shape",
        "custom_objects",
        "trust_model",
        "json",
        folder="DIR: folder of the project",
        model="FILE: a Keras file, a SavedModel, a .tflite, or module:function of a builder",
        data="PATH: dataset: .npz, a folder of class folders, module:function, or `random` (for size and speed only)",
        target="NAME: the device, a name from `targets`, such as phone or microcontroller",
        metric="NAME: how good it is: accuracy, top-5, f1, auc, mae, mse or module:function",
        skip="FILE: leave this one as it is, such as .gitlab-ci.yml; repeatable",
    ),
)
@command
def init(
    c: Context,
    folder: str = ".",
    model: str | None = None,
    data: str | None = None,
    target: str | None = None,
    skip: list[str] | None = None,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
    metric: str = "accuracy",
) -> None:
    """Make a folder a project, with budgets that fit its model.

    Builds the model once for the device, and writes pyproject.toml, targets/NAME.toml with limits that follow from that
    build, .gitignore, tasks.py, and jobs for GitHub and GitLab. Adds lines to pyproject.toml and .gitignore,
    changes no other file that is there, and writes all of them or none.

    In a project that is there, it adds a target: it builds a model of the project for the device and writes
    targets/NAME.toml, nothing else. Where there are several models, --model=NAME says which.
    """
    from msgspec.structs import replace

    from edgekit.commands.further import further, project_in
    from edgekit.commands.init import init, print_started
    from edgekit.commands.wish import Wish, check_folder, chosen_device, completed
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress
    from edgekit.types import Reading

    reading = Reading(input_shape, custom_objects, trust_model)
    wish = Wish(Path(folder), model or "", data or "", target or "", reading, metric, tuple(skip or ()))
    check_folder(wish.folder)
    if project := project_in(wish.folder):
        wish = replace(wish, device=chosen_device(target, wish.folder))
        with Progress(json) as progress:
            started = further(project, wish, progress)
    else:
        wish = completed(model, data, target, wish)
        with Progress(json) as progress:
            started = init(wish, progress)
    print_json(started) if json else print_started(started)
