"""What `edgekit init` has to know: from its options, or asked at a terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from edgekit.config import nearest
from edgekit.data.spec import RANDOM
from edgekit.errors import ProjectError
from edgekit.profile import found
from edgekit.profile.profiles import known_targets, load_target
from edgekit.profile.project import ProjectTable, check_not_swapped, is_function, project_at
from edgekit.report.text import one_line
from edgekit.types import Reading

Proposals = Sequence[tuple[str, str]]
"""Answers, each with what is said of it."""


class Wish(Struct, frozen=True):
    """What a person says of the project that is to be."""

    folder: Path
    model: str = ""
    """As it was typed: a path, or `module:function`."""
    data: str = ""
    device: str = ""
    reading: Reading = Reading()
    metric: str = "accuracy"
    skip: tuple[str, ...] = ()
    """Files that are not to be written."""


class Question(NamedTuple):
    """What has to be known, and how it is asked for."""

    option: str
    """As it is typed, such as `--model=FILE`."""
    text: str
    proposals: Callable[[], Proposals]
    problem: Callable[[str], str]
    """What is wrong with an answer; "" where nothing is."""
    usual: bool = True
    """Whether an empty line stands for the first proposal."""


def completed(model: str | None, data: str | None, device: str | None, given: Wish) -> Wish:
    """The options of a command; where somebody is there to answer, those that are missing are asked for.

    Args:
      given: those that have defaults.

    Raises:
      ProjectError: one is missing and nobody is there, or it names nothing that there is.
      KeyboardInterrupt: the person left.
    """
    answers = dict(zip(_questions(given.folder), (model, data, device), strict=True))
    for question, said in answers.items():
        if said and (wrong := question.problem(said)):
            raise ProjectError(f"{question.option.partition('=')[0]}={said}: {wrong}")
    check_not_swapped(model, data)
    _check_terminal(answers)
    model, data, device = (said or _asked(question) for question, said in answers.items())
    return replace(given, model=model, data=data, device=device)


def chosen_device(device: str | None, folder: Path) -> str:
    """The device of a further target; asked for where it is missing and somebody is there.

    Raises:
      ProjectError: there is no such device, or nobody is there to ask.
      KeyboardInterrupt: the person left.
    """
    question = _questions(folder)[-1]
    if device and (wrong := question.problem(device)):
        raise ProjectError(f"--target={device}: {wrong}")
    _check_terminal({question: device})
    return device or _asked(question)


def check_folder(folder: Path) -> None:
    """Refuses a file where the folder of a project is meant.

    Raises:
      ProjectError: says which option the file belongs to.
    """
    if folder.is_file():
        option = "--data" if folder.suffix == ".npz" else "--model"
        raise ProjectError(f"{folder} is a file, not a folder: write {option}={folder}")


def _check_terminal(answers: dict[Question, str | None]) -> None:
    """Refuses to ask where nobody can answer.

    Raises:
      ProjectError: with a command line to type, made of what the folder holds.
    """
    missing = [question for question, said in answers.items() if not said]
    if not missing or (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    words = []
    for question, said in answers.items():
        option, _, kind = question.option.partition("=")
        first = said or next((answer for answer, _ in question.proposals()), kind)
        words.append(f"{option}={shlex.quote(first)}")
    lacking = " and no ".join(question.option for question in missing)
    raise ProjectError(
        f"no terminal to ask at, and no {lacking}; write edgekit init {' '.join(words)} (edgekit targets lists the "
        "devices)"
    )


def _questions(folder: Path) -> list[Question]:
    devices = known_targets(project_at(folder.absolute(), ProjectTable()).target_folders)
    folders = list(dict.fromkeys(path.parent for path in devices.values()))

    def described() -> Proposals:
        return [(name, load_target(name, folders).description) for name in devices]

    def no_device(said: str) -> str:
        if not said:
            return "type a number or a name"
        return "" if said in devices else f"no such device; {nearest(said, list(devices))}"

    return [
        Question("--model=FILE", "Which model?", lambda: _paths(found.models(folder)), _no_source),
        Question("--data=PATH", "Which data, to calibrate and score with?", lambda: _datasets(folder), _no_data),
        Question("--target=NAME", "Which device?", described, no_device, usual=False),
    ]


def _asked(question: Question) -> str:
    """A person's answer: a proposal by its number, or another text."""
    import readline  # makes input() edit the line, and complete the names of files

    readline.parse_and_bind("tab: complete")
    readline.set_completer_delims("")
    proposals = question.proposals()
    usual, digits = question.usual and bool(proposals), len(str(len(proposals)))
    width = max((len(one_line(answer)) for answer, _ in proposals), default=0)
    print(question.text)
    for number, (answer, said) in enumerate(proposals, 1):
        print(f"  {number:>{digits}}  {one_line(answer):<{width}}  {one_line(said)}".rstrip())
    while True:
        try:
            given = input("[1] > " if usual else "> ").strip()
        except EOFError:
            raise KeyboardInterrupt from None
        if given.startswith("~"):
            given = str(Path(given).expanduser())
        if usual and not given:
            return proposals[0][0]
        if given.isdecimal() and 1 <= int(given) <= len(proposals):
            return proposals[int(given) - 1][0]
        if not (wrong := question.problem(given)):
            return given
        print(f"  {one_line(wrong)}")


def _no_source(said: str) -> str:
    return "" if said and (Path(said).exists() or is_function(said)) else "no such file or folder, nor module:function"


def _no_data(said: str) -> str:
    return "" if said == RANDOM else _no_source(said)


def _paths(paths: Sequence[Path]) -> Proposals:
    return [(os.path.relpath(path), "") for path in paths]


def _datasets(folder: Path) -> Proposals:
    return [*_paths(found.datasets(folder)), (RANDOM, "none: limits on size and speed only")]
