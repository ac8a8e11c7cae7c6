"""`TASK --help`: what a task does, whatever else it would take as a value."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from invoke import Argument, Collection, Program, Task


class HelpfulTask(Task):
    """A task with `--help` and `-h` of its own; Invoke gives those to the first argument that lacks a value."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The task's arguments, and `--help`."""
        asked = Argument(names=("help", "h"), kind=bool, default=False, help="say what the task does, and do nothing")
        arguments = super().get_arguments(ignore_unknown_help)
        return [*(_Positional(a, asked) if a.positional else a for a in arguments), asked]


class _Positional(Argument):
    """An argument that nobody misses where help is asked for."""

    def __init__(self, like: Argument, asked: Argument) -> None:
        super().__init__(names=like.names, kind=like.kind, help=like.help, positional=True, attr_name=like.attr_name)
        self.asked = asked

    @property
    def value(self) -> Any:
        return "" if self._value is None and self.asked.value else self._value

    @value.setter
    def value(self, text: str) -> None:
        self.set_value(text)


def print_help(name: str, namespace: Collection) -> None:
    """Prints what a task does and each of its options."""
    binary = Path(sys.argv[0]).name
    binary = "edgekit" if binary == "__main__.py" else binary
    Program(name=binary, namespace=namespace).run([binary, "--help", name], exit=False)
