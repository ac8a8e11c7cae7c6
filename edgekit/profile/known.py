"""Which profiles there are, where each lies, and which ones it extends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgekit.config import nearest, read_table
from edgekit.errors import TargetError


def built_in() -> Path:
    """Folder of the profiles that edgekit brings: in the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return next((f for f in (package / "targets", package.parent / "targets") if f.is_dir()), package / "targets")


def known_targets(folders: list[Path]) -> dict[str, Path]:
    """Name and file of each profile; an earlier folder wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def layers(name: str, folders: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """The file and the tables of a profile, then those of the one that it extends, and so on.

    A profile that extends its own name extends that of a later folder: the project's `phone` the one that edgekit
    brings. What edgekit brings extends nothing of the project.

    Raises:
      TargetError: there is no such profile, a file is wrong, or they extend each other in a circle.
    """
    found: list[tuple[Path, dict[str, Any]]] = []
    said_by, left = "", folders
    while True:
        files = known_targets(left)
        if name not in files:
            raise TargetError(f'{said_by}unknown target "{name}"; {nearest(name, list(known_targets(folders)))}')
        path = files[name]
        if any(path == file for file, _ in found):
            circle = " > ".join([*(file.stem for file, _ in found), name])
            raise TargetError(f"{said_by}the profiles extend each other in a circle: {circle}")
        table = read_table(path, TargetError)
        parent = table.pop("extends", None)
        if "name" in table:
            raise TargetError(f"{shown(path)}: name: a profile is named by its file; remove the key")
        found.append((path, table))
        if parent is None:
            return found
        if not isinstance(parent, str):
            raise TargetError(f'{shown(path)}: extends: expected the name of a profile, such as "phone"')
        here = next(n for n, folder in enumerate(folders) if folder == path.parent)
        said_by, left, name = f"{shown(path)}: extends: ", folders[here + (parent == name) :], parent


def origin(path: Path) -> str:
    """Where a profile comes from, for a list."""
    return "built-in" if path.parent == built_in() else shown(path)


def shown(path: Path) -> str:
    """The path as a person would type it here."""
    return min(os.path.relpath(path), str(path), key=len)
