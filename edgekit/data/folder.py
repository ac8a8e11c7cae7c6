"""A dataset from a folder of class folders with images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.picture import opened
from edgekit.data.pixels import pixels
from edgekit.errors import DataError
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
CLUTTER = {"thumbs.db", "desktop.ini", "__macosx"}
"""What file managers leave behind, in small letters; names that start with a dot are left out, too."""


def class_folders(folder: Path) -> list[Path]:
    """One for each class, in alphabetical order.

    Raises:
      DataError: one is a link: what it leads to can change without a trace.
    """
    found = [place for place in entries(folder) if place.is_dir()]
    if link := next((place for place in found if place.is_symlink()), None):
        raise DataError(f"{link}: a link to a folder; put the folder itself there")
    return found


def read_folder(folder: Path, inputs: tuple[TensorSpec, ...], classes: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images in the model's size and labels from the folders' names in alphabetical order.

    Args:
      inputs: of the model: one, (1, height, width, channels) with 1 or 3 channels.
      classes: of the model; 0 where they are not known.

    Returns:
      (N, height, width, channels) of the images' type, see `edgekit.data.pixels`; and (N,) int64.

    Raises:
      DataError: no class folders, not as many as classes, no images, folders inside of them, images of several bit
        depths, or one that cannot be read.
    """
    import numpy as np

    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[3] not in (1, 3):
        takes = " and ".join(str(i.shape[1:]) for i in inputs)
        raise DataError(f"{folder}: a folder of images, but the model takes {takes}; give an .npz")
    _, height, width, channels = inputs[0].shape
    folders = class_folders(folder)
    files = [(file, label) for label, place in enumerate(folders) for file in images(place)]
    if not files:
        raise DataError(f"{folder}: no images; expected one folder for each class, with {', '.join(sorted(SUFFIXES))}")
    first: tuple[Path, np.ndarray] | None = None
    x = np.empty(0)
    for row, (file, _) in enumerate(files):
        with opened(file) as image:
            values = pixels(image, file, height, width, channels)
        if first is None:
            first, x = (file, values), np.empty((len(files), height, width, channels), values.dtype)
        if values.dtype != x.dtype:
            raise DataError(
                f"{file}: holds {values.dtype}, but {first[0]} holds {x.dtype}: all images of a dataset have one bit "
                "depth; convert one of the two kinds"
            )
        x[row] = values
    check_classes(folder, len(folders), classes)
    return x, np.array([label for _, label in files], np.int64)


def check_classes(folder: Path, folders: int, classes: int) -> None:
    """Refuses so many class folders for a model with so many classes; 0 where they are not known.

    Raises:
      DataError: there are neither as many nor one.
    """
    if classes and folders not in (1, max(classes, 2)):
        raise DataError(
            f"{folder}: {folders} class folders, but the model has {max(classes, 2)} classes; add an empty folder "
            "for a class without samples, or put all samples in one folder if they have no classes"
        )


def others(folder: Path) -> list[Path]:
    """Files in class folders that are no images by their names, and so are left out."""
    return [f for place in class_folders(folder) for f in entries(place) if f.suffix.lower() not in SUFFIXES]


def images(folder: Path) -> list[Path]:
    """Those directly in a class folder."""
    there = entries(folder)
    if inner := next((place for place in there if place.is_dir()), None):
        raise DataError(f"{inner}: a folder inside of a class; images lie directly in the folder of their class")
    return [file for file in there if file.suffix.lower() in SUFFIXES]


def entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without what is hidden.

    Raises:
      DataError: it cannot be read.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as problem:
        raise DataError(f"{folder}: cannot be read ({problem.strerror}); check its permissions") from None
    return [place for place in found if place.name[0] != "." and place.name.lower() not in CLUTTER]
