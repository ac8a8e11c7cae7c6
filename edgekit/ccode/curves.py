"""Curves as TFLM's kernels for 16 bits have them: knots, with straight lines between."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PIECES = 512
"""Between the knots of an interpolated curve."""


def sigmoids() -> list[int]:
    """The sigmoid of 0, 1/24, ... 255/24 with 16 bits behind the point.

    Lines from knot to knot lie below the curve; each knot is raised by half of the most that they miss, the curve's
    second derivative times step**2 / 16.  The last knot is what a saturated sigmoid is.

    Source: `sigmoid_table_uint16` in tensorflow/lite/kernels/internal/common.cc.
    """
    knots = []
    for i in range(256):
        y = 1 / (1 + math.exp(-i / 24))
        knots.append(math.floor(2**16 * (y - y * (1 - y) * (1 - 2 * y) / 24**2 / 16) + 0.5))
    return [*knots[:-1], 2**16 - 1]


def exponentials16() -> list[int]:
    """exp from -10 to 0, with 15 bits behind the point."""
    import numpy as np

    return _knots(10, 32767, lambda x: np.exp(x.astype(np.float64)).astype(np.float32))


def reciprocals16() -> list[int]:
    """1 / (1 + x) for x from 0 to 1, with 15 bits behind the point."""
    import numpy as np

    return _knots(1, -32768, lambda x: np.float32(1) / (np.float32(1) + x))


def _knots(width: float, zero: int, curve: Callable[[np.ndarray], np.ndarray]) -> list[int]:
    """A curve of all 2**16 stored values, which reach over `width`, in float32; each knot is moved by half of what the
    line to the next misses in its middle.

    Source: `LUTPopulateInt16` in tensorflow/lite/kernels/internal/common.h.
    """
    import numpy as np

    scale = np.float32(width) / np.float32(65535)
    first, last = (scale * np.float32(end - zero) for end in (-32768, 32767))
    step = (last - first) / np.float32(PIECES)
    unit = np.float32(2) / np.float32(65535)
    stretch = np.float32(65536) / (unit * np.float32(32767) - unit * np.float32(-32768))
    at = first + np.arange(PIECES, dtype=np.float32) * step
    here, middle = curve(at), curve(at + step / np.float32(2))
    following = curve(first + np.arange(1, PIECES + 1, dtype=np.float32) * step)
    knots = _rounded(here * stretch)
    line = _rounded((following * stretch + knots) / np.float32(2))
    missed = line - _rounded(middle * stretch)
    end = _rounded(curve(np.asarray([last], np.float32)) * stretch)
    every = np.concatenate([knots - _rounded(missed / np.float32(2)), end])
    return [int(v) for v in np.clip(every, -32768, 32767)]


def _rounded(x: np.ndarray) -> np.ndarray:
    """Halves away from zero, as C's `round`."""
    import numpy as np

    return np.trunc(x + np.copysign(np.float32(0.5), x))
