"""Where each limit of a build was said: in the project, in a profile, or on the command line."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from edgekit.files import relative
from edgekit.profile.known import built_in, known_targets, layers
from edgekit.profile.project import ModelSpec, Project, budget_table
from edgekit.profile.target import Target

_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+")
_KEY = re.compile(r"\s*([\w.\-\"']+(?:\s*\.\s*[\w\-\"']+)*)\s*=")


class Place(Struct, frozen=True):
    """Where a limit stands."""

    said: str
    """For a person: a file, with the table of a model in pyproject.toml; or `--set`."""
    file: str = ""
    """Relative to the project where it lies inside; "" on the command line."""
    line: int = 0
    """0 where the limit has no line of its own."""


def limit_places(target: Target, spec: ModelSpec, project: Project, overrides: tuple[str, ...]) -> dict[str, Place]:
    """The place of each limit that holds for a model, by the limit's name."""
    places = {}
    for override in overrides:
        key = override.partition("=")[0]
        if key.startswith("budget."):
            places[key.removeprefix("budget.")] = Place("--set")
    if limits := spec.budgets.get(target.name):
        file, table = project.root / "pyproject.toml", budget_table(spec.name, target.name)
        places = _places(file, f"pyproject.toml: {table}", "pyproject.toml", limits, f"tool.edgekit.{table}") | places
    known = target.name in known_targets(project.target_folders)
    for file, tables in layers(target.name, project.target_folders) if known else []:
        inside = file.is_relative_to(project.root)
        name = relative(str(file), project.root) if inside else file.name
        said = name if inside or file.parent != built_in() else f"{name} of edgekit"
        places = _places(file, said, name, tables.get("budget", {}), "budget") | places
    return {limit: places[limit] for limit in target.budget.limits if limit in places}


def _places(file: Path, said: str, name: str, limits: dict[str, object], table: str) -> dict[str, Place]:
    """The limits of a table, with the lines where they stand in the file."""
    lines: dict[str, int] = {}
    inside = ""
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if header := _HEADER.match(text):
            inside = header[1] + "."
        elif key := _KEY.match(text):
            lines.setdefault(re.sub(r"[\s\"']", "", inside + key[1]), number)
    return {limit: Place(said, name, lines.get(f"{table}.{limit}", 0)) for limit in limits}
