"""A stage's result: taken from the store where it was made before, else made in a worker process."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from edgekit.engine.fingerprint import Fingerprints
from edgekit.engine.libraries import EIGEN, OWN, library
from edgekit.engine.python import project_folder
from edgekit.engine.stage import Call
from edgekit.engine.store import Record, Result, Store
from edgekit.engine.worker import Worker
from edgekit.errors import CrashError
from edgekit.files import write
from edgekit.types import Artifact, StageRow

R = TypeVar("R")
ENVIRONMENTS = {EIGEN: {"TF_ENABLE_ONEDNN_OPTS": "0"}}
"""Variables of a process that others do not have."""


class StageResult(msgspec.Struct, Generic[R], frozen=True):
    """What a stage gave."""

    row: StageRow
    artifacts: dict[str, Artifact]
    """By file name."""
    value: R
    key: str
    ingredients: dict[str, Any]
    model: str = ""
    """See `Call.model`."""

    @property
    def artifact(self) -> Artifact:
        """The one file that the stage made."""
        (only,) = self.artifacts.values()
        return only


class Listener(Protocol):
    """Who is told what goes on."""

    def headline(self, text: str) -> None:
        """What comes."""

    def note(self, text: str) -> None:
        """What a person should know and no report holds."""

    def begin(self, name: str, usual: float = 0.0) -> None:
        """A stage is being made; `usual` is how many seconds it took last time, 0 where that is not known."""

    def progress(self, text: str, share: float) -> None:
        """How far it is, 0 to 1."""

    def end(self, row: StageRow) -> None:
        """It was made or found."""

    def done(self, text: str, size: int = 0, accuracy: float | None = None) -> None:
        """A part of the flow is done, which all stages since the one before it belong to: in words, with the bytes of
        what it made and its accuracy in percent, where they are known."""


class Silent:
    """Who is told, and says nothing: a `Listener`."""

    def headline(self, text: str) -> None: ...
    def note(self, text: str) -> None: ...
    def begin(self, name: str, usual: float = 0.0) -> None: ...
    def progress(self, text: str, share: float) -> None: ...
    def end(self, row: StageRow) -> None: ...
    def done(self, text: str, size: int = 0, accuracy: float | None = None) -> None: ...


class Maker:
    """Makes stages, with a store and worker processes that live as long as it does.

    Args:
      ui: is told of every stage.
      remeasure: make stages again whose result depends on the place, even where they are in the store.
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

    def make(self, call: Call[R], scope: str, time_limit: float | None = None) -> StageResult[R]:
        """The result of a call.

        Args:
          scope: target and model, as in "phone.digits": whose log it writes, and to tell later why it is made again.

        Raises:
          EdgekitError: what the stage raised.
        """
        ingredients = {name: _ingredient(value) for name, value in call.arguments.items()}
        ingredients["code"] = self.fingerprints.code(call.stage.module, *call.modules)
        ingredients["libraries"] = {name: library(name) for name in call.libraries}
        if call.place is not None:
            ingredients["machine"] = _ingredient(call.place)
        key = hashlib.sha256(msgspec.json.encode([call.stage.path, ingredients], order="sorted")).hexdigest()
        name = f"{scope}.{call.name}"
        before = self.store.last(name)
        again = self._remeasure and call.place is not None
        result = None if again else self.store.get(key, call.stage.returns)
        status: Literal["built", "cached"] = "cached"
        reason = ""
        if result is None:
            reason = "measured again" if again else self._why(key, ingredients, before)
            self.ui.begin(call.name, self.store.took(before.key) if before else 0.0)
            with self.store.making(key, alone=call.place is not None):
                # Another build may have made it meanwhile.
                result = None if again else self.store.get(key, call.stage.returns)
                if result is None:
                    status = "built"
                    result = self._build(call, key, scope, time_limit)
        if before is None or before.key != key:
            self.store.remember(name, Record(key, ingredients))
        size = sum(a.bytes for a in result.artifacts.values())
        said = "; ".join(filter(None, (reason, result.note)))
        row = StageRow(call.name, status, round(result.seconds, 3), size, reason=said)
        self.ui.end(row)
        value = msgspec.json.decode(result.value, type=call.stage.returns)
        return StageResult(row, result.artifacts, value, key, ingredients, call.model)

    def log(self, scope: str) -> Path:
        """Where a scope's stages write what the libraries print."""
        return self.store.folder / "log" / f"{scope}.log"

    def end(self, process: str, kill: bool = False) -> None:
        """Ends a worker, which frees its memory."""
        worker = self._workers.pop(process, None)
        if worker:
            worker.close(kill)

    def _build(self, call: Call[R], key: str, scope: str, time_limit: float | None) -> Result:
        log = self.log(scope)
        if log not in self._logs:
            self._logs.add(log)
            write(log, b"")
        start = time.perf_counter()

        def attempt(process: str) -> tuple[Any, Path]:
            worker = self._worker(process)
            folder = Path(tempfile.mkdtemp(dir=worker.scratch))
            value = worker.call(
                call.stage.path,
                str(folder),
                named=call.arguments,
                returns=Any,
                progress=self.ui.progress,
                time_limit=time_limit,
                log=log,
                what=f"{scope}: {call.name}",
            )
            return value, folder

        # The same way comes twice: what ended the first may have come from outside, and another way gives other bytes.
        ways, said = [call.process, call.process, *filter(None, [call.stage.retry])], ""
        for number, way in enumerate(ways, 1):
            try:
                value, folder = attempt(way)
                break
            except CrashError as error:
                if number == len(ways) or not (error.passing or call.stage.retry):
                    raise CrashError(f"{call.name}: {error}") from None
                said = str(error)
        note = f"made in {way}, because {said}" if way != call.process else ""
        files = {p.name: (p.suffix.lstrip("."), p) for p in sorted(folder.iterdir()) if _is_plain(p)}
        keep = not (isinstance(value, dict) and value.get("passing"))
        result = self.store.put(key, files, value, time.perf_counter() - start, note, keep)
        shutil.rmtree(folder, ignore_errors=True)
        return result

    def _worker(self, process: str) -> Worker:
        if process not in self._workers:
            writes = None if process == OWN else ()
            # In the project's root, so that a user's own function finds its files from wherever the command was typed.
            self._workers[process] = Worker(
                environment=ENVIRONMENTS.get(process), writes=writes, room=self.store.work, folder=project_folder()
            )
        return self._workers[process]

    def _why(self, key: str, ingredients: dict[str, Any], before: Record | None) -> str:
        """Why a stage is made, in a few words."""
        if key in self.store.damaged:
            return "its result in the store was damaged"
        if before is None:
            return "first build"
        said = list(changes(before.ingredients, msgspec.json.decode(msgspec.json.encode(ingredients)), ""))
        return ", ".join(said[:3]) + (" …" if len(said) > 3 else "") or "its result is no longer in the store"


