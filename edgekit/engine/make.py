"""One step of a build: taken from the store where it was made before, else made in a worker process."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from edgekit.data.spec import DataSpec
from edgekit.engine.fingerprint import Fingerprints, library
from edgekit.engine.store import Record, Result, Store
from edgekit.engine.worker import Worker
from edgekit.errors import CrashError
from edgekit.files import write
from edgekit.types import Artifact, StageRow

EIGEN = "tensorflow without oneDNN"
"""The process in which a step is tried that died twice: oneDNN crashes on some graphs on some processors."""
OWN = "own code"
"""The process for a builder or dataset that is a function of the user's: it is not confined, for it may download."""
ENVIRONMENTS = {EIGEN: {"TF_ENABLE_ONEDNN_OPTS": "0"}}
"""Variables of a process that others do not have."""


class Step(msgspec.Struct, frozen=True):
    """A call whose result depends on nothing but what stands here."""

    name: str
    function: str
    """`package.module:name`; it takes the arguments by these names."""
    arguments: dict[str, Any]
    """Artifacts (handed over as paths, also those in a dictionary), datasets, and settings."""
    libraries: tuple[str, ...]
    """Packages whose version the result depends on."""
    process: str
    """Which worker carries it out; steps of one process share it."""
    returns: Any = None
    """Type of the value. One with a field `passing` that is not empty is not kept: it holds a crash, a time-out or the
    lack of memory, which the next build need not meet."""
    files: bool = True
    """Whether it makes files; the function then takes `folder` and leaves them there."""
    retry: str | None = None
    """The process in which it is tried after it crashed twice in its own."""
    place: Any = None
    """What else it depends on, such as the machine that it measures."""


class Made(msgspec.Struct, frozen=True):
    """What a step gave."""

    row: StageRow
    artifacts: dict[str, Artifact]
    """By file name."""
    value: Any
    key: str
    ingredients: dict[str, Any]

    @property
    def artifact(self) -> Artifact:
        """The one file that the step made."""
        (only,) = self.artifacts.values()
        return only


class Listener(Protocol):
    """Who is told what goes on."""

    def headline(self, text: str) -> None:
        """What comes."""

    def note(self, text: str) -> None:
        """What a person should know and no report holds."""

    def begin(self, name: str) -> None:
        """A step is being made."""

    def progress(self, text: str, share: float) -> None:
        """How far the step is, 0 to 1."""

    def end(self, row: StageRow) -> None:
        """A step was made or found."""


