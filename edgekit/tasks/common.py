"""What every task has: `--help`, an exit status, one line for an error, and the options that several share."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from invoke import Collection, Exit
from invoke import task as plain_task

from edgekit.tasks.help import help_of
from edgekit.tasks.outcome import fill_streams, flush, outcome, stopping
from edgekit.tasks.task import HelpfulTask

namespace = Collection()
"""All tasks; see `edgekit.tasks`."""
task = functools.partial(plain_task, klass=HelpfulTask)


def command(body: Callable[..., int | None]) -> Callable[..., None]:
    """Makes an error one plain line with its exit status, and the result of a task its exit status."""

    @functools.wraps(body)
    def run(*args: Any, help: bool = False, **kwargs: Any) -> None:
        # Invoke forbids bytecode files, for the sake of tasks.py. Ours are compiled once, not in every run.
        sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
        try:
            fill_streams()
            with stopping():
                code = print(help_of(namespace[body.__name__])) if help else body(*args, **kwargs)
            flush()
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, Exit):
                raise
            line, status = outcome(error)
            with contextlib.suppress(OSError):
                flush()
            raise Exit(f"edgekit: {line}", status) from None
        if code:
            raise Exit(code=code)

    return run


HELP = {
    "target": "NAME: device profile, a name from `targets`; repeatable, or `all`",
    "model": "MODEL: a model of the project, a Keras file, a SavedModel, a .tflite, or module:function of a "
    "builder; all models of the project by default",
    "data": "PATH: dataset: .npz, a folder of class folders, module:function, or `random` (for size and speed only)",
    "out": "DIR: folder of the results, DIR/TARGET/MODEL; build in the project by default",
    "set": "KEY=VALUE: change a key of the profile for this run, such as recipe.prune.sparsity=0.7; repeatable",
    "input_shape": "SHAPE: sizes that the model leaves open: 96x96x3, or left=96x96x3,right=10",
    "custom_objects": "MODULE: Python module that defines the model's own layers",
    "trust_model": "let code in the model file run (Lambda layers): only if you made the file",
    "baseline": "NAME: baseline that limits with + are compared with; the one in pyproject.toml by default",
    "json": "print the result as JSON, and nothing else",
}
ONE = {
    "target": "NAME: device profile, a name from `targets`",
    "model": "MODEL: a model of the project, a Keras file, a SavedModel, a .tflite, or module:function of a builder; "
    "may be left out where the project has one",
}
"""The help of options of a command that is about one target and one model."""


def options(*names: str, **more: str) -> dict[str, str]:
    """The help of options: of shared ones by name, and of a task's own."""
    return {name: HELP[name] for name in names} | more
