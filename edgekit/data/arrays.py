"""Datasets as named arrays, in the layout of `keras.datasets`: x_train, y_train, x_test, y_test, or x and y.

A model with several inputs has one array for each: `x_train.NAME` with the input's name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.archive import read_archive
from edgekit.data.samples import Dataset, Samples, split
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

PARTS = ("x_train", "y_train", "x_test", "y_test", "x", "y")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` that belong to a dataset; of one that is none, the names without content.

    Raises:
      DataError: see `read_archive`.
    """
    arrays = read_archive(path, lambda name: name.split(".")[0] in PARTS)
    return {name: array for name, array in arrays.items() if name.split(".")[0] in PARTS} or arrays


def from_arrays(arrays: dict[str, np.ndarray], spec: DataSpec) -> Dataset:
    """Arrays by name as a dataset.

    Raises:
      DataError: arrays are missing, or do not belong together.
    """
    names = {name.split(".")[0] for name in arrays}
    if {"x_train", "x_test"} <= names:
        return Dataset(_part("x_train", "y_train", arrays, spec), _part("x_test", "y_test", arrays, spec))
    if "x" in names:
        return split(_part("x", "y", arrays, spec), spec.seed)
    raise DataError(
        f"{spec.source}: holds {', '.join(sorted(arrays)) or 'no arrays'}, but not x_train and x_test (or x); "
        "name the arrays as keras.datasets does: x_train, y_train, x_test, y_test"
    )


def _part(x: str, y: str, arrays: dict[str, np.ndarray], spec: DataSpec) -> Samples:
    if len(spec.inputs) == 1 and x in arrays:
        inputs = [arrays[x]]
    else:
        # Beside the signature's name that of its tensor, as TensorFlow makes one from the other.
        alike = {name.replace(".serving_default_", ".").removesuffix(":0"): a for name, a in arrays.items()} | arrays
        missing = [f"{x}.{i.name}" for i in spec.inputs if f"{x}.{i.name}" not in alike]
        if missing:
            raise DataError(
                f"{spec.source}: {' and '.join(missing)} missing; the model has {len(spec.inputs)} inputs, "
                "and each wants an array with its name"
            )
        inputs = [alike[f"{x}.{i.name}"] for i in spec.inputs]
    labels = _classes(arrays.get(y), y, spec)
    for name, array in [(f"{x}.{i.name}", a) for i, a in zip(spec.inputs, inputs, strict=True)] + [(y, labels)]:
        if array is not None and (array.ndim == 0 or len(array) != len(inputs[0])):
            what = "labels" if array is labels else "samples"
            count = 0 if array.ndim == 0 else len(array)
            raise DataError(f"{spec.source}: {name}: {count} {what} for {len(inputs[0])} samples of {x}")
    return Samples(tuple(inputs), labels, arrays.get(y))


def _classes(y: np.ndarray | None, name: str, spec: DataSpec) -> np.ndarray | None:
    """Labels as class indices (N,) int64; None where there are none or they are not classes."""
    import numpy as np

    if y is None:
        return None
    if not (np.issubdtype(y.dtype, np.number) or y.dtype == bool):
        raise DataError(f"{spec.source}: {name} has dtype {y.dtype}; labels are class indices, 0 to {spec.classes - 1}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.shape[1] == spec.classes and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if y.ndim != 1:
        return None  # targets of a regression
    whole = y.astype(np.int64)
    return whole if (whole == y).all() else None
