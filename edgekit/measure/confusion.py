"""Labels against the classes that models see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.measure.differences import ClassFigures, Confusion

if TYPE_CHECKING:
    import numpy as np

MATRIX = 20
"""Classes of which a matrix can still be read."""
MISTAKES = 10
"""That are listed."""


def confusion(labels: np.ndarray, before: np.ndarray | None, after: np.ndarray, count: int) -> Confusion:
    """Counts samples by label and by class.

    Args:
      labels, before, after: of each sample, (N,) int64 from 0 to `count`: what is right, what the float model sees,
        and what ships.
      count: of classes.
    """
    import numpy as np

    pairs = np.bincount(labels * count + after, minlength=count * count).reshape(count, count)
    hits, held, seen = np.diagonal(pairs), pairs.sum(axis=1), pairs.sum(axis=0)
    old = None if before is None else np.bincount(labels[labels == before], minlength=count)
    classes = [
        ClassFigures(
            number,
            int(held[number]),
            None if old is None else _share(old[number], held[number]),
            _share(hits[number], held[number]),
            _share(hits[number], seen[number]),
        )
        for number in range(count)
    ]
    wrong = pairs - np.diag(hits)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
    mistakes = [(int(n // count), int(n % count), int(wrong.flat[n])) for n in order if wrong.flat[n]]
    return Confusion(classes, pairs.tolist() if count <= MATRIX else [], mistakes)


def _share(part: int, whole: int) -> float | None:
    return round(100 * float(part) / float(whole), 2) if whole else None
