"""A picture larger than the model's input: cut into tiles that overlap, and put together again without a seam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

HALO = 10
"""Pixels around each that its answer depends on: train.py has five filters of 3x3 at half of the resolution."""


def in_tiles(picture: np.ndarray, model: Callable[[np.ndarray], np.ndarray], tile: int, halo: int = HALO) -> np.ndarray:
    """What the model makes of a picture of any size.

    Every pixel is taken from a tile in which it lies at least `halo` away from the end, unless the picture ends there.
    Tiles start at even pixels, as the model halves the resolution.

    Args:
      picture: (H, W, 3) uint8.
      model: of a tile, (tile, tile, 3) uint8 to the same.
      tile: even.
      halo: even, less than half of `tile`.
    """
    height, width = picture.shape[:2]
    ends = [(0, max(tile - size, size % 2)) for size in (height, width)]
    padded = np.pad(picture, [*ends, (0, 0)], mode="edge")
    made = np.empty_like(padded)
    for row in starts(padded.shape[0], tile, halo):
        for column in starts(padded.shape[1], tile, halo):
            top, left = (halo if start else 0 for start in (row, column))
            clean = model(padded[row : row + tile, column : column + tile])
            made[row + top : row + tile, column + left : column + tile] = clean[
                top:, left:
            ]  # the next one mends its end
    return made[:height, :width]


def starts(size: int, tile: int, halo: int) -> list[int]:
    """Where tiles start along a side of `size` pixels; the last one ends where the picture ends."""
    return [*range(0, size - tile, tile - 2 * halo), size - tile]
