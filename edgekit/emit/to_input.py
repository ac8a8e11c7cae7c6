"""Whole numbers of a sensor or a front-end as a quantized input stores them, without floats: a line for each channel.

Python divides and rounds in float32. In C it is `(value * multiplier + offset) >> shift`, clamped. All values that
there can be are tried when the C is written. Those that float32 rounds otherwise, few or none, stand beside the line;
where there are no more than 256 values in all, a table stands in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

from edgekit.data.preprocessing import Preprocessing, preprocessed
from edgekit.emit.ends import STORED
from edgekit.emit.render import render
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
WIDE = 2**31
"""What multipliers, and products of 32 bits, stay below."""
DEEPEST = 46
"""The largest shift that is tried."""
NEAR = (-1, 0, 1, 2)
"""Multipliers that are tried, from the slope rounded down; a larger one rounds halves away from zero."""
OPEN = 2**62
"""An end that bounds nothing."""
STEEPEST = 2**14
"""Of slopes: where they are steeper few values lie between the ends, and what is shifted still has 32 bits."""
AT_ONCE = 4096
"""Values that are worked out together, of all channels."""
TABLE = 256
"""Values at most for which there may be a table."""


class Line(NamedTuple):
    """Of a channel."""

    multiplier: int
    offset: int
    others: tuple[tuple[int, int], ...] = ()
    """Values for which float32 rounds otherwise, in ascending order, each with what is stored for it."""
    table: tuple[int, ...] = ()
    """What is stored for each value; empty where the line says it."""


class ToInput(Struct, frozen=True):
    """How values become what an input stores: `clamp((value * multiplier + offset) >> shift)`."""

    lines: tuple[Line, ...]
    """All that differ; all of them have a table, or none."""
    channels: tuple[int, ...]
    """For each channel the number of its line; one where all channels are alike."""
    shift: int
    wide: bool
    """Whether products take 64 bits."""
    clamped: bool
    """Whether any value leaves what the type holds."""
    low: int
    high: int
    """What the type holds."""
    least: int
    """Of the values: where tables start."""


def to_input(said: Preprocessing, stored: TensorSpec, values: tuple[int, int], step: float = 1.0) -> ToInput:
    """How an input of a model is made of whole numbers.

    Args:
      said: how they are preprocessed.
      stored: the input, quantized.
      values: the least and the most that there can be.
      step: real value of one step of them, before preprocessing.
    """
    import numpy as np

    low, high = STORED[stored.dtype]
    every = np.arange(values[0], values[1] + 1)
    table, slopes = _in_python(said, stored, every, step)
    number: dict[bytes, int] = {}
    line_of = [number.setdefault(column.tobytes(), len(number)) for column in table]
    steepest = min(high - low + 1, STEEPEST)
    firsts = [line_of.index(line) for line in range(len(number))]
    columns = [
        _Column(every, table[first].astype(np.int64), float(max(-steepest, min(steepest, slopes[first]))), low, high)
        for first in firsts
    ]
    shift, lines = _fitted(columns)
    lines = [line._replace(others=column.others(line, shift)) for line, column in zip(lines, columns, strict=True)]
    if any(line.others for line in lines) and len(every) <= TABLE:
        lines = [Line(0, 0, table=tuple(column.stored.tolist())) for column in columns]
    products = [line.multiplier * value for line in lines for value in values]
    sums = [line.multiplier * value + line.offset for line in lines for value in values]
    return ToInput(
        tuple(lines),
        tuple(line_of) if len(lines) > 1 else (0,),
        shift,
        max(map(abs, [*products, *sums, *(line.offset for line in lines)])) >= WIDE,
        any(not low <= total >> shift <= high for total in sums),
        low,
        high,
        values[0],
    )


def _in_python(
    said: Preprocessing, stored: TensorSpec, every: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """What Python stores for values, (channels, values), and how fast it grows, (channels,); one channel stands for all
    where they are alike."""
    import numpy as np

    from edgekit.runtimes.values import quantize

    apart = stored.multiply or any(isinstance(value, tuple) for value in astuple(said))
    channels = stored.shape[-1] if apart else 1

    def real(some: np.ndarray) -> np.ndarray:
        return preprocessed(some.astype(np.float32)[:, None] * np.full(channels, step, np.float32), said)

    blocks = [quantize(real(every[at : at + AT_ONCE]), stored) for at in range(0, len(every), AT_ONCE)]
    ends = real(every[[0, -1]]).astype(np.float64)
    slopes = (ends[1] - ends[0]) / (len(every) - 1) / stored.scale
    return np.ascontiguousarray(np.concatenate(blocks).T), slopes * np.asarray(stored.multiply or 1.0)


def code_of(made: ToInput, function: str, count: int, given: str, stored: str) -> str:
    """A static function of C, `void FUNCTION(const GIVEN *values, STORED *input)`, and its constants.

    Args:
      count: of the input's elements.
      given: C type of the values,
      stored: and that of the input. Both may be one memory, unless the second is the larger.
    """
    channels = list(made.channels)
    others = [other for line in made.lines for other in line.others]
    facts = {
        "function": function,
        "count": count,
        "given": given,
        "stored": stored,
        "made": made,
        "channels": [] if channels == list(range(len(channels))) else channels,
        "period": len(channels),
        "others": others,
        "starts": list(accumulate((len(line.others) for line in made.lines), initial=0)),
    }
    return render("to_input.c.jinja", facts)


class _Column:
    """What is stored for the values of a channel. It never falls, or never rises: the edges between the values where it
    changes decide whether a line hits all."""

    def __init__(self, every: np.ndarray, stored: np.ndarray, slope: float, low: int, high: int) -> None:
        import numpy as np

        self.every, self.stored, self.slope, self.low, self.high = every, stored, slope, low, high
        before = np.flatnonzero(np.diff(stored))
        at = np.unique(np.concatenate([before, before + 1, [0, len(stored) - 1]]))
        self.edges, self.there = every[at], stored[at]

    def tried(self, shift: int, fit: Callable[[_Column, int, int], T]) -> list[T]:
        """What `fit` makes of the multipliers near the slope, without those that are too large."""
        near = math.floor(self.slope * 2**shift)
        return [fit(self, near + more, shift) for more in NEAR if abs(near + more) < WIDE]

    def offsets(self, multiplier: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most offset with which a line hits each of the edges."""
        import numpy as np

        least = (self.there << shift) - self.edges * multiplier
        most = least + (1 << shift) - 1
        return np.where(self.there == self.low, -OPEN, least), np.where(self.there == self.high, OPEN, most)

    def others(self, line: Line, shift: int) -> tuple[tuple[int, int], ...]:
        """The values that a line misses, with what is stored for them."""
        made = ((self.every * line.multiplier + line.offset) >> shift).clip(self.low, self.high)
        missed = made != self.stored
        return tuple(zip(self.every[missed].tolist(), self.stored[missed].tolist(), strict=True))


