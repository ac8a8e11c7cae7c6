"""A task and what it says of itself: its group, how it is called, examples, and its arguments in order.

A command is one function in a file of this folder, and one line in `edgekit/tasks/__init__.py`:

    @task(
        group="files",
        usage="FILE [options]",
        examples={
            "shrink model.tflite": "writes shrunk/model.tflite",
            "shrink model.tflite --out=small --keep-names": "the same for debugging, into another folder",
        },
        help=options("json", path="FILE: a .tflite file", out="DIR: folder of the smaller file", keep_names="leave …"),
        positional=["path"],
    )
    @command
    def shrink(c: Context, path: str, out: str = "shrunk", keep_names: bool = False, json: bool = False) -> None:
        \"\"\"Make a .tflite smaller without changing its outputs.

        Whatever else there is to say.
        \"\"\"

- `group` is one of `GROUPS`. The commands of a group are shown in the order in which `__init__.py` adds them.
- `usage` stands behind the command's name. An argument is shown as it is written there: `FILE` or `--out=FILE`.
- `examples` are two command lines, without `edgekit`, and what each does. A test parses them.
- The order of the parameters is that of the help: what people type most comes first.
- The help of an argument that takes a value begins with a word for that value: `FILE: `, `NAME: `, `DIR: `, `N: `.
- The first line of the docstring has at most 64 characters and a full stop.
- `SHORT` has the short forms. They are the same for every command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from invoke import Argument, ParseError, Task

GROUPS = {
    "daily": "Daily work",
    "build": "Build",
    "understand": "Understand",
    "files": "Files",
    "release": "Release",
    "environment": "Environment",
}
SHORT = {
    "target": "t",
    "model": "m",
    "data": "d",
    "out": "o",
    "set": "s",
    "runtime": "r",
    "name": "n",
    "json": "j",
    "verbose": "v",
}
LONGEST = 64
"""Characters of the line that says what a command does, so that a list of them has 80 columns."""
VALUE = re.compile(r"([A-Z][\w=,]*): ")
"""The word that stands for the value of an argument, before its help."""


class HelpfulTask(Task):
    """A task of Invoke with a help of its own."""

    def __init__(
        self, body: Callable[..., None], *, group: str, usage: str, examples: dict[str, str], **more: Any
    ) -> None:
        super().__init__(body, auto_shortflags=False, **more)
        line = (self.__doc__ or "").splitlines()[0]
        if len(line) > LONGEST:
            raise ValueError(f"{self.name}: the first line of its docstring has more than {LONGEST} characters: {line}")
        self.group, self.usage, self.examples = group, usage, examples

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The task's arguments, and `--help`, which Invoke would give to the first argument that lacks a value."""
        asked = Argument(names=("help", "h"), kind=bool, default=False, help="show this, and do nothing")
        told = dict(self.help)  # Invoke takes out what it uses
        arguments = super().get_arguments(ignore_unknown_help)
        self.help = told
        return [*(_Typed(argument, asked) for argument in arguments), asked]


def spelled(argument: Argument, usage: str) -> str:
    """An argument as people type it: `FILE`, or `--out=DIR`."""
    value = VALUE.match(argument.help or "")
    if argument.positional and value and f"--{argument.names[0]}" not in usage:
        return value[1]
    return f"--{argument.names[0]}" + (f"={value[1]}" if value else "")


class _Typed(Argument):
    """An argument that says what it takes, and that nobody misses where help is asked for."""

    def __init__(self, like: Argument, asked: Argument) -> None:
        names = [*like.names, *(SHORT[name] for name in like.names if name in SHORT)]
        super().__init__(
            names=names,
            kind=like.kind,
            default=None if like.default is Parameter.empty else like.default,
            help=like.help,
            positional=like.positional and like.kind is not list,
            attr_name=like.attr_name,
        )
        self.asked = asked

    @property
    def value(self) -> Any:
        given = super().value
        return "" if given is None and self.positional and self.asked.value else given

    @value.setter
    def value(self, text: str) -> None:
        try:
            self.set_value(text)
        except ValueError:
            number = "a whole number" if self.kind is int else "a number"
            raise ParseError(f'--{self.names[0]} takes {number}, not "{text}"') from None
