"""A dataset from a folder of class folders with images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.picture import opened
from edgekit.errors import DataError
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def class_folders(folder: Path) -> list[Path]:
    """One for each class, in alphabetical order."""
    return sorted(p for p in folder.iterdir() if p.is_dir())


def read_folder(folder: Path, inputs: tuple[TensorSpec, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images in the model's size and labels from the folders' names in alphabetical order.

    Args:
      inputs: of the model: one, (1, height, width, channels) with 1 or 3 channels.

    Returns:
      (N, height, width, channels) uint8 and (N,) int64.

    Raises:
      DataError: no class folders, no images, or one that cannot be read.
    """
    import numpy as np
    from PIL import Image

    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[3] not in (1, 3):
        takes = " and ".join(str(i.shape[1:]) for i in inputs)
        raise DataError(f"{folder}: a folder of images, but the model takes {takes}; give an .npz")
    _, height, width, channels = inputs[0].shape
    classes = class_folders(folder)
    files = [(f, i) for i, c in enumerate(classes) for f in sorted(c.iterdir()) if f.suffix.lower() in SUFFIXES]
    if not files:
        raise DataError(f"{folder}: no images; expected one folder for each class, with {', '.join(sorted(SUFFIXES))}")
    mode = "L" if channels == 1 else "RGB"
    x = np.empty((len(files), height, width, channels), np.uint8)
    for row, (file, _) in enumerate(files):
        with opened(file) as image:
            fitted = image.convert(mode).resize((width, height), Image.Resampling.BILINEAR)
        x[row] = np.asarray(fitted).reshape(height, width, channels)
    return x, np.array([label for _, label in files], np.int64)
