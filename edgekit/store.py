"""Results by content: what was made once from the same inputs, settings and code is not made again.

    results/KEY.json     what a step returned, and the files that it made
    files/SHA256         those files, named by what they hold
    last/NAME.json       the key and ingredients of a step's latest result, to say why it is made again
    locks/KEY            held while a result is made, so that two builds do not make it twice

Files are written beside their place and moved there, so none is ever seen half-written. A file that no longer matches
its name is thrown away and made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import OutputError
from edgekit.files import DAMAGE
from edgekit.types import Artifact


class Result(msgspec.Struct, frozen=True):
    """What a step left in the store."""

    artifacts: dict[str, Artifact]
    """By role; the paths point into the store."""
    value: msgspec.Raw
    """What the step returned, as JSON."""
    seconds: float
    note: str = ""
    """How it was made, where that was not the usual way."""


class Record(msgspec.Struct, frozen=True):
    """A key's ingredients by name: settings, and hashes of inputs, code and libraries."""

    key: str
    ingredients: dict[str, Any]


class Store:
    """A folder of results.

    Args:
      folder: made when first needed; may be shared between checkouts and users' builds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: set[str] = set()
        """Keys whose files were found not to match their hashes."""

    def get(self, key: str) -> Result | None:
        """The result under a key, with all its files intact, or None."""
        path = self._result(key)
        try:
            result = msgspec.json.decode(path.read_bytes(), type=Result)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, *DAMAGE):
            self._damaged(key)
            return None
        for role, artifact in result.artifacts.items():
            file = self.file(artifact.sha256)
            if not file.is_file() or sha256(file) != artifact.sha256:
                file.unlink(missing_ok=True)
                self._damaged(key)
                return None
            result.artifacts[role] = msgspec.structs.replace(artifact, path=str(file))
        return result

    def put(
        self,
        key: str,
        files: dict[str, tuple[str, Path]],
        value: Any,
        seconds: float,
        note: str = "",
        keep: bool = True,
    ) -> Result:
        """Takes files over (they are moved) and files a result under a key.

        Args:
          files: kind and path by role.
          keep: whether the next build is to find it.
        """
        artifacts = {}
        for role, (kind, path) in files.items():
            digest, size = sha256(path), path.stat().st_size
            place = self.file(digest)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
            artifacts[role] = Artifact(kind, str(place), size, digest)
        result = Result(artifacts, msgspec.Raw(msgspec.json.encode(value)), seconds, note)
        named = {role: msgspec.structs.replace(a, path="") for role, a in artifacts.items()}
        if keep:
            write(self._result(key), msgspec.json.encode(msgspec.structs.replace(result, artifacts=named)))
        self.damaged.discard(key)
        return result

    def last(self, name: str) -> Record | None:
        """The latest key and ingredients that were filed under a name."""
        try:
            return msgspec.json.decode((self.folder / "last" / f"{name}.json").read_bytes(), type=Record)
        except (OSError, *DAMAGE):
            return None

    def remember(self, name: str, record: Record) -> None:
        """Files the latest key and ingredients under a name."""
        write(self.folder / "last" / f"{name}.json", msgspec.json.encode(record))

    @contextlib.contextmanager
    def making(self, key: str, alone: bool = False) -> Iterator[Path]:
        """An empty folder to make a result in, while no other build makes the same one.

        Args:
          alone: wait until no other build makes a result of this kind, so that measurements do not disturb each other.
        """
        locks, work = self.folder / "locks", self.work
        try:
            locks.mkdir(parents=True, exist_ok=True)
            work.mkdir(parents=True, exist_ok=True)
            write(self.folder / ".gitignore", b"*\n")
            for left in work.iterdir():  # by a build that was killed
                if time.time() - left.stat().st_mtime > 7 * 86400:
                    shutil.rmtree(left, ignore_errors=True)
        except OSError as problem:
            raise OutputError(f"{self.folder}: cannot be written ({problem.strerror}); set EDGEKIT_STORE") from None
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock(key))
            if alone:
                stack.enter_context(self._lock("alone"))
            yield Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work)))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """While no other build of this store writes an output folder."""
        (self.folder / "locks").mkdir(parents=True, exist_ok=True)
        with self._lock("outputs"):
            yield

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        from filelock import FileLock

        lock = FileLock(self.folder / "locks" / name)
        try:
            lock.acquire()
        except (OSError, NotImplementedError) as problem:
            said = getattr(problem, "strerror", None) or "it lies where files cannot be locked"
            raise OutputError(
                f"{self.folder}: cannot be locked ({said}); set EDGEKIT_STORE to another folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def work(self) -> Path:
        """Where results are made."""
        return self.folder / "work"

    def file(self, digest: str) -> Path:
        """Where the file with a SHA-256 lies."""
        return self.folder / "files" / digest[:2] / digest

    def _result(self, key: str) -> Path:
        return self.folder / "results" / key[:2] / f"{key}.json"

    def _damaged(self, key: str) -> None:
        self._result(key).unlink(missing_ok=True)
        self.damaged.add(key)


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
