"""What an image file says, as numbers: the values that are stored, upright, in the model's size and number of channels.

| image | becomes |
|---|---|
| 8 bits and fewer a channel, palettes, black and white | uint8, 0 to 255 |
| 16 bits of grey | uint16 as they are stored, 0 to 65535 |
| 32 bits of grey (TIFF) | int32 or float32 as they are stored |
| colour for a model of grey | its luminance (ITU-R 601-2) |
| CMYK | RGB |
| an orientation in its EXIF data | turned upright |
| 16 bits a colour channel, transparent pixels, several frames, a largest value of one's own (PGM) | refused |
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

WIDE = {"I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I;16N": "uint16", "F": "float32"}
"""Of Pillow's modes those of more than 8 bits, with the type of the values; `I` is one or another."""


def pixels(image: Image, file: Path, height: int, width: int, channels: int) -> np.ndarray:
    """An opened image in a model's size.

    Returns:
      (height, width, channels) of uint8, uint16, int32 or float32.

    Raises:
      DataError: its values cannot be had as they are stored, or depend on what lies behind the image.
    """
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageOps

    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise DataError(f"{file}: has {frames} frames, and a sample is one image; save the frame that counts")
    _check_depth(image, file)
    wide, image = _wide(image), ImageOps.exif_transpose(image)
    if wide:
        grey = Pillow.fromarray(np.asarray(image).astype(np.float32))
        if grey.size != (width, height):
            grey = grey.resize((width, height), Pillow.Resampling.BILINEAR)
        values = np.asarray(grey)
        if wide != "float32":
            values = np.rint(values)
        return np.repeat(values.astype(wide)[:, :, None], channels, axis=2)
    if image.has_transparency_data:
        if np.asarray(image.convert("RGBA").getchannel("A")).min() < 255:
            raise DataError(
                f"{file}: has transparent pixels, whose colour depends on what lies behind; put it on the background "
                "that the model was trained with"
            )
        image = image.convert("RGBA").convert("RGB")
    fitted = image.convert("L" if channels == 1 else "RGB")
    if fitted.size != (width, height):
        fitted = fitted.resize((width, height), Pillow.Resampling.BILINEAR)
    return np.asarray(fitted).reshape(height, width, channels)


def _wide(image: Image) -> str:
    """The type of its values where they have more than 8 bits, else ""."""
    if image.mode == "I":
        return "uint16" if _stored(image).startswith("I;16") else "int32"
    return WIDE.get(image.mode, "")


def _check_depth(image: Image, file: Path) -> None:
    """Refuses what Pillow would change while it reads."""
    for codec, _, _, arguments in _tiles(image):
        if codec.startswith("ppm") and arguments[-1] not in (1, 255, 65535):
            raise DataError(f"{file}: its largest value is {arguments[-1]}, not 255 or 65535; save it as PNG")
    if ";16" in _stored(image) and not _wide(image):
        raise DataError(f"{file}: has 16 bits in each of several channels; save 8 bits, or the values as an .npz")


def _stored(image: Image) -> str:
    """How its file holds the pixels, as Pillow names it, such as `RGB;16B`."""
    for _, _, _, arguments in _tiles(image):
        first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
        return first if isinstance(first, str) else ""
    return ""


def _tiles(image: Image) -> list[tuple[str, Any, Any, Any]]:
    """Codec, box, offset and arguments of each piece."""
    return list(getattr(image, "tile", ()))
