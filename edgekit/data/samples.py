"""Samples and labels as arrays, the parts of a dataset, and samples as a model takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edgekit.data.groups import whole_groups
from edgekit.data.preprocessing import preprocessed
from edgekit.data.spec import DataSpec

if TYPE_CHECKING:
    import numpy as np

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
    raw: np.ndarray | None = None
    """(N, …): what a sensor gave, where a front-end made x of it."""

    @property
    def number(self) -> int:
        """How many samples there are."""
        return len(self.x[0])

    def take(self, rows: np.ndarray | slice) -> Samples:
        """Some of the samples, in that order."""

        def taken(pair: tuple[np.ndarray | None, np.ndarray | None]) -> tuple[np.ndarray | None, np.ndarray | None]:
            return None if pair[0] is None else pair[0][rows], None if pair[1] is None else pair[1][rows]

        y, targets = taken((self.y, self.targets))
        group, raw = taken((self.group, self.raw))
        return Samples(tuple(x[rows] for x in self.x), y, targets, tuple(map(taken, self.others)), group, raw)

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


def prepared(samples: Samples, spec: DataSpec) -> list[np.ndarray]:
    """Samples as the model takes them: preprocessed, in each input's shape and dtype.

    Preprocessing is for inputs of floats; integers (indices, tokens) stay as they are.

    Returns:
      for each input (N, *shape without batch), of the input's dtype.
    """
    import numpy as np

    arrays = []
    for x, wanted in zip(samples.x, spec.inputs, strict=True):
        x = x.reshape(len(x), *wanted.shape[1:])  # grey images may lack the channel axis
        if np.issubdtype(np.dtype(wanted.dtype), np.floating):
            x = preprocessed(x, spec.preprocessing)
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


def split(samples: Samples, seed: int) -> Dataset:
    """Training and evaluation samples of a dataset that has no split of its own; groups, two or more, stay whole."""
    import numpy as np

    if samples.group is not None:
        test = whole_groups(samples.group, samples.y, TEST_SHARE, seed)
    else:
        test = np.zeros(samples.number, dtype=bool)
        test[stratified(samples.y, samples.number, round(TEST_SHARE * samples.number), seed)] = True
    return Dataset(samples.take(~test), samples.take(test))