class Maker:
    """Makes steps, with a store and worker processes that live as long as it does.

    Args:
      ui: is told of every step.
      remeasure: make steps again whose result depends on the place, even where they are in the store.
    """

    def __init__(self, store: Store, ui: Listener, remeasure: bool = False) -> None:
        self.store = store
        self.fingerprints = Fingerprints(store)
        self.ui = ui
        self._remeasure = remeasure
        self._workers: dict[str, Worker] = {}
        self._logs: set[Path] = set()

    def __enter__(self) -> Maker:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        for name in list(self._workers):
            self.end(name, kill=kind is not None)
        if kind is None:
            self.fingerprints.save()

    def make(self, step: Step, scope: str, time_limit: float | None = None) -> Made:
        """The step's result.

        Args:
          scope: target and model, as in "phone.digits": whose log it writes, and to tell later why it is made again.

        Raises:
          EdgekitError: what the step raised.
        """
        ingredients = {name: _ingredient(value) for name, value in step.arguments.items()}
        ingredients["code"] = self.fingerprints.code(step.function)
        ingredients["libraries"] = {name: library(name) for name in step.libraries}
        if step.place is not None:
            ingredients["machine"] = _ingredient(step.place)
        key = hashlib.sha256(msgspec.json.encode([step.function, ingredients], order="sorted")).hexdigest()
        name = f"{scope}.{step.name}"
        before = self.store.last(name)
        again = self._remeasure and step.place is not None
        result = None if again else self.store.get(key)
        status: Literal["built", "cached"] = "cached"
        reason = ""
        if result is None:
            reason = "measured again" if again else self._why(key, ingredients, before)
            self.ui.begin(step.name)
            with self.store.making(key, alone=step.place is not None):
                result = None if again else self.store.get(key)  # another build may have made it meanwhile
                if result is None:
                    status = "built"
                    result = self._build(step, key, scope, time_limit)
        if before is None or before.key != key:
            self.store.remember(name, Record(key, ingredients))
        size = sum(a.bytes for a in result.artifacts.values())
        said = "; ".join(filter(None, (reason, result.note)))
        row = StageRow(step.name, status, round(result.seconds, 3), size, reason=said)
        self.ui.end(row)
        value = msgspec.json.decode(result.value, type=step.returns) if step.returns else None
        return Made(row, result.artifacts, value, key, ingredients)

    def log(self, scope: str) -> Path:
        """Where a scope's steps write what the libraries print."""
        return self.store.folder / "log" / f"{scope}.log"

    def end(self, process: str, kill: bool = False) -> None:
        """Ends a worker, which frees its memory."""
        worker = self._workers.pop(process, None)
        if worker:
            worker.close(kill)

    def _build(self, step: Step, key: str, scope: str, time_limit: float | None) -> Result:
        log = self.log(scope)
        if log not in self._logs:
            self._logs.add(log)
            write(log, b"")
        arguments = {name: _handed_over(value) for name, value in step.arguments.items()}
        start = time.perf_counter()

        def attempt(process: str) -> tuple[Any, Path]:
            worker = self._worker(process)
            folder = Path(tempfile.mkdtemp(dir=worker.scratch))
            value = worker.call(
                step.function,
                named=arguments | ({"folder": str(folder)} if step.files else {}),
                returns=Any,
                progress=self.ui.progress,
                time_limit=time_limit,
                log=log,
                what=f"{scope}: {step.name}",
            )
            return value, folder

        # The same way comes twice: what ended the first may have come from outside, and another way gives other bytes.
        ways, said = [step.process, step.process, *filter(None, [step.retry])], ""
        for number, way in enumerate(ways, 1):
            try:
                value, folder = attempt(way)
                break
            except CrashError as error:
                if number == len(ways) or not (error.passing or step.retry):
                    raise CrashError(f"{step.name}: {error}") from None
                said = str(error)
        note = f"made in {way}, because {said}" if way != step.process else ""
        files = {p.name: (p.suffix.lstrip("."), p) for p in sorted(folder.iterdir()) if _is_plain(p)}
        keep = not (isinstance(value, dict) and value.get("passing"))
        result = self.store.put(key, files, value, time.perf_counter() - start, note, keep)
        shutil.rmtree(folder, ignore_errors=True)
        return result

    def _worker(self, process: str) -> Worker:
        if process not in self._workers:
            writes = None if process == OWN else ()
            self._workers[process] = Worker(environment=ENVIRONMENTS.get(process), writes=writes, room=self.store.work)
        return self._workers[process]

    def _why(self, key: str, ingredients: dict[str, Any], before: Record | None) -> str:
        """Why a step is made, in a few words."""
        if key in self.store.damaged:
            return "its result in the store was damaged"
        if before is None:
            return "first build"
        said = list(changes(before.ingredients, msgspec.json.decode(msgspec.json.encode(ingredients)), ""))
        return ", ".join(said[:3]) + (" …" if len(said) > 3 else "") or "its result is no longer in the store"


def _is_plain(file: Path) -> bool:
    """Whether a step left a file there; a link could lead anywhere."""
    return stat.S_ISREG(file.lstat().st_mode)


def _handed_over(value: Any) -> Any:
    """An argument as the function takes it: paths in the place of artifacts, also of those by name."""
    if isinstance(value, dict):
        return {name: _handed_over(item) for name, item in value.items()}
    return value.path if isinstance(value, Artifact) else value


def _ingredient(value: Any) -> Any:
    """What of an argument decides the result."""
    if isinstance(value, Artifact):
        return value.sha256
    if isinstance(value, dict):
        return {k: _ingredient(v) for k, v in value.items()}
    if isinstance(value, DataSpec):
        return {k: v for k, v in msgspec.to_builtins(value, enc_hook=float).items() if k != "source"}
    return msgspec.to_builtins(value, enc_hook=float)


def changes(old: Any, new: Any, name: str) -> Iterator[str]:
    """Differences between two trees of plain values, each as "name old → new" or "name changed"."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(
                old.get(key), new.get(key), key if name in ("", "settings", "libraries") else f"{name}.{key}"
            )
    elif old != new:
        short = all(not isinstance(v, (dict, list)) and len(str(v)) < 24 for v in (old, new))
        yield f"{name} {old} → {new}" if short else f"{name} changed"
