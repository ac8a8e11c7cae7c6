"""Recordings of a series, such as accelerations, as windows that a front-end takes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.data.recordings import Recorded, check_memory, read_bounded
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.window import Window, cut

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = {".csv"}
TIMES = {"time", "timestamp", "timestamp_ms", "time_ms", "t"}
"""Columns that are no channel."""
LABEL = "label"
"""The column of classes, where folders do not say them."""


def from_array(x: np.ndarray, frontend: Window, where: str) -> Recorded:
    """An array of windows or of longer recordings, which are cut.

    Args:
      x: (N, samples, channels) or (N, samples); integers as the sensor counts, or real values.
    """
    import numpy as np

    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3 or x.dtype.kind not in "iuf":
        shape = "x".join(map(str, x.shape))
        raise DataError(f"{where}: {shape} {x.dtype}, but series are (recordings, samples, channels) of numbers")
    return windows(x.reshape(-1, x.shape[2]), np.repeat(np.arange(len(x)), x.shape[1]), frontend, where)


def from_files(files: list[Path], frontend: Window, group: str) -> Recorded:
    """Recordings in CSV files: a column for each channel, a line for each sample, with or without a head.

    Columns of time are left out. One that is called `label` has the class of each sample, and one with the name of the
    group who or what it is of; where either changes, a recording ends.

    Raises:
      DataError: a file is damaged or too large, or has other columns than the first one.
    """
    import numpy as np

    tables, total = list[Table](), 0
    for file in files:
        table = read_csv(file, group)
        if tables and (table.names, table.values.shape[1]) != (tables[0].names, tables[0].values.shape[1]):
            raise DataError(f"{file}: has other channels than {files[0]}; give all files the same columns")
        total += 3 * table.values.nbytes
        check_memory(str(file.parent), total)
        tables.append(table)
    values = np.concatenate([table.values for table in tables])
    of = np.repeat(np.arange(len(files)), [len(table.values) for table in tables])
    labels, groups = (_joined([getattr(table, name) for table in tables]) for name in ("labels", "groups"))
    ends = np.zeros(len(of), bool)
    for column in (of, labels, groups):
        if column is not None:
            ends[1:] |= column[1:] != column[:-1]
    made = windows(values, np.cumsum(ends), frontend, str(files[0].parent))
    first = np.flatnonzero(np.concatenate([[True], ends[1:]]))[made.of]  # sample of each window's recording
    said = [f"channels: {', '.join(tables[0].names)}"] if tables[0].names else []
    y = None
    if labels is not None:
        names, y = np.unique(labels[first], return_inverse=True)
        said.append("classes: " + ", ".join(f"{number} {name}" for number, name in enumerate(names[:20])))
    groups = None if groups is None else groups[first]
    return made._replace(of=of[first], remarks=(*said, *made.remarks), y=y, groups=groups)


def windows(samples: np.ndarray, of: np.ndarray, frontend: Window, where: str) -> Recorded:
    """Samples one after the other as windows of int16.

    Args:
      samples: (samples, channels).
      of: (samples,), the number of the recording that each is of.

    Raises:
      DataError: no recording is as long as a window.
      ProjectError: the resolution does not fit the samples.
    """
    import numpy as np

    raw, notes, remarks = counted(samples, frontend, where)
    made = cut(raw, of, frontend, where)
    recorded = int(of[-1]) + 1
    if len(made.windows) != recorded or made.unused:
        left = f"; {made.unused} samples are in none" if made.unused else ""
        remarks.append(f"{len(made.windows)} windows of {frontend.length} samples from {recorded} recordings{left}")
    if still := int((made.windows == 0).all(axis=(1, 2)).sum()):
        notes.append(f"{still} of {len(made.windows)} windows are all zeros; remove what made them so")
    return Recorded(made.windows, np.asarray(made.groups), tuple(notes), tuple(remarks))


def counted(samples: np.ndarray, frontend: Window, where: str) -> tuple[np.ndarray, list[str], list[str]]:
    """Samples as a sensor counts them, int16, with notes and remarks: real values are divided by the resolution."""
    import numpy as np

    if samples.dtype == np.int16:
        return samples, [], []
    steps = np.asarray(frontend.resolution, np.float64)
    if not np.isfinite(samples).all():
        raise DataError(f"{where}: holds NaN or infinity; clean the data")
    if steps.ndim and len(steps) != samples.shape[1]:
        raise ProjectError(f"frontend.resolution: {len(steps)} values, but the data have {samples.shape[1]} channels")
    whole = samples.dtype.kind in "iu" or bool((samples == np.rint(samples)).all())
    if (steps == 1).all() and not whole:
        step = float(np.abs(samples).max()) / 32767
        raise ProjectError(
            f"frontend.resolution: the data hold fractions, but a step of the sensor is 1; give the real value of a "
            f"step, from its data sheet; {step:.1g} or more holds all that is there"
        )
    counts = np.rint(samples / steps)
    beyond = float(((counts < -32768) | (counts > 32767)).mean())
    said = f"{beyond:.2%} of the values are beyond int16 at frontend.resolution and were cut off; give a larger one"
    how = "x".join(f"{step:g}" for step in np.atleast_1d(steps)[:6])
    remarks = [] if whole and (steps == 1).all() else [f"real values became int16 in steps of {how}"]
    return np.clip(counts, -32768, 32767).astype(np.int16), [said] if beyond else [], remarks


class Table(NamedTuple):
    """A CSV file."""

    names: list[str]
    """Of the channels; [] without a head."""
    values: np.ndarray
    """(samples, channels) float64."""
    labels: np.ndarray | None
    """(samples,) of text: the column `label`,"""
    groups: np.ndarray | None
    """and that with the name of the group."""


def read_csv(file: Path, group: str) -> Table:
    """A CSV file of numbers, but for the columns of labels and groups.

    Raises:
      DataError: it holds something that is no number, or is too large.
    """
    import numpy as np

    text = read_text(file)
    delimiter, head, count = _head(text)
    apart = {name: head.index(name) for name in (LABEL, group) if name in head}
    kept = [n for n in range(count) if not head or (n not in apart.values() and head[n].lower() not in TIMES)]
    said: dict[str, Any] = {"delimiter": delimiter, "skiprows": 1 if head else 0, "quotechar": '"'}
    try:
        values = np.loadtxt(io.StringIO(text), usecols=kept, ndmin=2, **said)
        others = {
            name: np.loadtxt(io.StringIO(text), usecols=number, ndmin=1, dtype=str, comments=None, **said)
            for name, number in apart.items()
        }
    except (ValueError, OverflowError) as problem:
        reason = " ".join(str(problem).split())[:150]
        raise DataError(f"{file}: cannot be read as CSV of numbers ({reason}); mend the file") from None
    if not values.size:
        raise DataError(f"{file}: holds no samples; remove it")
    return Table([head[n] for n in kept] if head else [], values, others.get(LABEL), others.get(group))


def read_text(file: Path) -> str:
    """A text file in UTF-8."""
    try:
        return read_bounded(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{file}: not a text file in UTF-8; save it as one") from None


def _head(text: str) -> tuple[str, list[str], int]:
    """The delimiter, the names of the columns ([] where the first line has numbers), and how many there are."""
    first = text.partition("\n")[0].strip()
    delimiter = next((mark for mark in ";\t," if mark in first), ",")
    cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
    return delimiter, cells if any(map(_is_name, cells)) else [], len(cells)


def _joined(columns: list[np.ndarray | None]) -> np.ndarray | None:
    """The columns of all files, one after the other; None where a file has none."""
    import numpy as np

    there = [column for column in columns if column is not None]
    return np.concatenate(there) if len(there) == len(columns) else None


def _is_name(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return True
    return False
