"""A treemap: areas in proportion to sizes, as close to squares as they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A place for one of the sizes."""

    number: int
    """Which of the sizes."""
    x: float
    y: float
    width: float
    height: float


def treemap(sizes: Sequence[float], width: float, height: float) -> list[Box]:
    """Boxes that fill width x height, the largest first; sizes of 0 have none.

    Source: Bruls, Huizing and van Wijk 2000, "Squarified Treemaps".
    """
    order = [i for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]) if sizes[i] > 0]
    scale = width * height / (sum(sizes) or 1)
    boxes: list[Box] = []
    x = y = 0.0
    while order:
        side = min(width, height)
        row = [order[0]]
        while len(row) < len(order) and _worst([*row, order[len(row)]], sizes, scale, side) <= _worst(
            row, sizes, scale, side
        ):
            row.append(order[len(row)])
        order = order[len(row) :]
        thick = sum(sizes[i] for i in row) * scale / side if side else 0.0
        along = 0.0
        for i in row:
            length = sizes[i] * scale / thick if thick else 0.0
            boxes.append(
                Box(i, x, y + along, thick, length) if width >= height else Box(i, x + along, y, length, thick)
            )
            along += length
        if width >= height:
            x, width = x + thick, max(0.0, width - thick)
        else:
            y, height = y + thick, max(0.0, height - thick)
    return boxes


def _worst(row: Sequence[int], sizes: Sequence[float], scale: float, side: float) -> float:
    """The largest ratio of sides in a row."""
    areas = [sizes[i] * scale for i in row]
    total = sum(areas)
    return max(max(side**2 * area / total**2, total**2 / (side**2 * area)) for area in areas) if side else 0.0
