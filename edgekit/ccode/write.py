"""`ccode FILE.tflite`: the sources in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit import worker
from edgekit.ccode.generate import Code, Kernels, generate_file
from edgekit.errors import RecipeError
from edgekit.flatbuffer.read import read
from edgekit.store import write
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
    constants: int
    """Bytes of the model's constants, in flash."""
    operators: tuple[str, ...]


def write_ccode(path: Path, name: str, kernels: str, out: Path) -> Written:
    """Writes `out/NAME.h` and `out/NAME.c`.

    Args:
      kernels: one of `KERNELS`.

    Raises:
      ModelError: the file is no model, or cannot be written as C.
      RecipeError: there are no such kernels.
      OutputError: the folder cannot be written.
    """
    if kernels not in KERNELS:
        raise RecipeError(f"--kernels={kernels}: there are none of that name; write {' or '.join(KERNELS)}")
    check_writable(out)
    read(path)
    with tempfile.TemporaryDirectory() as folder:
        arguments = (str(path), name, kernels, None, folder)
        code = worker.call(generate_file, *arguments, returns=Code, time_limit=TIME_LIMIT)
        files = []
        for file in sorted(Path(folder).iterdir()):
            write(out / file.name, file.read_bytes())
            files.append(str(out / file.name))
    return Written(files, code.arena, code.bound, code.weights, code.operators)
