"""Opening an `.npz` that came from anywhere: what it claims is held against what it holds before an array is read."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.files import near

if TYPE_CHECKING:
    import numpy as np

EXPANSION = 100
"""How many times larger than its archive arrays may be; measured images and sounds deflate by 2 to 20."""
ALWAYS = 64 << 20
"""Bytes that arrays may take whatever the archive's size."""
ADVICE = "check --data, or the model's data in pyproject.toml"
KINDS = "biufcSU"
"""Of NumPy's types those that are values: booleans, numbers, text."""


def read_archive(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` by name; of those that are not wanted an empty one.

    Raises:
      DataError: the file is missing, damaged or no `.npz`; an array holds objects or is of a type that is no value; or
        the arrays would take more than `ALWAYS` and `EXPANSION` times the file, or than half of the memory that is
        free.
    """
    import numpy as np

    try:
        with path.open("rb") as opened:
            head = opened.read(6)
        if head == b"\x93NUMPY":
            raise DataError(f"{path}: a single array; save x_train, y_train, x_test and y_test with np.savez")
        if not head.startswith(b"PK"):
            raise DataError(f"{path}: cannot be read as .npz (it is none); write it with np.savez")
        with zipfile.ZipFile(path) as archive:
            members = {name: member for member in archive.infolist() for name in _name(path, member)}
            if len(members) < len(archive.infolist()):
                raise DataError(f"{path}: holds two arrays of one name; write it again with np.savez")
            read = {name: member for name, member in members.items() if wanted(name)}
            _check_memory(path, sum(_claimed(path, name, member, archive) for name, member in read.items()))
            arrays = {name: np.empty(0) for name in members}
            for name, member in read.items():
                with archive.open(member) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays
    except FileNotFoundError:
        raise DataError(f"{path}: no such dataset; {near(path, ADVICE)}") from None
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as problem:
        said = " ".join(str(problem).split())[:200]
        raise DataError(f"{path}: cannot be read as .npz ({said}); write it again with np.savez") from None


def _name(path: Path, member: zipfile.ZipInfo) -> Iterator[str]:
    if not member.filename.endswith(".npy"):
        raise DataError(f"{path}: its entry {member.filename!r} is no array; write it again with np.savez")
    yield member.filename.removesuffix(".npy")


def _claimed(path: Path, name: str, member: zipfile.ZipInfo, archive: zipfile.ZipFile) -> int:
    """Bytes that an array takes, by its header and by the archive's directory, which must say the same."""
    import tokenize

    import numpy as np

    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        try:
            shape, _, dtype = read(file)
        except tokenize.TokenError as problem:
            raise ValueError(f"the header of {name} is cut off") from problem
        header = file.tell()
    if dtype.hasobject:
        raise DataError(
            f"{path}: {name}: holds pickled Python objects, which could run code; save plain numeric arrays"
        )
    if dtype.kind not in KINDS or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise DataError(f"{path}: {name}: is of type {dtype}, shape {shape}; save plain numeric arrays")
    claimed = math.prod(shape) * dtype.itemsize
    if header + claimed != member.file_size:
        raise DataError(
            f"{path}: {name}: cannot be read as .npz (its header speaks of {claimed:,} B, and "
            f"{member.file_size - header:,} B are there); write it again with np.savez"
        )
    return claimed


def _check_memory(path: Path, claimed: int) -> None:
    import psutil

    most = ALWAYS + EXPANSION * path.stat().st_size
    if claimed > most:
        raise DataError(
            f"{path}: its arrays would take {claimed:,} B, and a file of this size may hold {most:,} B "
            f"({EXPANSION} times its own and {ALWAYS >> 20} MiB); not opened: save fewer samples, "
            "or without compression (np.savez)"
        )
    free = psutil.virtual_memory().available
    if claimed > free // 2:
        raise DataError(
            f"{path}: its arrays would take {claimed:,} B, and {free:,} B of memory are free; not opened: save fewer "
            "samples"
        )
