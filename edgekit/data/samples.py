"""Reading a dataset: any form in, arrays of samples and labels out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgekit.data.spec import RANDOM, DataSpec

if TYPE_CHECKING:
    import numpy as np

RANDOM_SAMPLES = 256
TEST_SHARE = 0.2
"""Of the samples of each class, where a dataset brings no split of its own."""


class Samples(NamedTuple):
    """Samples as they are stored, before preprocessing."""

    x: tuple[np.ndarray, ...]
    """For each input of the model (N, …), any numeric dtype."""
    y: np.ndarray | None
    """Class indices (N,) int64, or None."""
    targets: np.ndarray | None = None
    """What the dataset has as y, whatever it is: numbers (N,) or (N, K), or None."""
    others: tuple[tuple[np.ndarray | None, np.ndarray | None], ...] = ()
    """The two for each output after the first."""
    group: np.ndarray | None = None
    """(N,): samples of one group are not to be in two parts."""

    @property
    def number(self) -> int:
        """How many samples there are."""
        return len(self.x[0])

    def take(self, rows: np.ndarray | slice) -> Samples:
        """Some of the samples, in that order."""

        def taken(pair: tuple[np.ndarray | None, np.ndarray | None]) -> tuple[np.ndarray | None, np.ndarray | None]:
            return None if pair[0] is None else pair[0][rows], None if pair[1] is None else pair[1][rows]

        y, targets = taken((self.y, self.targets))
        group = None if self.group is None else self.group[rows]
        return Samples(tuple(x[rows] for x in self.x), y, targets, tuple(map(taken, self.others)), group)

    def answers(self, output: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """`y` and `targets` of an output, by its number."""
        return (self.y, self.targets) if output == 0 else (*self.others, *[(None, None)] * output)[output - 1]


class Dataset(NamedTuple):
    """The parts of a dataset."""

    train: Samples
    """What trains and calibrates."""
    evaluation: Samples
    """What scores the result, and decides nothing on the way."""
    held_out: Samples | None = None
    """What decides on the way, where something does; see `edgekit.data.held_out`."""


def read(spec: DataSpec) -> Dataset:
    """Reads a dataset and splits it.

    Raises:
      DataError: it cannot be read, is not in a form that edgekit knows, or has too few samples to hold some out.
    """
    from edgekit.data.held_out import hold_out

    dataset = _read(spec)
    if not spec.held_out:
        return dataset
    train, held_out = hold_out(dataset.train, spec.seed, spec.source)
    return Dataset(train, held_out if spec.judges else dataset.evaluation, held_out)


def _read(spec: DataSpec) -> Dataset:
    """Reads a dataset and splits it.

    Raises:
      DataError: it cannot be read, or is not in a form that edgekit knows.
    """
    from edgekit.data.arrays import from_arrays, read_npz

    if spec.source == RANDOM:
        return _random(spec)
    path = Path(spec.source)
    if path.is_dir():
        from edgekit.data.folder import class_folders, read_folder

        x, labels = read_folder(path, spec.inputs, spec.classes)
        y = labels if len(class_folders(path)) > 1 else None  # one class tells nothing
        return split(Samples((x,), y, y), spec.seed)
    if path.suffix == ".npz" or path.is_file():
        return from_arrays(read_npz(path, spec.group), spec)
    from edgekit.data.function import call

    return from_arrays(call(spec.source), spec)


def prepared(samples: Samples, spec: DataSpec) -> list[np.ndarray]:
    """Samples as the model takes them: `x * scale + offset` in each input's shape and dtype.

    Preprocessing is for inputs of floats; integers (indices, tokens) stay as they are.

    Returns:
      for each input (N, *shape without batch), of the input's dtype.
    """
    import numpy as np

    scale, offset = spec.preprocessing.scale, spec.preprocessing.offset
    arrays = []
    for x, wanted in zip(samples.x, spec.inputs, strict=True):
        x = x.reshape(len(x), *wanted.shape[1:])  # grey images may lack the channel axis
        if (scale, offset) != (1.0, 0.0) and np.issubdtype(np.dtype(wanted.dtype), np.floating):
            x = x.astype(np.float32) * np.float32(scale) + np.float32(offset)
        arrays.append(np.ascontiguousarray(x, dtype=wanted.dtype))
    return arrays


def stratified(y: np.ndarray | None, total: int, count: int, seed: int) -> np.ndarray:
    """Indices of `count` of `total` samples, of each class its share, in random order.

    Args:
      y: class indices (total,), or None for a plain random choice.

    Returns:
      (count,) int64. Where shares are not whole, the classes with the largest remainders get one more.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    if y is None:
        return rng.permutation(total)[:count]
    classes, sizes = np.unique(y, return_counts=True)
    exact = sizes * (count / total)
    shares = np.floor(exact).astype(int)
    order = np.argsort(shares - exact, kind="stable")
    shares[order[: count - shares.sum()]] += 1
    picked = [rng.permutation(np.flatnonzero(y == c))[:n] for c, n in zip(classes, shares, strict=True)]
    return rng.permutation(np.concatenate(picked))


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

    from edgekit.data.overlap import digests

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


def split(samples: Samples, seed: int) -> Dataset:
    """Training and evaluation samples of a dataset that has no split of its own; groups, two or more, stay whole."""
    import numpy as np

    from edgekit.data.groups import whole_groups

    if samples.group is not None:
        test = whole_groups(samples.group, samples.y, TEST_SHARE, seed)
    else:
        test = np.zeros(samples.number, dtype=bool)
        test[stratified(samples.y, samples.number, round(TEST_SHARE * samples.number), seed)] = True
    return Dataset(samples.take(~test), samples.take(test))


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
