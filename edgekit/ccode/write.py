"""`ccode FILE.tflite`: the sources in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit import worker
from edgekit.ccode.generate import Code, Kernels, generate_file
from edgekit.errors import ModelError, RecipeError
from edgekit.flatbuffer.read import read
from edgekit.store import write
from edgekit.units import Bytes
from edgekit.write import check_writable

KERNELS: tuple[Kernels, ...] = ("portable", "dsp")
TIME_LIMIT = 120.0
"""Seconds."""


class Written(Struct, frozen=True):
    """Standalone C of a model."""

    files: list[str]
    arena: int
    """Bytes of RAM for tensors."""
    bound: int
    """The most that is needed at once: no plan can do with less."""
    peak: str
    """The operator during which that is so."""
    constants: int
    """Bytes of the model's constants, in flash."""
    operators: tuple[str, ...]
    saved: int | None = None
    """Bytes of weights that tables save; None where none were asked for."""


def write_ccode(path: Path, name: str, kernels: str, out: Path, arena: str = "", tables: bool = False) -> Written:
    """Writes `out/NAME.h` and `out/NAME.c`.

    Args:
      kernels: one of `KERNELS`.
      arena: the most that it may be, such as "20 KiB"; "" for no limit.
      tables: whether weights become indexes into tables where that takes fewer bytes.

    Raises:
      ModelError: the file is no model, cannot be written as C, or needs a larger arena.
      RecipeError: there are no such kernels, or `arena` is no quantity of bytes.
      OutputError: the folder cannot be written.
    """
    if kernels not in KERNELS:
        raise RecipeError(f"--kernels={kernels}: there are none of that name; write {' or '.join(KERNELS)}")
    try:
        limit = Bytes.parse(arena) if arena else None
    except ValueError as problem:
        raise RecipeError(f"--arena: {problem}") from None
    check_writable(out)
    read(path)
    with tempfile.TemporaryDirectory() as folder:
        arguments = (str(path), name, kernels, None, folder, tables)
        code = worker.call(generate_file, *arguments, returns=Code, time_limit=TIME_LIMIT)
        if limit is not None and code.arena > limit:
            raise ModelError(
                f"{path}: needs an arena of {code.arena:,} B, and --arena gives {limit:,.0f} B; most is in use during "
                f"{code.peak}, {code.bound:,} B: make that layer smaller, or give more"
            )
        files = []
        for file in sorted(Path(folder).iterdir()):
            write(out / file.name, file.read_bytes())
            files.append(str(out / file.name))
    return Written(files, code.arena, code.bound, code.peak, code.weights, code.operators, code.saved)
