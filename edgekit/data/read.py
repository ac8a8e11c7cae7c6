"""Reading a dataset in whatever form it comes, and its parts."""

from __future__ import annotations

from pathlib import Path

from edgekit.data.arrays import from_arrays, read_npz
from edgekit.data.folder import class_folders, read_folder
from edgekit.data.function import call
from edgekit.data.groups import number
from edgekit.data.held_out import HALF, hold_out
from edgekit.data.samples import Dataset, Samples, split
from edgekit.data.spec import RANDOM, DataSpec

RANDOM_SAMPLES = 256


def read_dataset(spec: DataSpec) -> Dataset:
    """Reads a dataset and splits it.

    Raises:
      DataError: it cannot be read, is not in a form that edgekit knows, or has too few samples to hold some out.
    """
    dataset = _read(spec)
    if not spec.held_out:
        return dataset
    train, held_out = hold_out(dataset.train, spec.seed, spec.source)
    reserve = None
    if spec.reserve and held_out.group is not None and number(held_out.group) < 2:
        train, reserve = hold_out(train, spec.seed, spec.source)
    elif spec.reserve:
        held_out, reserve = hold_out(held_out, spec.seed, spec.source, HALF)
    judges = {"evaluation": dataset.evaluation, "held_out": held_out, "reserve": reserve}[spec.judged_by]
    assert judges is not None, "a reserve that judges is held out"
    return Dataset(train, judges, held_out)


def _read(spec: DataSpec) -> Dataset:
    """Reads a dataset and splits it.

    Raises:
      DataError: it cannot be read, or is not in a form that edgekit knows.
    """
    if spec.source == RANDOM:
        return _random(spec)
    path = Path(spec.source)
    if path.is_dir():
        x, labels = read_folder(path, spec.inputs, spec.classes)
        y = labels if len(class_folders(path)) > 1 else None  # one class tells nothing
        return split(Samples((x,), y, y), spec.seed)
    if path.suffix == ".npz" or path.is_file():
        return from_arrays(read_npz(path, spec.group), spec)
    return from_arrays(call(spec.source), spec)


def _random(spec: DataSpec) -> Dataset:
    """Uniform values of 0 to 1 (0 and 1 for integers), the same for the same seed."""
    import numpy as np

    rng = np.random.default_rng(spec.seed)
    arrays = []
    for wanted in spec.inputs:
        shape = (2 * RANDOM_SAMPLES, *wanted.shape[1:])
        integers = not np.issubdtype(np.dtype(wanted.dtype), np.floating)
        arrays.append(rng.integers(0, 2, shape) if integers else rng.random(shape, dtype=np.float32))
    samples = Samples(tuple(arrays), None)
    return Dataset(samples.take(slice(RANDOM_SAMPLES)), samples.take(slice(RANDOM_SAMPLES, None)))
