"""How far the numbers of an operator can go, whatever its inputs hold: the code computes with 32 bits, which they fit.

Intervals go through the same factors that the kernels are given. TFLM computes in 32 bits too, and does not look: what
overflows there has no right result.
"""

from __future__ import annotations

from edgekit.ccode.fixed_point import INT32_MAX, INT32_MIN, Factor, requantize
from edgekit.ccode.graph import CONVERTED, Node, Value

Interval = tuple[int, int]


def stored(value: Value) -> Interval:
    """The least and the most that a tensor holds, from its zero point."""
    least, most = CONVERTED[value.dtype]
    return least - value.zero, most - value.zero


def fits(node: Node, *numbers: int) -> None:
    """Raises the error for sums that 32 bits do not hold."""
    node.require(min(numbers) >= INT32_MIN and max(numbers) <= INT32_MAX, "its sums may need more than 32 bits")


def rescaled(node: Node, ends: Interval, factor: Factor, zero: int = 0) -> Interval:
    """What an interval becomes by a factor and a zero point.

    Raises:
      ModelError: 32 bits do not hold it, or what it is moved up to for the factor.
    """
    (multiplier, shift), (low, high) = factor, ends
    moved = [end << max(shift, 0) for end in ends]
    low, high = (requantize(end, multiplier, shift) + zero for end in ends)
    said = "its scales are too far apart: what it computes may need more than 32 bits"
    node.require(all(INT32_MIN <= n <= INT32_MAX for n in (*moved, low, high)), said)
    return low, high


def products(one: Interval, other: Interval) -> Interval:
    """Between the least and the largest product of values of two."""
    found = [a * b for a in one for b in other]
    return min(found), max(found)
