"""Splits that keep groups whole: samples of one subject, speaker or session are more alike than those of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

NAME = "group"
"""The array that holds them where a project names no other."""
USUAL = ("subject", "speaker", "session", "patient", "participant", "user", "recording", "device")
"""Names that such arrays often have."""
ORDERS = 64
"""Orders of the groups that are tried."""


def group_of(arrays: dict[str, np.ndarray], name: str, x: str, count: int, source: str) -> np.ndarray | None:
    """The group of each sample, (N,), or None where the dataset does not say.

    Args:
      name: of the array, as the project declares it; "" for `group`, where there is one.
      x: the samples' array, `x`, `x_train` or `x_test`: the groups' has the same ending.
      count: of the samples, N.

    Raises:
      DataError: there is no such array, or it is not one value for each sample.
    """
    import numpy as np

    end = x.removeprefix("x")
    found = next((key for key in (f"{name or NAME}{end}", f"{NAME}{end}") if key in arrays), None)
    if found is None:
        if name:
            raise DataError(f"{source}: {name}{end} is missing, which the project names as group; add the array")
        return None
    groups = arrays[found]
    if groups.shape not in ((count,), (count, 1)):
        shape = "x".join(map(str, groups.shape)) or "a single value"
        raise DataError(f"{source}: {found}: {shape}, but there are {count} samples; give one value for each")
    if groups.dtype.kind not in "iufbSU" or (groups.dtype.kind == "f" and not np.isfinite(groups).all()):
        raise DataError(f"{source}: {found}: holds {groups.dtype}; groups are whole numbers or texts, none missing")
    return groups.reshape(count)


def whole_groups(groups: np.ndarray, y: np.ndarray | None, share: float, seed: int) -> np.ndarray:
    """Samples, (N,) bool, of some of the groups: about a share of all samples, of each class about the same.

    Of `ORDERS` random orders of the groups the one is taken whose first ones come nearest.

    Args:
      groups: (N,), at least two different ones.
      y: class indices (N,), or None.
    """
    import numpy as np

    _, of = np.unique(groups, return_inverse=True)
    classes = np.zeros(len(of), int) if y is None else np.unique(y, return_inverse=True)[1]
    counts = np.zeros((int(of.max()) + 1, int(classes.max()) + 1))
    np.add.at(counts, (of, classes), 1)
    wanted, rng = share * counts.sum(axis=0), np.random.default_rng(seed)
    best, nearest = np.empty(0, int), np.inf
    for _ in range(ORDERS):
        order = rng.permutation(len(counts))
        far = np.abs(np.cumsum(counts[order], axis=0)[:-1] - wanted).sum(axis=1)
        first = int(far.argmin())
        if far[first] < nearest:
            best, nearest = order[: first + 1], far[first]
    return np.isin(of, best)


def number(groups: np.ndarray) -> int:
    """How many different ones there are."""
    import numpy as np

    return len(np.unique(groups))
