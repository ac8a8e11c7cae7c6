"""Long recordings, and beside each what happens in it: a label track."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from edgekit.config import nearest
from edgekit.data import series, sound
from edgekit.data.folder import entries
from edgekit.data.recordings import read_bounded
from edgekit.errors import DataError
from edgekit.frontend.stream import is_series

if TYPE_CHECKING:
    import numpy as np


class Event(Struct, frozen=True):
    """Something that happens in a recording."""

    start: float
    """In samples,"""
    end: float
    kind: int
    """The class."""


class Track(NamedTuple):
    """A recording."""

    name: str
    samples: np.ndarray
    """(samples,) or (samples, channels) int16, at the stream's rate."""
    events: tuple[Event, ...]


def read_tracks(folder: Path, frontend: Any, rate: float, labels: tuple[str, ...], classes: int) -> list[Track]:
    """The recordings directly in a folder: WAV for sound, CSV for a series, each with its label track `NAME.txt`, as
    Audacity exports one: a line for each event with its start and end in seconds and its class, apart by tabs. A
    recording without one has no events.

    Args:
      rate: of the stream, in Hz; sound is resampled to it.
      labels: of the classes; without them a track has their numbers.

    Raises:
      DataError: there are no recordings, one is damaged, or a track says what cannot be.
    """
    suffixes = series.SUFFIXES if is_series(frontend) else sound.SUFFIXES
    files = [file for file in entries(folder) if file.suffix.lower() in suffixes]
    if not files:
        raise DataError(f"{folder}: no recordings for the stream; put {', '.join(sorted(suffixes))} files into it")
    found = []
    for file in files:
        if is_series(frontend):
            samples = series.counted(series.read_csv(file, "").values, frontend, str(file))[0]
        else:
            samples = sound.read_wav(file, int(rate))[2]
        track = file.with_suffix(".txt")
        events = read_track(track, rate, labels, classes) if track.is_file() else ()
        if late := next((event for event in events if event.start > len(samples)), None):
            raise DataError(f"{track}: an event starts at {late.start / rate:g} s, after the end of {file.name}")
        found.append(Track(file.name, samples, events))
    return found


def read_track(file: Path, rate: float, labels: tuple[str, ...], classes: int) -> tuple[Event, ...]:
    """The events of a label track, in the order of their starts.

    Raises:
      DataError: a line is none; says which.
    """
    found = []
    for number, line in enumerate(read_bounded(file).decode("utf-8-sig", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("\\"):  # of a spectral selection
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        try:
            start, end, kind = float(cells[0]), float(cells[1]), cells[2]
        except (ValueError, IndexError):
            raise DataError(f"{file}: line {number} is no event; write START, END and CLASS, apart by tabs") from None
        if not (isfinite(start) and isfinite(end) and 0 <= start <= end):
            raise DataError(f"{file}: line {number}: {start:g} s to {end:g} s is no span of time; mend it")
        found.append(Event(start * rate, end * rate, _class(kind, labels, classes, f"{file}: line {number}")))
    return tuple(sorted(found, key=lambda event: event.start))


def _class(said: str, labels: tuple[str, ...], classes: int, where: str) -> int:
    if said in labels:
        return labels.index(said)
    if said.isdecimal() and int(said) < classes:
        return int(said)
    known = nearest(said, labels) if labels else f"the classes have no names: write 0 to {classes - 1}"
    raise DataError(f'{where}: there is no class "{said}"; {known}')
