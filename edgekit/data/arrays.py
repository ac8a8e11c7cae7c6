"""Datasets as named arrays, in the layout of `keras.datasets`: x_train, y_train, x_test, y_test, or x and y.

A model with several inputs has one array for each: `x_train.NAME` with the input's name. One with several outputs
may have labels for each: `y_train.NAME` with the output's name or number; plain `y_train` is of the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.archive import read_archive
from edgekit.data.groups import NAME, group_of, number
from edgekit.data.inputs import check_input
from edgekit.data.labels import Answer, answer
from edgekit.data.samples import Dataset, Samples, split
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

RAW = "raw"
"""Of `raw`, `raw_train` and `raw_test`: what a sensor gave, where a front-end made x of it."""
PARTS = ("x_train", "y_train", "x_test", "y_test", "x", "y")


def read_npz(path: Path, group: str = "") -> dict[str, np.ndarray]:
    """The arrays of an `.npz` that belong to a dataset; of one that is none, the names without content.

    Args:
      group: what the arrays of groups are called beside `group`.

    Raises:
      DataError: see `read_archive`.
    """
    ends = ("", "_train", "_test")
    known = {*PARTS, *(f"{name}{end}" for name in filter(None, (NAME, group)) for end in ends)}
    arrays = read_archive(path, lambda name: name.split(".")[0] in known)
    return {name: array for name, array in arrays.items() if name.split(".")[0] in known} or arrays


def from_arrays(arrays: dict[str, np.ndarray], spec: DataSpec) -> Dataset:
    """Arrays by name as a dataset.

    Raises:
      DataError: arrays are missing, or do not belong together.
    """
    names = {name.split(".")[0] for name in arrays}
    if {"x_train", "x_test"} <= names:
        return Dataset(_part("x_train", "y_train", arrays, spec), _part("x_test", "y_test", arrays, spec))
    if "x" in names:
        whole = _part("x", "y", arrays, spec)
        if whole.group is not None and number(whole.group) < 2:
            raise DataError(
                f"{spec.source}: all {whole.number} samples are of one group; evaluation needs one of its own"
            )
        return split(whole, spec.seed)
    if "x_train" in names:
        raise DataError(
            f"{spec.source}: holds x_train, but not x_test; add x_test and y_test, or rename x_train, y_train to x, y "
            "to have them split"
        )
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
    for wanted, array in zip(spec.inputs, inputs, strict=True):
        name = f"{x}.{wanted.name}" if f"{x}.{wanted.name}" in arrays else x
        check_input(name, array, wanted, spec.source)
        _check_length(name, "samples", array, inputs[0], x, spec)
    labels: list[Answer] = []
    for output, names in enumerate(_outputs(y, arrays, spec)):
        name = next((name for name in names if name in arrays), "")
        labels.append(answer(arrays.get(name), name, spec, output))
        _check_length(name, "labels", labels[-1][1], inputs[0], x, spec)
    group = group_of(arrays, spec.group, x, len(inputs[0]), spec.source)
    raw = arrays.get(x.replace("x", RAW, 1))
    return Samples(tuple(inputs), *labels[0], tuple(labels[1:]), group, raw)


def _outputs(y: str, arrays: dict[str, np.ndarray], spec: DataSpec) -> list[list[str]]:
    """The names that labels of each output may have: `y` is of the first."""
    count = max(1, len(spec.outputs))
    names = [[f"{y}.{spec.output(n)}", f"{y}.{n}", *([y] if n == 0 else [])] for n in range(count)]
    known = {name for of_one in names for name in of_one}
    if unknown := next((name for name in arrays if name.startswith(f"{y}.") and name not in known), None):
        listed = " and ".join(spec.output(n) for n in range(count))
        raise DataError(f"{spec.source}: {unknown}: the model has no such output; it has {listed}")
    return names


def _check_length(name: str, what: str, array: np.ndarray | None, x: np.ndarray, of: str, spec: DataSpec) -> None:
    if array is not None and len(array) != len(x):
        raise DataError(f"{spec.source}: {name}: {len(array)} {what} for {len(x)} samples of {of}")
