"""The command line `edgekit`: Invoke's parser, with our help and one line for what was typed wrong."""

from __future__ import annotations

import re
from ast import literal_eval
from pathlib import Path

from invoke import Exit, ParseError, Program
from invoke.parser import Parser, ParserContext

from edgekit.config import closest, project_table
from edgekit.errors import EdgekitError, ProjectError
from edgekit.tasks.help import help_of, overview
from edgekit.tasks.task import spelled

_UNKNOWN = re.compile(r"No idea what (.*) is!")
_MISSING = re.compile(r"'.*' did not receive required positional arguments: .*")
_WITHOUT_VALUE = re.compile(r"Flag <\w+: ([\w-]+).*> needed value")
"""What Invoke's parser says."""


class CommandLine(Program):
    """A command line whose mistakes are the user's input: exit status 2, where Invoke says 1."""

    def _make_parser(self) -> Parser:
        """Behind a task stand its own options only, and not those of Invoke."""
        return Parser(initial=ParserContext(), contexts=self.collection.to_contexts())

    def parse_tasks(self) -> None:
        self.core.unparsed = self._spelled_out(self.core.unparsed)
        try:
            super().parse_tasks()
        except ParseError as error:
            raise Exit(f"edgekit: {self._explained(error)}", 2) from None

    def parse_cleanup(self) -> None:
        for context in self.tasks:
            if context.args.help.value:
                self.print_task_help(str(context.name))
                raise Exit
        try:
            super().parse_cleanup()
        except ParseError:
            raise Exit(f"edgekit: {self._no_command(self.args.help.value)}", 2) from None

    def print_help(self) -> None:
        if not _in_project():
            print("No project here yet: type edgekit init in a folder with a model and its data.\n")
        print(overview(self.collection))

    def print_task_help(self, name: str) -> None:
        print(help_of(self.collection[name]))

    def _spelled_out(self, words: list[str]) -> list[str]:
        """With the option that a word right behind the command stands for, where that word may be left out."""
        if len(words) < 2 or words[0] not in self.collection or words[1].startswith("-"):
            return words
        arguments = self.collection[words[0]].get_arguments()
        optional = next((a for a in arguments if a.positional and a.default is not None), None)
        return [words[0], f"--{optional.names[0]}={words[1]}", *words[2:]] if optional else words

    def _explained(self, error: ParseError) -> str:
        """What was typed wrong, and what is right."""
        said, context = str(error), error.context
        unknown = _UNKNOWN.fullmatch(said)
        word = literal_eval(unknown[1]) if unknown else ""
        if context is None or context.name is None:
            if not unknown:
                return said
            return _no_option(word, self.initial_context) if word.startswith("-") else self._no_command(word)
        task = self.collection[context.name]
        if unknown and word.startswith("-"):
            return f"{task.name}: {_no_option(word, context)}"
        if unknown and (option := _option_of(word, context)):
            return f'{task.name}: "{word}" is a file; write {option}={word}'
        if unknown and (near := closest(word, self.collection.tasks)):
            return f'there is no command "{word}"; did you mean "{near}"?'
        if unknown:
            said = f'"{word}" is one word too many'
        elif _MISSING.fullmatch(said):
            missing = [spelled(argument, task.usage) for argument in context.missing_positional_args]
            said = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        elif without := _WITHOUT_VALUE.match(said):
            said = f"--{without[1]} needs a value"
        return f"{task.name}: {said}; usage: edgekit {task.name} {task.usage}"

    def _no_command(self, word: str) -> str:
        near = closest(word, self.collection.tasks)
        return f'there is no command "{word}"; ' + (f'did you mean "{near}"?' if near else "edgekit --help lists them")


def _in_project() -> bool:
    try:
        return project_table(Path.cwd(), ProjectError) is not None
    except (EdgekitError, OSError):
        return True  # a command says what is wrong with it


def _option_of(word: str, context: ParserContext) -> str:
    """The option that a file belongs to which was typed without one; "" where the word is no file."""
    kind = Path(word).suffix
    option = {".keras": "--model", ".h5": "--model", ".hdf5": "--model", ".tflite": "--model", ".npz": "--data"}.get(
        kind
    )
    return option if option and option in context.flags else ""


def _no_option(word: str, context: ParserContext) -> str:
    near = closest(word.lstrip("-"), [flag[2:] for flag in context.flags if flag.startswith("--")])
    said = f"did you mean --{near}?" if near else f"edgekit {context.name or ''} --help lists them".replace("  ", " ")
    return f"there is no option {word}; {said}"
