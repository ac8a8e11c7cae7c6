"""The calibration set: which of the training samples set the ranges of quantization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.data.overlap import digests
from edgekit.data.samples import Dataset, prepared, stratified
from edgekit.data.spec import DataSpec

if TYPE_CHECKING:
    import numpy as np


def calibration(dataset: Dataset, count: int, spec: DataSpec) -> list[np.ndarray]:
    """The calibration set: a stratified share of the training samples, as the model takes them."""
    return prepared(dataset.train.take(calibration_rows(dataset, count, spec.seed)[0]), spec)


def calibration_rows(dataset: Dataset, count: int, seed: int) -> tuple[np.ndarray, int]:
    """Which training samples are the calibration set: none of the evaluation set, of each class its share.

    A sample that is in both parts is replaced.

    Returns:
      indices, (count,) int64 or fewer where there are not so many; and how many samples were replaced.
    """
    import numpy as np

    train = dataset.train
    left = np.arange(train.number)

    def drawn(number: int) -> np.ndarray:
        y = None if train.y is None else train.y[left]
        return left[stratified(y, len(left), min(number, len(left)), seed)] if len(left) else left

    rows, known, replaced = drawn(count), set(digests(dataset.evaluation)), 0
    while (twins := np.array([digest in known for digest in digests(train.take(rows))], bool)).any():
        left, replaced = np.setdiff1d(left, rows), replaced + int(twins.sum())
        rows = np.concatenate([rows[~twins], drawn(int(twins.sum()))])
    return rows, replaced