def _is_plain(file: Path) -> bool:
    """Whether a stage left a file there; a link could lead anywhere."""
    return stat.S_ISREG(file.lstat().st_mode)


def _ingredient(value: Any) -> Any:
    """What of an argument decides the result."""
    if isinstance(value, Artifact):
        return value.sha256
    if isinstance(value, dict):
        return {k: _ingredient(v) for k, v in value.items()}
    plain = msgspec.to_builtins(value, enc_hook=float)
    return {k: v for k, v in plain.items() if k not in left} if (left := getattr(value, "PLACES", ())) else plain


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


class Scope:
    """Makes the stages of one model for one target, and records them in their order.

    Args:
      name: target and model, as in "phone.digits": where the store remembers them.
    """

    def __init__(self, maker: Maker, name: str) -> None:
        self.maker, self.name = maker, name
        self.made: list[StageResult[Any]] = []

    def make(self, call: Call[R], time_limit: float | None = None) -> StageResult[R]:
        """The result of a call.

        Args:
          time_limit: seconds that it may take.

        Raises:
          EdgekitError: what the stage raised.
        """
        made = self.maker.make(call, self.name, time_limit)
        self.made.append(made)
        return made

    def done(self, text: str, size: int = 0, accuracy: float | None = None) -> None:
        """Says that a part of the flow is done; see `Listener.done`."""
        self.maker.ui.done(text, size, accuracy)

    def apart(self) -> Scope:
        """The same scope with a record of its own, for stages that only look at what others made."""
        return Scope(self.maker, self.name)