def _fitted(columns: Sequence[_Column]) -> tuple[int, list[Line]]:
    """The smallest shift with which lines hit every value of each column; if there is none, that with fewer misses."""
    for shift in range(DEEPEST + 1):
        found = list[Line]()
        for column in columns:
            if not (exact := [line for line in column.tried(shift, _through) if line]):
                break
            found.append(exact[0])
        else:
            return shift, found
    slope = max(abs(column.slope) for column in columns)
    deepest = min(DEEPEST, math.floor(math.log2((WIDE - 4) / slope)))
    best = {
        shift: [min(column.tried(shift, _nearest), key=lambda found: found[0]) for column in columns]
        for shift in (max(0, deepest - 15), deepest)  # values have 15 bits: products of the first may have 32
    }
    shift = min(best, key=lambda shift: sum(missed for missed, _ in best[shift]))
    return shift, [line for _, line in best[shift]]


def _through(column: _Column, multiplier: int, shift: int) -> Line | None:
    """A line that hits every value."""
    least, most = column.offsets(multiplier, shift)
    low, high = int(least.max()), int(most.min())
    if low > high:
        return None
    offset = high if low == -OPEN else low if high == OPEN else (low + high) // 2
    return Line(multiplier, 0 if (low, high) == (-OPEN, OPEN) else offset)


def _nearest(column: _Column, multiplier: int, shift: int) -> tuple[int, Line]:
    """The line that misses the fewest edges, and how many."""
    import numpy as np

    least, most = column.offsets(multiplier, shift)
    starts, ends = np.sort(least), np.sort(most)
    hit = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts)
    best = int(hit.argmax())
    return len(starts) - int(hit[best]), Line(multiplier, int(starts[best]))
