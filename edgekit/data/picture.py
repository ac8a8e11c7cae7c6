"""Opening an image file that came from anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Of Pillow's, those whose reading starts no other program: for EPS it starts Ghostscript."""
PIXELS = 1 << 27
"""The most that an image may have: 134 million, more than any camera's sensor of today but a few."""
BYTES = 1 << 29
"""The most that its file may have."""


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Image]:
    """An image whose size is known and whose pixels are read by the block, whatever its name's ending says.

    Raises:
      DataError: it is of none of `FORMATS`, damaged, or larger than `PIXELS` or `BYTES`.
    """
    from PIL import Image

    try:
        size = file.stat().st_size
        if not file.is_file() or size > BYTES:
            raise DataError(f"{file}: takes {size:,} B, and an image may take {BYTES:,}; remove or replace it")
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > PIXELS:
                raise DataError(
                    f"{file}: has {image.width} x {image.height} pixels, and an image may have {PIXELS:,}; "
                    "make it smaller"
                )
            yield image
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{file}: takes more memory than there is; make it smaller") from None
    except Exception:  # Pillow's readers raise whatever their parser ran into
        formats = ", ".join(FORMATS)
        raise DataError(f"{file}: cannot be read as an image ({formats}); remove or replace it") from None
