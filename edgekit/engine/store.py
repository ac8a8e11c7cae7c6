"""Results by content: what was made once from the same inputs, settings and code is not made again.

    results/KEY.json     what a stage returned, and the files that it made; its first line is the SHA-256 of the rest
    files/SHA256         those files, named by what they hold
    last/NAME.json       the key and ingredients of a step's latest result, to say why it is made again
    locks/KEY            held while a result is made, so that two builds do not make it twice

Files are written beside their place and moved there, so none is ever seen half-written. A file that no longer matches
its name is thrown away and made again. Machines may share results in a place behind the folder, see
`edgekit.engine.remote`: what comes from there is verified like what lies here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from edgekit.engine.remote import Remote
from edgekit.errors import OutputError
from edgekit.files import DAMAGE, sha256, write
from edgekit.types import Artifact

_SHA256 = re.compile("[0-9a-f]{64}")


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
      remote: what machines share. What is not in the folder is looked for there, and what is made is sent there.
    """

    def __init__(self, folder: Path, remote: Remote | None = None) -> None:
        self.folder = folder
        self.remote = remote
        self.damaged: set[str] = set()
        """Keys whose files were found not to match their hashes."""

    def get(self, key: str, returns: Any = None) -> Result | None:
        """The result under a key, with all its files intact, or None.

        Args:
          returns: type of its value; another one is damage.

        Raises:
          OutputError: the remote place cannot be read.
        """
        found = self._found(key, returns)
        if found is None and self.remote and self._fetch(key):
            found = self._found(key, returns)
        return found

    def _found(self, key: str, returns: Any) -> Result | None:
        """The result under a key in the folder."""
        path = self._result(key)
        try:
            digest, content = path.read_bytes().split(b"\n", 1)
            if digest.decode() != hashlib.sha256(content).hexdigest():
                raise ValueError("not what was written")
            result = msgspec.json.decode(content, type=Result)
            msgspec.json.decode(result.value, type=returns or Any)
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

    def took(self, key: str) -> float:
        """Seconds that the result under a key took, 0 where there is none."""
        try:
            return msgspec.json.decode(self._result(key).read_bytes().split(b"\n", 1)[1], type=Result).seconds
        except (OSError, IndexError, *DAMAGE):
            return 0.0

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

        Raises:
          OutputError: the remote place cannot be written; the folder has the result.
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
            content = msgspec.json.encode(msgspec.structs.replace(result, artifacts=named))
            content = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
            write(self._result(key), content)
            if self.remote and not self._send(key, content, result):
                # Another machine was first. Its result stands, so that all go on from the same one.
                self._result(key).unlink()
                result = self.get(key) or result
        self.damaged.discard(key)
        return result

    def _fetch(self, key: str) -> bool:
        """Copies a result and its files from the remote place, unverified; False where there is none."""
        assert self.remote
        content = self.remote.read(_result(key))
        if content is None:
            return False
        with contextlib.suppress(*DAMAGE):
            for artifact in msgspec.json.decode(content.partition(b"\n")[2], type=Result).artifacts.values():
                if _SHA256.fullmatch(artifact.sha256) and not self.file(artifact.sha256).is_file():
                    file = self.remote.read(_file(artifact.sha256))
                    if file is not None:
                        write(self.file(artifact.sha256), file)
        write(self._result(key), content)
        return True

    def _send(self, key: str, content: bytes, result: Result) -> bool:
        """Files a result in the remote place, its files first; False where another one is there already."""
        assert self.remote
        again = key in self.damaged
        for artifact in result.artifacts.values():
            self.remote.write(_file(artifact.sha256), Path(artifact.path).read_bytes(), again)
        return self.remote.write(_result(key), content, again)

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
        return self.folder / _file(digest)

    def _result(self, key: str) -> Path:
        return self.folder / _result(key)

    def _damaged(self, key: str) -> None:
        self._result(key).unlink(missing_ok=True)
        self.damaged.add(key)


def _file(digest: str) -> str:
    return f"files/{digest[:2]}/{digest}"


def _result(key: str) -> str:
    return f"results/{key[:2]}/{key}.json"
