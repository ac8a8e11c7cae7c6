"""Reading a dataset: any form in, arrays of samples and labels out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgekit.data.spec import RANDOM, DataSpec
from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

RANDOM_SAMPLES = 256
TEST_SHARE = 0.2
"""Of the samples of each class, where a dataset brings no split of its own."""


class Samples(NamedTuple):
    """Samples as they are stored, before preprocessing."""

    x: np.ndarray
    """(N, …), any numeric dtype."""
    y: np.ndarray | None
    """Class indices (N,) int64, or None."""


class Dataset(NamedTuple):
    """The two parts of a dataset."""

    train: Samples
    evaluation: Samples


def read(spec: DataSpec) -> Dataset:
    """Reads a dataset and splits it.

    Raises:
      DataError: it cannot be read, or is not in a form that edgekit knows.
    """
    if spec.source == RANDOM:
        return _random(spec)
    path = Path(spec.source)
    if path.is_dir():
        from edgekit.data.folder import read_folder

        return split(*read_folder(path, spec.input), spec.seed)
    if path.suffix == ".npz" or path.is_file():
        return _from_arrays(_npz(path), spec)
    from edgekit.data.function import call

    return _from_arrays(call(spec.source), spec)


def prepared(x: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Samples as the model takes them: `x * scale + offset` in the input's shape and dtype.

    Args:
      x: (N, …) as stored; grey images may lack the channel axis.

    Returns:
      (N, *input shape without batch), of the input's dtype.
    """
    import numpy as np

    x = x.reshape(len(x), *spec.input.shape[1:])
    scale, offset = spec.preprocessing.scale, spec.preprocessing.offset
    if (scale, offset) != (1.0, 0.0):
        x = x.astype(np.float32) * np.float32(scale) + np.float32(offset)
    return np.ascontiguousarray(x, dtype=spec.input.dtype)


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


def calibration(dataset: Dataset, count: int, spec: DataSpec) -> np.ndarray:
    """The calibration set: a stratified share of the training samples, as the model takes them."""
    x, y = dataset.train
    return prepared(x[stratified(y, len(x), count, spec.seed)], spec)


def split(x: np.ndarray, y: np.ndarray | None, seed: int) -> Dataset:
    """Training and evaluation samples of a dataset that has no split of its own."""
    import numpy as np

    test = np.zeros(len(x), dtype=bool)
    test[stratified(y, len(x), round(TEST_SHARE * len(x)), seed)] = True
    return Dataset(Samples(x[~test], None if y is None else y[~test]), Samples(x[test], None if y is None else y[test]))


def _random(spec: DataSpec) -> Dataset:
    """Uniform values of 0 to 1 (any of 0 and 1 for integers), the same for the same seed."""
    import numpy as np

    rng = np.random.default_rng(spec.seed)
    shape = (2 * RANDOM_SAMPLES, *spec.input.shape[1:])
    integers = np.issubdtype(np.dtype(spec.input.dtype), np.integer)
    x = rng.integers(0, 2, shape) if integers else rng.random(shape, dtype=np.float32)
    return Dataset(Samples(x[:RANDOM_SAMPLES], None), Samples(x[RANDOM_SAMPLES:], None))


def _npz(path: Path) -> dict[str, np.ndarray]:
    import zipfile
    import zlib

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(f"{path}: a single array; save x_train, y_train, x_test and y_test with np.savez")
            return {key: file[key] for key in ("x_train", "y_train", "x_test", "y_test", "x", "y") if key in file} or {
                key: np.empty(0) for key in file.files
            }
    except FileNotFoundError:
        raise DataError(f"{path}: no such dataset; check --data, or the model's data in pyproject.toml") from None
    except ValueError as problem:
        if "allow_pickle" in str(problem):
            raise DataError(
                f"{path}: holds pickled Python objects, which could run code; save plain numeric arrays"
            ) from None
        raise DataError(f"{path}: not an .npz file; write it with np.savez") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as problem:
        raise DataError(f"{path}: cannot be read as .npz ({problem}); write it again with np.savez") from None


def _from_arrays(arrays: dict[str, np.ndarray], spec: DataSpec) -> Dataset:
    if "x_train" in arrays and "x_test" in arrays:
        return Dataset(
            Samples(arrays["x_train"], _classes(arrays.get("y_train"), "y_train", spec)),
            Samples(arrays["x_test"], _classes(arrays.get("y_test"), "y_test", spec)),
        )
    if "x" in arrays:
        x, y = arrays["x"], _classes(arrays.get("y"), "y", spec)
        if y is not None and len(y) != len(x):
            raise DataError(f"{spec.source}: x has {len(x)} samples, but y has {len(y)} labels")
        return split(x, y, spec.seed)
    raise DataError(
        f"{spec.source}: holds {', '.join(sorted(arrays)) or 'no arrays'}, but not x_train and x_test (or x); "
        "name the arrays as keras.datasets does: x_train, y_train, x_test, y_test"
    )


def _classes(y: np.ndarray | None, name: str, spec: DataSpec) -> np.ndarray | None:
    """Labels as class indices (N,) int64; None where there are none or they are not classes."""
    import numpy as np

    if y is None:
        return None
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.shape[1] == spec.classes and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if y.ndim != 1 or not (np.issubdtype(y.dtype, np.number) or y.dtype == bool):
        if np.issubdtype(y.dtype, np.number):
            return None  # targets of a regression
        raise DataError(f"{spec.source}: {name} has dtype {y.dtype}; labels are class indices, 0 to {spec.classes - 1}")
    whole = y.astype(np.int64)
    return whole if (whole == y).all() else None
