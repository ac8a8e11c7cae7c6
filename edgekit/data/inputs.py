"""Whether an array holds samples that a model's input takes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np


def check_input(name: str, x: np.ndarray, want: TensorSpec, source: str) -> None:
    """Holds an array against an input.

    Args:
      name: of the array, as it stands in the dataset.
      x: (N, *shape without batch) of any real dtype and order of memory; images of one channel may lack its axis.

    Raises:
      DataError: it is no array of samples, they have another shape or type, or one of them holds a value that the input
        cannot have; with the first such sample.
    """
    import numpy as np

    where, wanted = f"{source}: {name}", np.dtype(want.dtype)
    if x.ndim == 0:
        raise DataError(f"{where}: a single value; samples are the rows of an array")
    if len(x) == 0:
        raise DataError(f"{where}: no samples")
    if x.shape[1:] != want.shape[1:] and (*x.shape[1:], 1) != want.shape[1:]:
        raise DataError(
            f"{where}: samples have shape {_shape(x.shape[1:])}, but the model's input {want.name!r} "
            f"takes {_shape(want.shape[1:])}; reshape the data"
        )
    if x.dtype.kind not in "biuf" or (x.dtype.kind == "f" and wanted.kind in "iu"):
        raise DataError(f"{where}: dtype {x.dtype}, but the model's input {want.name!r} takes {want.dtype}")
    if x.size == 0:
        raise DataError(f"{where}: samples of shape {_shape(x.shape[1:])} are empty")
    if wanted.kind in "iu" and x.dtype.kind in "iu":
        limits = np.iinfo(wanted)
        if x.min() < limits.min or x.max() > limits.max:
            rows = x.reshape(len(x), -1)
            first = int(((rows < limits.min) | (rows > limits.max)).any(axis=1).argmax())
            raise DataError(f"{where}[{first}]: holds what {want.dtype} cannot; the model's input takes no other")
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):
            finite = np.isfinite(x.astype(np.float32, copy=False).reshape(len(x), -1)).all(axis=1)
        if not finite.all():
            first = int(finite.argmin())
            beyond = np.isfinite(x[first].astype(np.float64)).all()
            said = "a value beyond float32; scale the data" if beyond else "NaN or infinity; clean the data"
            raise DataError(f"{where}[{first}]: holds {said}")


def alike(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a model takes features of a shape as they lie in memory: with or without axes of 1, or as one row."""

    def proper(sizes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(size for size in sizes if size != 1)

    return proper(wanted) in (proper(shape), (prod(shape),))


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
