"""What a dataset says is right: class indices, or numbers, for each output of a model; or why it is neither."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgekit.data.metric import LOWER, metric_of
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Answer = tuple["np.ndarray | None", "np.ndarray | None"]
"""Class indices (N,) int64 or None; and the array as it is, or None."""


def answer(y: np.ndarray | None, name: str, spec: DataSpec, number: int) -> Answer:
    """One array of labels or targets.

    Args:
      y: a class index for each sample, (N,) or (N, 1) of any real dtype, or one-hot (N, K); or targets of a regression,
        of the output's size.
      name: as it stands in the dataset.
      number: of the output, from 0.

    Raises:
      DataError: it can be neither, with the first sample that shows it.
    """
    import numpy as np

    if y is None:
        return None, None
    where, (classes, size) = f"{spec.source}: {name}", _sizes(spec, number)
    if not (np.issubdtype(y.dtype, np.integer) or np.issubdtype(y.dtype, np.floating) or y.dtype == bool):
        what = f"{where} has dtype {y.dtype}; labels are class indices, 0 to {max(classes, 2) - 1}, or numbers"
        more = "; np.unique(y, return_inverse=True) gives the names, for labels in pyproject.toml, and the indices"
        raise DataError(what + (more if y.dtype.kind in "SU" else ""))
    if y.ndim == 0:
        raise DataError(f"{where}: a single value; give one for each sample")
    if np.issubdtype(y.dtype, np.floating) and not (finite := np.isfinite(y.reshape(len(y), -1)).all(axis=1)).all():
        raise DataError(f"{where}[{int(finite.argmin())}]: holds NaN or infinity; clean the labels")
    metric = metric_of(spec.metric, spec.output(number), number)
    numbers, own = metric in LOWER, ":" in metric
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim == 2 and flat.shape[1] == classes and np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all():
        return (None if numbers else flat.argmax(axis=1)), y
    values = math.prod(flat.shape[1:])
    if numbers and values != size:
        raise DataError(f"{where}: {values} numbers for each sample, but the model's output has {size}")
    if numbers:
        return None, y
    if flat.ndim > 1:
        if not own and values != size and flat.shape[1:] != _outer(spec, number):
            raise DataError(
                f"{where}: {_shape(flat.shape[1:])} for each sample, but the model's output has {size} values; give "
                "class indices (N,), one-hot rows, targets of the output's size, or a metric of your own"
            )
        return None, y
    fraction, outside = flat != np.floor(flat), (flat < 0) | (flat >= max(classes, 2))
    single = size == 1 and np.issubdtype(y.dtype, np.floating)  # targets of a regression
    if (fraction | outside).any() and (own or single):
        return None, y
    if fraction.any():
        first = int(fraction.argmax())
        raise DataError(
            f"{where}[{first}] is {flat[first]:g}, but the model has {classes} outputs: labels are class indices, "
            f"0 to {max(classes, 2) - 1}"
        )
    if outside.any():
        first = int(outside.argmax())
        hint = '; for numbers, which are no classes, set metric = "mae"' if size == 1 else ""
        raise DataError(
            f"{where}[{first}] is {flat[first]:g}, but the model has {classes} outputs: labels go from 0 to "
            f"{max(classes, 2) - 1}{hint}"
        )
    return flat.astype(np.int64), y


def _sizes(spec: DataSpec, number: int) -> tuple[int, int]:
    """How many classes an output can tell apart, and how many values it has."""
    if number >= len(spec.outputs):
        return spec.classes, spec.classes
    shape = spec.outputs[number].shape
    return (shape[-1] if shape else 1), math.prod(shape[1:])


def _outer(spec: DataSpec, number: int) -> tuple[int, ...]:
    """Shape of what has a class each, in an output that has them for many places."""
    return spec.outputs[number].shape[1:-1] if number < len(spec.outputs) else ()


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
