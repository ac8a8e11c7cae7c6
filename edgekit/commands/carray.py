"""`carray FILE.tflite`: C sources that hold any model."""

from __future__ import annotations

from pathlib import Path

from edgekit.emit.c_array import CArray
from edgekit.emit.kit import Kit, files
from edgekit.engine import worker
from edgekit.engine.limits import Look, limits
from edgekit.errors import EdgekitError
from edgekit.files import write_all
from edgekit.runtimes.tflm import arena
from edgekit.types import Arena


def write_kit(model: Path, array: CArray, folder: Path) -> list[Path]:
    """Writes the sources of any `.tflite`, with the arena that TFLM needs for it where TFLM runs it, and with golden
    vectors where a `golden.npz` of this very file and of TFLM lies beside it.

    Raises:
      ModelError: the file is no model.
      RecipeError: a setting could not stand in C.
      OutputError: the folder cannot be written.
    """
    try:
        needed = worker.call_confined(arena, str(model), returns=Arena, **limits(model, Look.RUN))
    except EdgekitError:
        needed = None  # the header says that it was not measured
    kit = Kit(array, arena=needed, golden=str(model.with_name("golden.npz")))
    made = {folder / file: text.encode("ascii") for file, text in files(model, kit).items()}
    write_all(made)
    return list(made)
