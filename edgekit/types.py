"""The words of edgekit as types: what stages, runtimes, budgets and reports hand to each other.

All are frozen. Everything here can be written as JSON and read back by `msgspec`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Source = Literal["measured", "simulated", "estimated"]
VerdictWord = Literal["pass", "fail", "inconclusive", "skipped"]


class Artifact(Struct, frozen=True):
    """A file with a hash."""

    kind: str
    """`keras`, `tflite`, `data`, `predictions`, `c`, …"""
    path: str
    """Where the file lies."""
    bytes: int
    sha256: str


class TensorSpec(Struct, frozen=True):
    """An input or output of a model, as one sample sees it (the batch dimension, 1, included)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """NumPy's name: `int8`, `float32`, …"""
    scale: float = 0.0
    """real = scale * (stored - zero_point); 0.0 where the tensor is not quantized."""
    zero_point: int = 0


class Measurement(Struct, frozen=True):
    """A value with its unit, its interval, and where it comes from.

    A measurement that failed has no value but a `reason`.
    """

    name: str
    value: float | None
    unit: str
    """`B`, `ns`, `%` (0 to 100), `points`, `dB`, `x` (a ratio), `1` (a count)."""
    source: Source = "measured"
    runtime: str = ""
    """Name and version, such as `litert 2.3.0`; empty where no runtime took part."""
    samples: int = 1
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    artifact: Literal["model", "float"] = "model"
    """Which file was measured: the one that ships, or the float model that it is compared with."""
    reason: str = ""
    """Why there is no value, or what the reader should know about it."""


class StageRow(Struct, frozen=True):
    """What one stage did in this build."""

    name: str
    status: Literal["built", "cached"]
    seconds: float
    """What the stage took when it was built."""
    bytes: int
    """Size of the artifact that it made."""
    accuracy: float | None = None
    """Percent, of the stage's artifact over the evaluation set, where it was measured."""
    reason: str = ""
    """Why it was built again, or what it left out."""


class BudgetLine(Struct, frozen=True):
    """One limit of a budget, held against its measurement."""

    name: str
    limit: float
    value: float | None
    unit: str
    headroom: float | None
    """Share of the limit that is left, in percent; negative where the budget is broken."""
    verdict: VerdictWord
    source: str
    reason: str = ""
