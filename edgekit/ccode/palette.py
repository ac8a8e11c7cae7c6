"""Lookup-table weights: where those of a layer have few values, indexes into tables of them take fewer bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from edgekit.ccode.piece import array

if TYPE_CHECKING:
    import numpy as np

MOST_BITS = 4
"""Of an index."""
WORTH = 0.75
"""Share of a layer's weights that indexes and tables may take at most,"""
LEAST = 256
"""and the bytes that they have to save: less is not worth the time, and the code, of decoding."""


class Palette(Struct, frozen=True):
    """The weights of a layer as indexes."""

    bits: int
    """Of an index."""
    words: np.ndarray
    """Indexes (pairs of outputs, words) uint32, the first in the lowest bits; those of a pair's two outputs alternate,
    and none straddles two words."""
    tables: np.ndarray
    """Values (pairs of outputs or 1, 2, 2**bits) int8."""
    count: int
    """Weights of an output, as the kernel reads them."""
    saved: int
    """Bytes."""

    @property
    def kernel(self) -> str:
        """What decodes them."""
        return f"decode{self.bits}"

    def decoded(self, outputs: int) -> int:
        """Bytes that the weights of an even number of outputs take, and what is decoded beyond them."""
        each = 16 // self.bits
        return outputs * self.count + 2 * (-self.count % each)

    def constants(self, name: str) -> list[str]:
        """In C."""
        step = 0 if len(self.tables) == 1 else self.tables[0].size
        numbers = f"{self.words.shape[1]}, {step}, {self.count}"
        return [
            array(f"{name}_indexes", "uint32_t", self.words.ravel()),
            array(f"{name}_tables", "int8_t", self.tables.ravel()),
            f"static const palette {name}_palette = {{{self.kernel}, {name}_indexes, {name}_tables, {numbers}}};",
        ]


def palette(rows: np.ndarray, layout: Callable[[np.ndarray], np.ndarray]) -> Palette | None:
    """Tables for the weights of a layer, one or one for each output; None where they save too little.

    Args:
      rows: weights (outputs, inputs) int8.
      layout: how the kernel reads them: for each pair of outputs the weights of one and of the other by turns.
    """
    import numpy as np

    plain, found = layout(rows).nbytes, []
    rows = np.pad(rows, ((0, len(rows) % 2), (0, 0)), mode="edge")
    for values in ([np.unique(rows)] * len(rows), [np.unique(row) for row in rows]):
        most = max(len(v) for v in values)
        bits = max(1, (most - 1).bit_length())
        if bits > MOST_BITS:
            continue
        # Tables go through the layout too, so that both agree on which output comes first and how a value is stored.
        columns = np.stack([np.resize(v, 1 << bits) for v in values]).T
        tables = np.stack([_pairs(column[:, None].repeat(4, 1), layout)[:, 0] for column in columns], axis=-1)
        tables = tables[:1] if values[0] is values[-1] else tables
        order = _pairs(np.stack([np.searchsorted(*each) for each in zip(values, rows, strict=True)]), layout)
        words = _packed(order.reshape(len(order), -1) & (2**MOST_BITS - 1), bits)
        saved = plain - words.nbytes - tables.nbytes
        found.append(Palette(bits, words, tables, order.shape[1], saved))
    best = max(found, key=lambda p: p.saved, default=None)
    return best if best and best.saved >= max(LEAST, (1 - WORTH) * plain) else None


def _pairs(rows: np.ndarray, layout: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Bytes (pairs of outputs, inputs, 2) as they are laid out."""
    import numpy as np

    return layout(rows.astype(np.int8)).view(np.int8).reshape(len(rows) // 2, -1, 2)


def _packed(order: np.ndarray, bits: int) -> np.ndarray:
    """Indexes (pairs of outputs, any number) as words."""
    import numpy as np

    each = 16 // bits * 2
    padded = np.pad(order, ((0, 0), (0, -order.shape[1] % each))).astype(np.uint32)
    shifts = (bits * np.arange(each)).astype(np.uint32)
    return np.bitwise_or.reduce(padded.reshape(len(order), -1, each) << shifts, axis=2)
