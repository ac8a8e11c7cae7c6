import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from edgekit.measure.intervals import Z, paired_difference, quantile_rank, rank_interval, wilson


@pytest.mark.parametrize("count", [1, 2, 10, 97, 2000, 60000])
def test_wilson_is_scipys(count):
    for hits in {0, 1, count // 3, count // 2, count - 1, count}:
        theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
        assert wilson(hits, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("count", [1, 5, 10, 100, 367, 368, 1000, 13298, 500_000])
@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_the_ranks_are_the_closest_that_leave_a_fortieth_beyond_either_one(count, quantile):
    low, high = rank_interval(count, quantile)
    below = stats.binom(count, quantile)  # how many samples lie below the true quantile
    if low is None:
        assert below.cdf(0) > 0.025
    else:
        assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    if high is None:
        assert below.sf(count - 1) > 0.025
    else:
        assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)


def test_a_p99_has_an_upper_end_from_368_samples_on():
    assert rank_interval(367, 0.99)[1] is None
    assert rank_interval(368, 0.99)[1] == 368


def test_the_ranks_cover_the_true_quantile_as_often_as_they_say():
    low, high = rank_interval(200, 0.9)
    samples = np.sort(np.random.default_rng(1).lognormal(size=(5000, 200)), axis=1)
    true = stats.lognorm(1).ppf(0.9)
    covered = np.mean((samples[:, low - 1] <= true) & (true <= samples[:, high - 1]))
    assert 0.945 <= covered <= 0.98


@pytest.mark.parametrize(("count", "quantile", "rank"), [(10, 0.9, 9), (100, 0.5, 50), (3, 0.5, 2), (1, 0.99, 1)])
def test_a_percentile_is_the_nearest_rank(count, quantile, rank):
    assert quantile_rank(count, quantile) == rank


@pytest.mark.parametrize(("lost", "won", "count"), [(12, 5, 200), (0, 1, 44), (30, 2, 60), (7, 0, 1000), (1, 1, 10000)])
def test_a_paired_difference_ends_where_the_score_test_would_reject(lost, won, count):
    """The same test from its definition: the likelihood maximized numerically, not in closed form."""

    def score(difference):
        def unlikely(share):  # of samples that only the second gets right
            both = 1 - 2 * share - difference
            return -(
                stats.multinomial.logpmf([lost, won, count - lost - won], count, [share + difference, share, both])
            )

        bounds = (max(0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12)
        share = optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        error = math.sqrt((2 * share + difference * (1 - difference)) / count)
        return ((lost - won) / count - difference) / error

    low, high = paired_difference(lost, won, count)
    assert low < (lost - won) / count < high
    assert score(low) == pytest.approx(Z, rel=1e-3)
    assert score(high) == pytest.approx(-Z, rel=1e-3)


def test_a_paired_difference_covers_the_true_one_as_often_as_it_says():
    count, lost, won = 1000, 0.012, 0.005
    draws = np.random.default_rng(1).multinomial(count, [lost, won, 1 - lost - won], size=2000)
    covered = [
        low <= lost - won <= high for low, high in (paired_difference(a, b, count) for a, b, _ in draws.tolist())
    ]
    assert 0.93 <= np.mean(covered) <= 0.98


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 5000))
def test_exchanging_the_two_changes_only_the_sign(lost, won, others):
    low, high = paired_difference(lost, won, lost + won + others)
    assert paired_difference(won, lost, lost + won + others) == pytest.approx((-high, -low), abs=1e-9)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_paired_difference_stays_a_share(lost, won, others):
    count = lost + won + others
    if count:
        low, high = paired_difference(lost, won, count)
        assert -1 <= low <= (lost - won) / count <= high <= 1
