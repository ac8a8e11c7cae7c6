"""`ccode FILE.tflite`: the sources in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import get_args

from msgspec import Struct

from edgekit import worker
from edgekit.ccode.generate import Code, generate_file
from edgekit.ccode.library import Library, check, needed, parts
from edgekit.ccode.piece import Kernels
from edgekit.config import nearest
from edgekit.errors import RecipeError
from edgekit.flatbuffer.read import read
from edgekit.store import write
from edgekit.write import check_writable

KERNELS: tuple[Kernels, ...] = get_args(Kernels)
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
    library: tuple[str, ...]
    """Files of CMSIS-NN to compile with it,"""
    includes: tuple[str, ...]
    """and the folders of their headers."""


def write_ccode(path: Path, name: str, kernels: str, cmsis_nn: str, out: Path) -> Written:
    """Writes `out/NAME.h` and `out/NAME.c`.

    Args:
      kernels: one of `KERNELS`.
      cmsis_nn: the folder of CMSIS-NN, for the kernels of this name.

    Raises:
      ModelError: the file is no model, or cannot be written as C.
      RecipeError: there are no such kernels, or CMSIS-NN is missing or not wanted.
      OutputError: the folder cannot be written.
    """
    if kernels not in KERNELS:
        raise RecipeError(f"--kernels={kernels}: there are none of that name; {nearest(kernels, list(KERNELS))}")
    folder = chosen(kernels, cmsis_nn)
    check_writable(out)
    read(path)
    with tempfile.TemporaryDirectory() as place:
        arguments = (str(path), name, kernels, None, place)
        code = worker.call(generate_file, *arguments, returns=Code, time_limit=TIME_LIMIT)
        made = {file.name: file.read_bytes() for file in sorted(Path(place).iterdir())}
    library = Library((), ())
    if folder:
        library = needed(made[f"{code.name}.c"].decode("ascii"), {of: str(at) for of, at in parts(folder).items()})
    for file, content in made.items():
        write(out / file, content)
    files = [str(out / file) for file in made]
    return Written(files, code.arena, code.bound, code.weights, code.operators, library.sources, library.includes)


def chosen(kernels: str, cmsis_nn: str) -> Path | None:
    """The folder of CMSIS-NN, where its kernels are wanted.

    Raises:
      RecipeError: it is not given, or not CMSIS-NN, or given for other kernels.
    """
    if kernels != "cmsis-nn" and cmsis_nn:
        raise RecipeError(f"--cmsis-nn={cmsis_nn}: is for --kernels=cmsis-nn; add that, or remove it")
    if kernels == "cmsis-nn" and not cmsis_nn:
        raise RecipeError("--kernels=cmsis-nn: needs --cmsis-nn=PATH, the folder with its Include and Source")
    return check(cmsis_nn, "--cmsis-nn", RecipeError) if cmsis_nn else None
