"""Run in a worker for TFLM: C code in which every layer that can have tables has them, however little these save."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest.mock import patch

from code_probe import compare
from msgspec import Struct

from edgekit.ccode import palette
from edgekit.ccode.generate import generate


class Tried(Struct):
    """What became of a model."""

    differing: int
    """Bytes."""
    bits: list[int]
    """Of the indexes of each layer that has tables."""


def compare_tables(model: str, kernels: str, samples: int) -> Tried:
    """Outputs of the code beside those of TFLM."""
    bits = []

    def noted(rows, layout):
        found = made(rows, layout)
        bits.extend([found.bits] if found else [])
        return found

    made = palette.palette
    with (
        patch.multiple(palette, LEAST=-(10**9), WORTH=10**6),
        patch("edgekit.ccode.generate.DECODERS", -(10**9)),
        patch("edgekit.ccode.operators.conv.palette", noted),
        patch("edgekit.ccode.operators.dense.palette", noted),
    ):
        return Tried(compare(model, kernels, samples, ends=True, tables=True)[0], bits)


def flash(model: str, kernels: str, tables: bool) -> int:
    """Bytes of code and constants, on this machine; no compiler here has anything to say."""
    flags = "-std=c11 -O1 -Wall -Wextra -Wconversion -Wpedantic -Werror -c m.c".split()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in generate(Path(model).read_bytes(), "m", kernels, tables=tables).files.items():
            (Path(folder) / name).write_text(text)
        for compiler in filter(shutil.which, ("clang", "gcc")):
            subprocess.run([compiler, *flags], cwd=folder, check=True)
        said = subprocess.run(["size", "m.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return int(said.splitlines()[1].split()[0])
