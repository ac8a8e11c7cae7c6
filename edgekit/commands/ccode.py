"""`ccode FILE.tflite`: the sources in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import get_args

from msgspec import Struct

from edgekit.ccode.generate import Code, generate_file
from edgekit.ccode.library import Library, check, needed, parts
from edgekit.ccode.piece import Kernels
from edgekit.config import nearest
from edgekit.engine import worker
from edgekit.engine.limits import Look, limits
from edgekit.errors import ModelError, RecipeError
from edgekit.files import check_writable, write_all
from edgekit.flatbuffer.read import read_graph
from edgekit.report.text import printable, shown
from edgekit.units import Bytes

KERNELS: tuple[Kernels, ...] = get_args(Kernels)


class WrittenCode(Struct, frozen=True):
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
    library: tuple[str, ...]
    """Files of CMSIS-NN to compile with it,"""
    includes: tuple[str, ...]
    """and the folders of their headers."""
    saved: int | None
    """Bytes of weights that tables save; None where none were asked for."""


def write_ccode(
    path: Path, name: str, kernels: str, cmsis_nn: str, out: Path, arena: str = "", tables: bool = False
) -> WrittenCode:
    """Writes `out/NAME.h` and `out/NAME.c`.

    Args:
      kernels: one of `KERNELS`.
      cmsis_nn: the folder of CMSIS-NN, for the kernels of this name.
      arena: the most that it may be, such as "20 KiB"; "" for no limit.
      tables: whether weights become indexes into tables where that takes fewer bytes.

    Raises:
      ModelError: the file is no model, cannot be written as C, or needs a larger arena.
      RecipeError: there are no such kernels, CMSIS-NN is missing or not wanted, or `arena` is no quantity of bytes.
      OutputError: the folder cannot be written.
    """
    if kernels not in KERNELS:
        raise RecipeError(f"--kernels={kernels}: there are none of that name; {nearest(kernels, list(KERNELS))}")
    folder = chosen(kernels, cmsis_nn)
    try:
        limit = Bytes.parse(arena) if arena else None
    except ValueError as problem:
        raise RecipeError(f"--arena: {problem}") from None
    check_writable(out)
    read_graph(path)
    with tempfile.TemporaryDirectory() as place:
        arguments = (str(path), name, kernels, None, tables)
        code = worker.call_confined(
            generate_file, *arguments, returns=Code, what=str(path), writes=[place], **limits(path, Look.WRITE)
        )
        made = {file.name: file.read_bytes() for file in sorted(Path(place).iterdir())}
    if limit is not None and code.arena > limit:
        raise ModelError(
            f"{path}: needs an arena of {code.arena:,} B, and --arena gives {limit:,.0f} B; most is in use during "
            f"{code.peak}, {code.bound:,} B: make that layer smaller, or give more"
        )
    library = Library((), ())
    if folder:
        library = needed(made[f"{code.name}.c"].decode("ascii"), {of: str(at) for of, at in parts(folder).items()})
    write_all({out / file: content for file, content in made.items()})
    return WrittenCode(
        [str(out / file) for file in made],
        code.arena,
        code.bound,
        code.peak,
        code.weights,
        code.operators,
        library.sources,
        library.includes,
        code.saved,
    )


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


@shown
def print_ccode(found: WrittenCode) -> None:
    """What standalone C of a model needs."""
    print(*found.files, sep="\n")
    print(
        f"  arena:     {found.arena:,} B of RAM; {found.bound:,} B are in use at once, during {printable(found.peak)}"
    )
    less = "" if found.saved is None else f", {found.saved:,} B less by tables"
    print(f"  constants: {found.constants:,} B of flash{less}")
    print(f"  operators: {len(found.operators)}")
    if found.library:
        print(f"  CMSIS-NN:  {len(found.library)} files to compile with it, headers in {', '.join(found.includes)}")
        print(*(f"    {file}" for file in found.library), sep="\n")
