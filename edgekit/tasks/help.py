"""What `edgekit` and `edgekit TASK --help` print."""

from __future__ import annotations

import inspect
import shutil
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from invoke import Argument, Collection

from edgekit.tasks.task import GROUPS, VALUE, HelpfulTask, spelled

WIDEST = 100


def overview(namespace: Collection) -> str:
    """All commands by group, with a line each."""
    tasks = [task for task in namespace.tasks.values() if isinstance(task, HelpfulTask)]
    first = max(len(task.name) for task in tasks)
    parts = [
        "edgekit builds TensorFlow Lite models for devices and holds them to a budget.",
        f"Usage: {_binary()} COMMAND [options]",
    ]
    for group, title in GROUPS.items():
        rows = [(task.name, described(task)[0]) for task in tasks if task.group == group]
        if rows:
            parts.append(f"{title}:\n{_columns(rows, first)}")
    return "\n\n".join([*parts, f"{_binary()} COMMAND --help shows its options and examples."])


def help_of(task: HelpfulTask) -> str:
    """How a task is called, what it does, its arguments, and examples."""
    arguments = [(_named(argument, task.usage), explained(argument)) for argument in task.get_arguments()]
    summary, *more = described(task)
    shown = [(f"{_binary()} {line}", said) for line, said in task.examples.items()]
    return "\n\n".join(
        [
            f"Usage: {_binary()} {task.name} {task.usage}",
            *(_filled(text) for text in (summary, *more)),
            _columns(arguments, max(len(name) for name, _ in arguments)),
            "\n".join(["Examples:", *(f"  {line}\n{_filled(said, '      ')}" for line, said in shown)]),
        ]
    )


def described(task: HelpfulTask) -> list[str]:
    """The paragraphs of a task's docstring."""
    return [" ".join(text.split()) for text in (inspect.getdoc(task) or "").split("\n\n")]


def _named(argument: Argument, usage: str) -> str:
    """An argument with its short form, where it is an option."""
    name, short = spelled(argument, usage), argument.nicknames
    if not name.startswith("--"):
        return name
    return f"-{short[0]}, {name}" if short else f"    {name}"


def explained(argument: Argument) -> str:
    """The help of an argument, with its default."""
    said = VALUE.sub("", argument.help or "", count=1)
    default = argument.default
    return f"{said} [default: {default}]" if isinstance(default, (str, int)) and default not in ("", False) else said


def _columns(rows: Iterable[tuple[str, str]], first: int) -> str:
    """Rows of a word and what it means."""
    lines = []
    for name, text in rows:
        body = _filled(text, " " * (first + 4))
        lines.append(f"  {name.ljust(first)}  {body.lstrip()}")
    return "\n".join(lines)


def _filled(text: str, indent: str = "") -> str:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    return textwrap.fill(
        text, max(width, len(indent) + 20), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _binary() -> str:
    """What the command was called as: edgekit, or invoke."""
    path = Path(sys.argv[0])
    name = path.parent.name if path.name == "__main__.py" else path.name
    return name if name in ("invoke", "inv") else "edgekit"
