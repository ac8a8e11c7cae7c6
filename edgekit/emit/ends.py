"""The inputs and outputs of a model, as C needs them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from msgspec import Struct

from edgekit.emit.c_array import in_comment
from edgekit.emit.literals import C_TYPES, c_float
from edgekit.flatbuffer.macs import elements
from edgekit.types import TensorSpec

STORED = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
"""The least and the most that a quantized tensor's type holds."""


class End(Struct, frozen=True):
    """An input or output."""

    spec: TensorSpec
    way: str
    """`input` or `output`."""
    number: int
    name: str
    """For a comment."""
    dtype: str
    c_type: str
    """Empty where C has none, as for strings."""
    shape: tuple[int, ...]
    elements: int
    scale: str
    """A literal; empty where it is not quantized."""
    zero_point: int
    least: int = 0
    most: int = 0
    """What its type holds, where it is quantized to one of `STORED`; else both are 0."""
    subtract: tuple[str, ...] = ()
    """Literals of its normalization, one a feature; empty where it has none."""
    multiply: tuple[str, ...] = ()

    @property
    def low(self) -> str:
        """The real value that the least stands for, in steps of the scale."""
        return c_float(self.least - self.zero_point)

    @property
    def high(self) -> str:
        """The same of the most."""
        return c_float(self.most - self.zero_point)


def ends(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> tuple[list[End], list[End]]:
    """Inputs and outputs of a model, or of its code."""
    ways = ("input", inputs), ("output", outputs)
    made, left = ([_end(way, number, spec) for number, spec in enumerate(specs)] for way, specs in ways)
    return made, left


def _end(way: str, number: int, spec: TensorSpec) -> End:
    scale = c_float(spec.scale) if spec.scale and isfinite(spec.scale) else ""
    least, most = STORED.get(spec.dtype, (0, 0)) if scale else (0, 0)
    return End(
        spec,
        way,
        number,
        in_comment(spec.name) or "unnamed",
        spec.dtype,
        C_TYPES.get(spec.dtype, ""),
        spec.shape,
        elements(spec.shape),
        scale,
        spec.zero_point,
        least,
        most,
        tuple(map(c_float, spec.subtract)),
        tuple(map(c_float, spec.multiply)),
    )
