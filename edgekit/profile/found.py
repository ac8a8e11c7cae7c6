"""Models and datasets that lie in a folder, told by their names and first bytes; nothing is opened further."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgekit.data.folder import SUFFIXES
from edgekit.model.container import HDF5, ZIP

DEPTH = 3
"""Folders below the first one that are looked through."""
LEFT_OUT = {"build", "dist", "node_modules", "site-packages", "baselines"}
"""Folders that hold what programs made; those whose names start with a dot or an underscore are left out, too."""
MOST = 9


def models(folder: Path) -> list[Path]:
    """Keras files, SavedModels and `.tflite` files, those of Keras first."""
    found = [path for path in _walk(folder, DEPTH) if _is_model(path)]
    return sorted(found, key=lambda path: (path.suffix == ".tflite", len(path.parts), path))[:MOST]


def datasets(folder: Path) -> list[Path]:
    """`.npz` files, and folders of class folders with images."""
    found = [path for path in _walk(folder, DEPTH) if path.suffix == ".npz" or _is_classes(path)]
    return sorted(found, key=lambda path: (len(path.parts), path))[:MOST]


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.name[0] in "._" or path.name in LEFT_OUT or path.is_symlink():
            continue
        yield path
        if depth and path.is_dir() and not (path / "saved_model.pb").is_file():
            yield from _walk(path, depth - 1)


def _is_model(path: Path) -> bool:
    if path.is_dir():
        return (path / "saved_model.pb").is_file()
    starts = {".keras": (ZIP, HDF5), ".h5": (HDF5,), ".hdf5": (HDF5,), ".tflite": (b"",)}.get(path.suffix, ())
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    return head.startswith(starts) if path.suffix != ".tflite" else head[4:] == b"TFL3"


def _is_classes(path: Path) -> bool:
    """Whether it is a folder with two folders or more that hold images."""
    if not path.is_dir():
        return False
    with os.scandir(path) as entries:
        folders = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sum(_has_image(Path(folder)) for folder in folders[: 2 * MOST]) > 1


def _has_image(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(Path(entry.name).suffix.lower() in SUFFIXES for entry in entries)
