"""Whether a device computes what was measured: outputs that came back from it against the golden vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from edgekit.data.archive import read_archive
from edgekit.engine import worker
from edgekit.errors import DataError, OutputError
from edgekit.measure.golden import GOLDEN
from edgekit.report.text import shown

if TYPE_CHECKING:
    import numpy as np


class OutputVerification(Struct, frozen=True):
    """One output of a device against the golden vectors."""

    output: int
    values: int
    """In all vectors."""
    differing: int
    largest: float
    unit: str
    """`LSB`, steps of the stored integer; none for floats."""
    first: tuple[int, int] | None
    """Vector and value, from 0, that differ first."""
    wanted: float = 0.0
    """What stands there in the golden vectors,"""
    got: float = 0.0
    """and what the device made of it."""


def verify(folder: Path, outputs: Path) -> list[OutputVerification]:
    """Compares outputs from a device with the golden vectors of a build.

    Args:
      folder: of the build; its `golden.npz` holds the inputs that the device was given.
      outputs: `.npz` with `output_0` and so on, `.npy` of the only output, or a file of bytes: for each vector all
        outputs one after the other, as the device stores them.

    Raises:
      OutputError: the build has no golden vectors.
      DataError: the file cannot be read, or is not of these vectors.
    """
    if not (folder / GOLDEN).is_file():
        raise OutputError(f"{folder / GOLDEN}: there is none; build again, or name the folder of a build")
    return worker.call_confined(compare, str(folder / GOLDEN), str(outputs), returns=list[OutputVerification])


def compare(golden: str, outputs: str) -> list[OutputVerification]:
    """The same of two files."""
    try:
        found = read_archive(Path(golden), lambda name: name.startswith("output_"))
        wanted = [found[f"output_{number}"] for number in range(sum(name.startswith("output_") for name in found))]
    except (DataError, KeyError) as problem:
        raise OutputError(f"{golden}: the golden vectors are damaged ({problem}); build again") from None
    if not wanted or any(not array.ndim or len(array) != len(wanted[0]) for array in wanted):
        raise OutputError(f"{golden}: the golden vectors are damaged; build again")
    got = _read(Path(outputs), wanted)
    return [_verified(number, *pair) for number, pair in enumerate(zip(wanted, got, strict=True))]


def _verified(number: int, wanted: np.ndarray, got: np.ndarray) -> OutputVerification:
    import numpy as np

    whole = np.issubdtype(wanted.dtype, np.integer) or wanted.dtype == np.bool_
    a, b = (array.reshape(len(wanted), -1).astype(np.int64 if whole else np.float64) for array in (wanted, got))
    same = (a == b) if whole else (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return OutputVerification(number, a.size, 0, 0.0, "LSB" if whole else "", None)
    vector, value = (int(i) for i in np.argwhere(~same)[0])
    return OutputVerification(
        number,
        a.size,
        int((~same).sum()),
        float(np.abs(a - b)[~same].max()),
        "LSB" if whole else "",
        (vector, value),
        float(a[vector, value]),
        float(b[vector, value]),
    )


def _read(path: Path, wanted: list[np.ndarray]) -> list[np.ndarray]:
    """The device's outputs, of the shapes and types of those that are wanted."""
    import numpy as np

    try:
        path.stat()
        if path.suffix == ".npz":
            found = read_archive(path, lambda name: name.startswith("output_"))
            arrays = [found[f"output_{number}"] for number in range(len(wanted))]
        elif path.suffix == ".npy":
            arrays = [np.load(path, mmap_mode="r", allow_pickle=False)]
        else:
            arrays = _from_bytes(path, wanted)
    except OSError as problem:
        raise DataError(f"{path}: {problem.strerror or 'cannot be read'}; name a .npz, .npy or file of bytes") from None
    except KeyError as problem:
        raise DataError(f"{path}: has no array {problem}; golden.npz has {len(wanted)} outputs") from None
    except (ValueError, EOFError) as problem:
        raise DataError(f"{path}: cannot be read ({problem}); name a .npz, .npy or file of bytes") from None
    if len(arrays) != len(wanted):
        raise DataError(f"{path}: holds one output, golden.npz has {len(wanted)}; give a .npz with all of them")
    for number, (array, want) in enumerate(zip(arrays, wanted, strict=True)):
        if array.size != want.size or array.dtype != want.dtype:
            raise DataError(
                f"{path}: output_{number} holds {array.size} values of {array.dtype}, but the {len(want)} golden "
                f"vectors have {want.size} of {want.dtype}"
            )
    return [array.reshape(want.shape) for array, want in zip(arrays, wanted, strict=True)]


def _from_bytes(path: Path, wanted: list[np.ndarray]) -> list[np.ndarray]:
    import numpy as np

    content = np.frombuffer(path.read_bytes(), np.uint8)
    count, sizes = len(wanted[0]), [array[0].nbytes for array in wanted]
    if len(content) != (whole := count * sum(sizes)):
        raise DataError(f"{path}: {len(content):,} bytes, but {count} golden vectors of {sum(sizes)} make {whole:,}")
    parts = np.split(content.reshape(count, -1), np.cumsum(sizes)[:-1], axis=1)
    return [np.ascontiguousarray(p).view(want.dtype) for p, want in zip(parts, wanted, strict=True)]


@shown
def print_verified(found: Sequence[OutputVerification]) -> None:
    """How a device's outputs differ from the golden vectors."""
    for v in found:
        said = f"output {v.output}: {v.values:,} values, "
        if v.first is None:
            print(said + "all the same to the bit")
        else:
            far = f"{v.largest:.6g} {v.unit}".rstrip()
            print(
                f"{said}{v.differing:,} differ, by {far} at most; first in vector {v.first[0]}, value {v.first[1]}: "
                f"{v.got:.6g} instead of {v.wanted:.6g}"
            )
