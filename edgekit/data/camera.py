"""Pictures as a camera's buffer holds them."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.folder import SUFFIXES as SUFFIXES
from edgekit.data.picture import opened
from edgekit.data.pixels import pixels
from edgekit.data.recordings import Recorded, check_memory
from edgekit.errors import DataError
from edgekit.frontend.image import Image

if TYPE_CHECKING:
    import numpy as np


def from_array(x: np.ndarray, frontend: Image, where: str) -> Recorded:
    """An array of pictures (N, height, width[, 3]), as the settings say that the camera gives them."""
    import numpy as np

    if x.dtype != frontend.raw.dtype:
        raise DataError(
            f"{where}: pictures of {x.dtype}, but pixels {frontend.pixels!r} are {frontend.raw.dtype}; give the values "
            "that the camera gives"
        )
    return Recorded(x[..., 0] if x.shape[3:] == (1,) else x, np.arange(len(x)))


def from_files(files: list[Path], frontend: Image) -> Recorded:
    """Image files in the size and with the pixels of the camera."""
    import numpy as np

    raw, grey = frontend.raw, frontend.pixels == "grey"
    check_memory(str(files[0].parent), len(files) * prod(raw.shape) * np.dtype(raw.dtype).itemsize)
    x, resized = np.empty((len(files), *raw.shape), raw.dtype), 0
    for row, file in zip(x, files, strict=True):
        with opened(file) as image:
            resized += image.size != (frontend.width, frontend.height)
            values = pixels(image, file, frontend.height, frontend.width, 1 if grey else 3)
        if values.dtype != np.uint8:
            raise DataError(f"{file}: holds {values.dtype}, and a camera's buffer 8 bits a colour; convert it")
        row[...] = as_buffer(values, frontend)
    said = f"{resized} of {len(files)} images resized to the camera's {frontend.height}x{frontend.width} (bilinear)"
    return Recorded(x, np.arange(len(x)), remarks=(said,) if resized else ())


def as_buffer(values: np.ndarray, frontend: Image) -> np.ndarray:
    """Colours as a camera stores them.

    Args:
      values: (height, width, 3) of red, green and blue, or (height, width, 1), uint8.
    """
    import numpy as np

    if frontend.pixels == "grey":
        return values[:, :, 0]
    if frontend.pixels == "bgr":
        return values[:, :, ::-1]
    if frontend.pixels == "rgb":
        return values
    red, green, blue = np.moveaxis(values.astype(np.uint16), 2, 0)
    word = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    return word.byteswap() if frontend.pixels == "rgb565be" else word
