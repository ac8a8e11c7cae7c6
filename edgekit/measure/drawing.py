"""Samples drawn as what their shape says that they are: a picture, a spectrogram, a waveform, or numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

POINTS = 120
"""Of a series that is drawn; of a longer one the least and the greatest value of as many parts."""
CHANNELS = 8
"""Of a series, at most."""
LEAST = 8
"""Rows, columns or points below which there is nothing to see."""
LARGEST = 96
"""Pixels of a picture's longer side."""
NUMBERS = 16
"""That are written where nothing is drawn."""
COLOURS = ((0, 0, 4), (80, 18, 123), (182, 54, 121), (251, 136, 97), (252, 253, 191))
"""From the least value to the greatest; each is lighter than the one before."""


def drawn(inputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """How a sample is shown: fields of `edgekit.measure.differences.ChangedSample`.

    Args:
      inputs: of each input of the model the sample as it is stored, any shape and numeric dtype. The first that can be
        drawn is.
    """
    found = [_drawn(array) for array in inputs]
    return next((one for one in found if one["kind"] != "values"), found[0])


def _drawn(array: np.ndarray) -> dict[str, Any]:
    import numpy as np

    plain = np.squeeze(np.nan_to_num(array)) if array.dtype.kind == "f" else np.squeeze(array)
    colours = plain.ndim == 3 and plain.shape[2] in (3, 4)
    wide = plain.ndim == 2 and (min(plain.shape) > CHANNELS or plain.shape[0] == plain.shape[1])
    if colours or wide:
        if min(plain.shape[:2]) >= LEAST:
            kind = "spectrogram" if not colours and _is_spectrogram(plain) else "picture"
            return {"kind": kind, "picture": _spectrogram(plain) if kind == "spectrogram" else _picture(plain)}
    elif plain.ndim in (1, 2) and max(plain.shape) >= LEAST and _varies(plain):
        return {"kind": "waveform", "series": _series(plain)}
    first = ", ".join(f"{value:.4g}" for value in plain.ravel()[:NUMBERS].tolist())
    return {"kind": "values", "values": first + (" …" if plain.size > NUMBERS else "")}


def _varies(array: np.ndarray) -> bool:
    """Whether neighbours in a series tell more than their numbers: whole ones of few are words, indices or flags."""
    return array.dtype.kind == "f" or len(array) > 4 * NUMBERS


def _is_spectrogram(array: np.ndarray) -> bool:
    """Whether an array of time and frequency (T, F) is no picture: those are bytes, of equal sides, or from 0 to 1."""
    whole = array.dtype.kind in "uib" or array.shape[0] == array.shape[1]
    return not whole and not (array.min() >= 0 and array.max() <= 1)


def _unit(array: np.ndarray) -> np.ndarray:
    """From 0 to 1."""
    import numpy as np

    values = array.astype(np.float64)
    low, high = values.min(), values.max()
    return (values - low) / ((high - low) or 1)


def _picture(array: np.ndarray) -> str:
    """Of height x width, or that x 3 or 4 channels."""
    import numpy as np

    return _png(array if array.dtype == np.uint8 else (_unit(array) * 255).astype(np.uint8))


def _spectrogram(array: np.ndarray) -> str:
    """Time from left to right, the first of the features at the bottom."""
    import numpy as np

    values = _unit(array.T[::-1])
    stops = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(values, stops, column) for column in zip(*COLOURS, strict=True)]
    return _png(np.stack(channels, axis=-1).astype(np.uint8))


def _png(pixels: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST, LARGEST))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _series(array: np.ndarray) -> list[list[float]]:
    """Of time, or time x channels; the longer side is time."""
    import numpy as np

    rows = array.reshape(len(array), -1)
    rows = _unit(rows if len(rows) >= rows.shape[1] else rows.T)
    if len(rows) > POINTS:
        parts = np.array_split(rows, POINTS)
        rows = np.concatenate([[part.min(axis=0), part.max(axis=0)] for part in parts])
    return np.round(rows, 3).T.tolist()
