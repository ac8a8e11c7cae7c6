"""The record of builds: what each measured, when, and how it was judged."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from edgekit.errors import ProjectError
from edgekit.profile.project import Project
from edgekit.report.changes import MAIN, figure_of, revision
from edgekit.report.figures import figures, of_device
from edgekit.report.types import Figure, HistoryEntry, Report
from edgekit.types import Measurement

FILE = "history.sqlite"
T = TypeVar("T")
UNUSABLE = ("locked", "readonly", "unable to open", "I/O", "is full")
"""What SQLite says where the file may be sound; after anything else it is damaged, or holds other tables."""
ADVICE = "; move it away, and a new one begins"
PATIENCE = 5.0
"""Seconds to wait for another build, which holds the record for some thousandths of one."""
USUAL = {"accuracy_drop", "latency_p50", *MAIN}
"""What is recorded of any build."""
TABLES = """
CREATE TABLE IF NOT EXISTS builds (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, target TEXT NOT NULL, model TEXT NOT NULL, verdict TEXT NOT NULL,
    sha256 TEXT NOT NULL, overrides TEXT NOT NULL, machine TEXT NOT NULL, revision TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS figures (
    build INTEGER NOT NULL REFERENCES builds, name TEXT NOT NULL, runtime TEXT NOT NULL, value REAL NOT NULL,
    low REAL, high REAL, unit TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS figures_build ON figures (build);
"""


ADDED = {"revision": "ALTER TABLE builds ADD COLUMN revision TEXT NOT NULL DEFAULT ''"}
"""What records of before do not have, and how they get it."""


class _Damaged(ProjectError):
    """The record holds something else than it was given."""


def record(project: Project, report: Report, note: Callable[[str], None]) -> None:
    """Appends a build, unless it is that of the last one again.

    A build does not fail for its record: what is damaged is moved aside and begun anew, what is locked or cannot be
    written is left.

    Args:
      note: is told of either.
    """
    _carry_on(project, note, lambda: _append(project, report), None)


def trends(project: Project, report: Report, note: Callable[[str], None]) -> list[HistoryEntry]:
    """The builds of a model for a target that shipped another file than the one before; this one is the last.

    Args:
      note: see `record`.
    """
    none: list[HistoryEntry] = []
    past = _carry_on(project, note, lambda: read_history(project, report.target.name, report.model.name, 200), none)
    entries = [entry for entry in past if not entry.overrides]
    shipped = next(a.sha256 for a in report.artifacts if a.path == "model.tflite")
    kept: list[HistoryEntry] = []
    for entry in entries:
        if kept and kept[-1].sha256 == entry.sha256:
            kept.pop()
        kept.append(entry)
    figures = {m.name: Figure(m.name, m.value or 0, m.unit, m.low, m.high, m.runtime) for m in _kept(report)}
    now = HistoryEntry(0, report.target.name, report.model.name, report.verdict, shipped, "", "", figures)
    return [*[entry for entry in kept if entry.sha256 != shipped][-19:], now]


def _carry_on(project: Project, note: Callable[[str], None], action: Callable[[], T], otherwise: T) -> T:
    """What an action on the record gives, or `otherwise`."""
    file = _file(project)
    for _ in range(2):
        try:
            before = file.stat().st_ino if file.exists() else None
            return action()
        except _Damaged as problem:
            try:
                if before == file.stat().st_ino:  # else another build has moved it already
                    said = str(problem).removesuffix(ADVICE)
                    note(f"{said}; it is kept as {_aside(file).name}, and a new one begins")
            except FileNotFoundError:
                continue
            except OSError as other:
                note(f"{problem} ({other.strerror})")
        except (ProjectError, OSError) as problem:
            note(f"{problem}; this build goes on without it")
            break
    return otherwise


def _aside(file: Path) -> Path:
    """Moves a record, and the journal of what was not finished in it, out of the way."""
    number = next(n for n in range(1, 10_000) if not file.with_name(f"history.damaged-{n}.sqlite").exists())
    place = file.with_name(f"history.damaged-{number}.sqlite")
    for ending in ("-journal", "-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            file.with_name(file.name + ending).rename(place.with_name(place.name + ending))
    return place


def _append(project: Project, report: Report) -> None:
    shipped = next(a.sha256 for a in report.artifacts if a.path == "model.tflite")
    kept = _kept(report)
    row = (report.target.name, report.model.name, report.verdict, shipped, " ".join(report.target.overrides))
    with _opened(project) as database:
        last = database.execute(
            "SELECT id, target, model, verdict, sha256, overrides FROM builds WHERE target = ? AND model = ? "
            "ORDER BY id DESC LIMIT 1",
            row[:2],
        ).fetchone()
        values = [(m.name, m.runtime, float(m.value or 0), m.low, m.high, m.unit) for m in kept]
        if last and last[1:] == row and values == _stored(database, last[0]):
            return
        now = database.execute(
            "INSERT INTO builds (time, target, model, verdict, sha256, overrides, machine, revision) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (time.time(), *row, report.machine.cpu, revision(report)),
        )
        database.executemany(
            "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?)", [(now.lastrowid, *value) for value in values]
        )


def read_history(project: Project, target: str | None, model: str | None, count: int) -> list[HistoryEntry]:
    """The last builds, the oldest first.

    Raises:
      ProjectError: the record is damaged or locked.
    """
    if not _file(project).exists():
        return []
    with _opened(project) as database:
        rows = database.execute(
            "SELECT id, time, target, model, verdict, sha256, overrides, machine, revision FROM builds "
            "WHERE (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR model = ?2) ORDER BY id DESC LIMIT ?3",
            (target, model, count),
        ).fetchall()
        entries = []
        for number, *row in reversed(rows):
            stored = _stored(database, number)
            named: dict[str, Figure] = {}
            for name, runtime, value, low, high, unit in stored:
                named.setdefault(name, Figure(name, value, unit, low, high, runtime))
            entries.append(HistoryEntry(row[0], row[1], row[2], row[3], row[4], row[5], row[6], named, row[7]))
        try:
            return msgspec.convert(msgspec.to_builtins(entries, builtin_types=(bytes,)), list[HistoryEntry])
        except msgspec.ValidationError as problem:
            raise sqlite3.DatabaseError(str(problem)) from None


def _kept(report: Report) -> list[Measurement]:
    """What is recorded: the usual figures, those that the budget limits, and those of the device."""
    limited = {figure_of(line.name) for line in report.budget}
    found = figures(report.measurements, report.shipped)
    return [m for name, m in found.items() if name in limited or name.partition(".")[0] in USUAL or of_device(m)]


def _stored(database: sqlite3.Connection, build: int) -> list[tuple[str, str, float, float | None, float | None, str]]:
    """The figures of a build, those of the shipping runtime first, as they were written."""
    return database.execute(
        "SELECT name, runtime, value, low, high, unit FROM figures WHERE build = ? ORDER BY rowid", (build,)
    ).fetchall()


@contextlib.contextmanager
def _opened(project: Project) -> Iterator[sqlite3.Connection]:
    file = _file(project)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(file, timeout=PATIENCE)
        try:
            database.executescript(TABLES)
            there = {row[1] for row in database.execute("PRAGMA table_info(builds)")}
            for column in ADDED.keys() - there:
                database.execute(ADDED[column])
            with database:
                yield database
        finally:
            database.close()
    except (sqlite3.Error, OSError) as problem:
        sound = isinstance(problem, (OSError, sqlite3.IntegrityError)) or any(word in str(problem) for word in UNUSABLE)
        if sound and not file.is_dir():
            raise ProjectError(f"{file}: the history cannot be used ({problem}); see who holds it") from None
        raise _Damaged(f"{file}: the history is damaged ({problem}){ADVICE}") from None


def _file(project: Project) -> Path:
    return project.store / FILE
