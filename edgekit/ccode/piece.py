"""What an operator is in C, and what its writer is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from edgekit.ccode.graph import Node

if TYPE_CHECKING:
    import numpy as np


Kernels = Literal["portable", "dsp", "cmsis-nn"]
"""Plain C, instructions of Arm's DSP extension, or calls of Arm's library."""


class Piece(Struct):
    """One operator in C."""

    calls: list[str]
    """Statements; `{x0}`, `{x1}`, … stand for the inputs, `{y0}` … for the outputs, `{scratch}` for extra memory."""
    constants: list[str] = field(default_factory=list)
    """Declarations before the function."""
    kernels: list[str] = field(default_factory=list)
    """See `edgekit.ccode.sources.sources`."""
    scratch: int = 0
    """Bytes."""
    in_place: bool = False
    """Whether the output may lie where an input lies."""
    alias: bool = False
    """Whether the output is the input, and nothing is done."""
    defines: dict[str, int] = field(default_factory=dict)
    """Constants that kernels need, by their macros: of all operators the largest."""
    fails: str = ""
    """Where it cannot be computed: the function then returns 1, as `NAME_run` does, else 0. Empty: never."""
    grows: bool = False
    """Whether more scratch makes it quicker."""
    saved: int = 0
    """Bytes of weights that tables save."""


class Style(Struct, frozen=True):
    """How a model is to be written."""

    kernels: Kernels
    table: Callable[[Node], list[int]]
    """What TFLM makes of each of the 256 stored values of an operator's input."""
    tables: bool = False
    """Whether weights become indexes into tables where that takes fewer bytes."""
    room: int = 0
    """Bytes of scratch that an operator may take beyond what it needs."""


Writer = Callable[[Node, str, Style], Piece]
"""Makes an operator's piece, given the prefix of its constants' names; raises `Node.refusal`."""


def array(name: str, c_type: str, values: Sequence[int] | np.ndarray) -> str:
    """A constant array in C."""
    rows = []
    for start in range(0, len(values), 16):
        rows.append("  " + ", ".join(str(int(v)) for v in values[start : start + 16]) + ",")
    listed = "\n".join(rows).replace(" -2147483648,", " INT32_MIN,")
    return f"static const {c_type} {name}[{len(values)}] = {{\n{listed}\n}};"
