"""95 % intervals, computed with the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Quantiles of the single runs that are kept; the first is the fastest run."""


def quantile_rank(count: int, quantile: float) -> int:
    """Rank, from 1, of the sample that estimates a quantile: the nearest rank, so that it is one of the samples."""
    return max(1, math.ceil(count * quantile - 1e-9))  # 0.9 * 10 is a little more than 9


def rank_interval(count: int, quantile: float) -> tuple[int | None, int | None]:
    """Ranks of the two sorted samples that bracket a quantile of what the samples come from, whatever its distribution.

    The number of samples below the quantile is binomial. The ranks are the closest with at most 2.5 % of it beyond
    either one; None where even the smallest or largest sample leaves more (p99 has an upper one from 368 samples on).

    Args:
      count: number of independent samples, at least 1.
      quantile: 0 < quantile < 1.

    Returns:
      (low, high): ranks from 1 to count.

    Source: David and Nagaraja 2003, "Order Statistics", 3rd edition, section 7.1.
    """
    tail = (1 - CONFIDENCE) / 2
    spread = 10 * math.sqrt(count * quantile * (1 - quantile)) + 10  # what lies outside weighs less than 1e-20
    first = max(0, math.floor(count * quantile - spread))
    last = min(count, math.ceil(count * quantile + spread))

    def probability(below: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(below + 1) - math.lgamma(count - below + 1)
        return math.exp(ways + below * math.log(quantile) + (count - below) * math.log1p(-quantile))

    low, beyond = first, probability(first)
    while beyond <= tail:  # P(fewer than `low` below) <= tail
        low += 1
        beyond += probability(low)
    high, beyond = last, probability(last)
    while beyond <= tail:  # P(more than `high` below) <= tail
        high -= 1
        beyond += probability(high)
    return low or None, high + 1 if high < count else None


def wilson(hits: float, count: int) -> tuple[float, float]:
    """Interval of a share, 0 to 1, from `hits` of `count` samples; count is at least 1.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference" (without continuity
    correction).
    """
    share = hits / count
    centre = share + Z * Z / (2 * count)
    spread = Z * math.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
    scale = 1 + Z * Z / count
    low = 0.0 if hits == 0 else (centre - spread) / scale
    high = 1.0 if hits == count else (centre + spread) / scale
    return low, high


def garwood(count: int) -> tuple[float, float]:
    """Interval of the mean of what was counted, if it comes at random (Poisson).

    Source: Garwood 1936, "Fiducial Limits for the Poisson Distribution".
    """
    tail = (1 - CONFIDENCE) / 2

    def at_most(many: int, mean: float) -> float:
        if mean == 0:
            return 1.0
        return math.fsum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(many + 1))

    most = 2 * count + 20.0
    low = _crossing(lambda mean: at_most(count - 1, mean) - (1 - tail), 0.0, most) if count else 0.0
    return low, _crossing(lambda mean: at_most(count, mean) - tail, 0.0, most)


def paired_difference(only_first: int, only_second: int, count: int) -> tuple[float, float]:
    """Interval of the difference, -1 to 1, of two shares of the same samples: Wilson's interval for pairs.

    Args:
      only_first: samples that hit with the first, but not with the second.
      only_second: the other way round.
      count: all samples, at least 1.

    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, equations 5 to 8.
    """
    estimate = (only_first - only_second) / count

    def score(difference: float) -> float:
        """How many standard errors the estimate lies above a difference; falls as the difference grows."""
        b = (2 * count - only_first + only_second) * difference - only_first - only_second
        c = -only_second * difference * (1 - difference)
        share = (math.sqrt(max(0.0, b * b - 8 * count * c)) - b) / (4 * count)  # of `only_second`, most likely
        variance = count * (2 * share + difference * (1 - difference))
        if variance <= 0:  # only where rounding has eaten a difference next to 0, -1 or 1
            return math.copysign(math.inf, estimate - difference)
        return count * (estimate - difference) / math.sqrt(variance)

    low = -1.0 if estimate == -1 else _crossing(lambda d: score(d) - Z, -1.0, estimate)
    high = 1.0 if estimate == 1 else _crossing(lambda d: score(d) + Z, estimate, 1.0)
    return low, high


def mcnemar(only_first: int, only_second: int) -> float:
    """Probability, under equal shares, of a difference at least as large as between two results on the same samples.

    Args:
      only_first: samples that hit with the first, but not with the second.
      only_second: the other way round.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; the exact,
    two-sided binomial form.
    """
    count = only_first + only_second
    tail = sum(math.comb(count, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**count)


def _crossing(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes zero, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
