"""Reading the files that edgekit wrote itself: whole and of the right form, or one error."""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from edgekit.errors import EdgekitError, OutputError

T = TypeVar("T")
DAMAGE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises where the content is not what it should be; text that is not UTF-8 is a ValueError."""


def read_json(path: Path, kind: type[T], advice: str, error: type[EdgekitError] = OutputError) -> T:
    """A JSON file as the type that it was written from.

    Args:
      advice: what to do where it cannot be read.

    Raises:
      error: it is missing, cannot be read, or holds something else.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise error(f"{path} is missing; {advice}") from None
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); {advice}") from None
    return decoded(path, content, kind, advice, error)


def decoded(path: Path, content: bytes, kind: type[T], advice: str, error: type[EdgekitError] = OutputError) -> T:
    """The content of a JSON file as a type; see `read_json`."""
    try:
        return msgspec.json.decode(content, type=kind)
    except DAMAGE as problem:
        raise error(f"{path} cannot be read ({problem}); {advice}") from None


def near(path: Path, advice: str) -> str:
    """`did you mean "net.keras"?` of a missing file, for one beside it with almost that name; else `advice`."""
    try:
        names = [found.name for found in path.parent.iterdir()]
    except OSError:
        return advice
    alike = difflib.get_close_matches(path.name, names, n=1, cutoff=0.8)
    return f'did you mean "{alike[0]}"?' if path.name not in names and alike else advice


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; leaves one alone that holds the same already.

    Raises:
      OutputError: the place cannot be written.
    """
    write_all({path: content})


def write_all(files: Mapping[Path, bytes]) -> None:
    """Writes a set of files, all of them or none; leaves those alone that hold the same already.

    They take their places in the order given, once all are there beside them.

    Raises:
      OutputError: a place cannot be written.
    """
    parts: dict[Path, Path] = {}
    path = Path()
    try:
        try:
            for path, content in files.items():
                if _holds(path, content):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
                parts[path] = Path(name)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    os.fchmod(file.fileno(), 0o644)
            for path, part in parts.items():
                part.replace(path)
        except BaseException:
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written ({problem.strerror}); choose another folder") from None


def _holds(path: Path, content: bytes) -> bool:
    with contextlib.suppress(OSError):
        return path.read_bytes() == content
    return False


def sha256(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names, in hexadecimal."""
    if path.is_dir():
        whole = hashlib.sha256()
        for inner in sorted(p for p in path.rglob("*") if p.is_file()):
            whole.update(os.fsencode(inner.relative_to(path)) + f"\0{sha256(inner)}\0".encode())
        return whole.hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def relative(source: str, root: Path) -> str:
    """A model or dataset as a report names it: relative to the project where it lies inside."""
    path = Path(source)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else source


def remove(folder: Path) -> int:
    """Deletes a folder or file; returns the bytes that were freed."""
    if folder.is_file():
        size = folder.stat().st_size
        folder.unlink()
        return size
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    shutil.rmtree(folder)
    return size


def check_writable(folder: Path, advice: str = "choose another with --out=DIR") -> None:
    """Refuses an output folder that cannot be written, before any stage spends time; makes nothing.

    Raises:
      OutputError: says which part of the path is in the way.
    """
    place = folder.absolute()
    while not place.exists() and not place.is_symlink():
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"{folder}: cannot be written: {place} is not a folder; {advice}")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be written: no permission in {place}; {advice}")
