"""Fixed-point arithmetic that NumPy and C do alike: products, logarithms and powers of two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SEGMENT_BITS = 6
"""The tables have a value at each end of 2**6 segments, between which is interpolated: log2 is within 0.00006, a power
of two within 0.000016 of itself."""
SEGMENTS = 1 << SEGMENT_BITS
LOG_TABLE = [round(math.log2(1 + i / SEGMENTS) * 2**16) for i in range(SEGMENTS + 1)]
"""log2 of 1 … 2, with 16 bits behind the point."""
POWER_TABLE = [round(2 ** (i / SEGMENTS) * 2**24) for i in range(SEGMENTS + 1)]
"""2**x for x in 0 … 1, with 24 bits behind the point."""
LOG_OF_ZERO = -(1 << 28)
"""Below the logarithm of anything, and far enough from the end of 32 bits to be added to."""


def rounded(product: np.ndarray) -> np.ndarray:
    """Upper 32 bits of int64, rounded, halves up."""
    return (product + 0x80000000) >> 32


def share(x: np.ndarray, of: np.ndarray | int) -> np.ndarray:
    """`x * of / 2**32`, rounded down.

    Args:
      x: uint64 below 2**60.
      of: uint64 below 2**32.
    """
    import numpy as np

    factor, half = np.asarray(of, np.uint64), np.uint64(32)
    return (x >> half) * factor + (((x & np.uint64(2**32 - 1)) * factor) >> half)


def log2(x: np.ndarray) -> np.ndarray:
    """log2 of uint64, with 16 bits behind the point, in int64; `LOG_OF_ZERO` of 0."""
    import numpy as np

    upper = x >> np.uint64(32)
    word = np.where(upper > 0, upper, x)
    exponent = np.frexp(word.astype(np.float64))[1] - 1 + np.where(upper > 0, 32, 0)
    mantissa = ((x << np.maximum(63 - exponent, 0).astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    table = np.array(LOG_TABLE)
    place = (mantissa >> (31 - SEGMENT_BITS)) & (SEGMENTS - 1)
    rest = (mantissa >> (15 - SEGMENT_BITS)) & 0xFFFF
    between = table[place] + (((table[place + 1] - table[place]) * rest) >> 16)
    return np.where(x > 0, (exponent.astype(np.int64) << 16) + between, LOG_OF_ZERO)


def exp2(x: np.ndarray) -> np.ndarray:
    """2**x with 32 bits behind the point, in uint64.

    Args:
      x: with 16 bits behind the point, int64; from 31 on it counts as just below 31.
    """
    import numpy as np

    x = np.minimum(x, (31 << 16) - 1)
    table = np.array(POWER_TABLE)
    place, rest = (x >> (16 - SEGMENT_BITS)) & (SEGMENTS - 1), x & ((1 << (16 - SEGMENT_BITS)) - 1)
    mantissa = table[place] + (((table[place + 1] - table[place]) * rest) >> (16 - SEGMENT_BITS))
    shift = (x >> 16) + 8
    left = mantissa.astype(np.uint64) << np.maximum(shift, 0).astype(np.uint64)
    return np.where(shift > -32, left >> np.clip(-shift, 0, 31).astype(np.uint64), np.uint64(0))
