"""A folder of recordings: class folders, and in them the files, or folders of the files that belong together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgekit.data.folder import class_folders, entries
from edgekit.errors import DataError, ProjectError

if TYPE_CHECKING:
    import numpy as np

BYTES = 1 << 28
"""The most that a file may have."""


class Recordings(NamedTuple):
    """The files of a folder."""

    files: list[Path]
    inside: list[Path]
    """Each within the folder of its class."""
    y: np.ndarray | None
    """(N,) int64, the class of each file; None where the folders do not say it."""
    left_out: list[Path]
    """Files with other endings."""

    def groups(self, pattern: str) -> np.ndarray | None:
        """The group of each file, (N,) of text; None where nothing says which belong together.

        Args:
          pattern: a regular expression, whose first parentheses find it in `inside`; "" for the folders inside of the
            class folders, where there are any.

        Raises:
          ProjectError: it is no such expression, or does not fit a file.
        """
        import numpy as np

        found = [_group(file, pattern) for file in self.inside]
        return np.array(found) if any(found) else None


class Recorded(NamedTuple):
    """Samples as a sensor gives them."""

    x: np.ndarray
    """(N, *Raw.shape) of Raw.dtype."""
    of: np.ndarray
    """(N,) int: the number of the recording that each was taken from."""
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    y: np.ndarray | None = None
    """(N,) int: classes, where the recordings themselves say them,"""
    groups: np.ndarray | None = None
    """(N,) of text: and groups."""


def recordings(folder: Path, suffixes: set[str]) -> Recordings:
    """The files with one of some endings, in the order of their classes and names; where there are no class folders,
    those in the folder itself.

    Raises:
      DataError: there are none.
    """
    import numpy as np

    files, inside, y, left_out = list[Path](), list[Path](), list[int](), list[Path]()
    places = class_folders(folder)
    for label, place in enumerate(places or [folder]):
        for file in _inside(place):
            if file.suffix.lower() in suffixes:
                files.append(file)
                inside.append(file.relative_to(place))
                y.append(label)
            else:
                left_out.append(file)
    if not files:
        endings = ", ".join(sorted(suffixes))
        raise DataError(f"{folder}: no recordings; expected one folder for each class, with {endings} in it")
    return Recordings(files, inside, np.array(y, np.int64) if len(places) > 1 else None, left_out)


def read_bounded(file: Path) -> bytes:
    """The content of a file that came from anywhere.

    Raises:
      DataError: it cannot be read, is no file, or larger than `BYTES`.
    """
    try:
        size = file.stat().st_size
        if not file.is_file() or size > BYTES:
            raise DataError(f"{file}: takes {size:,} B, and a recording may take {BYTES:,}; cut it into several")
        return file.read_bytes()
    except OSError as problem:
        raise DataError(f"{file}: cannot be read ({problem.strerror}); check its permissions") from None


def check_memory(where: str, claimed: int) -> None:
    """Refuses what would take more than half of the memory that is free.

    Raises:
      DataError: it would.
    """
    import psutil

    if claimed > (free := psutil.virtual_memory().available) // 2:
        raise DataError(f"{where}: its samples would take {claimed:,} B, and {free:,} B of memory are free; give fewer")


def _inside(place: Path) -> list[Path]:
    """The files of a class, those in folders too; no link leads out of it."""
    found = list[Path]()
    for entry in entries(place):
        if entry.is_dir() and entry.is_symlink():
            raise DataError(f"{entry}: a link to a folder; put the folder itself there")
        inner = entries(entry) if entry.is_dir() else [entry]
        if deep := next((one for one in inner if one.is_dir()), None):
            raise DataError(f"{deep}: a folder too deep; recordings lie in CLASS or in CLASS/GROUP")
        found += inner
    return found


def _group(file: Path, pattern: str) -> str:
    if not pattern:
        return file.parts[0] if len(file.parts) > 1 else ""
    try:
        found = re.search(pattern, file.as_posix())
    except re.error as problem:
        raise ProjectError(f"group: {pattern!r} is no regular expression ({problem}); mend it") from None
    if not found or not found.groups() or not found[1]:
        raise ProjectError(
            f"group: {pattern!r} finds no group in {file.as_posix()!r}; put parentheses around what files of one group "
            r"have in common, such as '_([a-z]+)_\d+'"
        )
    return found[1]
