import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit.analyze.error_models import laplace_cdf
from edgekit.analyze.histogram import best_range, bins, distance, histogram, kept_range, noise, quantile
from edgekit.quantize import ranges

FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


def quantized(x, low, high, levels):
    low, high = min(low, 0), max(high, 0)
    step = (high - low) / levels
    return np.clip(np.round(x / step) * step, low, high)


@given(arrays(np.float32, st.integers(1, 50), elements=FLOATS))
def test_every_value_is_in_a_narrow_bin(x):
    found = bins(histogram(x))
    assert found.total == x.size and found.zeros == np.sum(x == 0)
    values = np.sort(x[x != 0]).astype(np.float64)
    low, high = np.repeat(found.low, found.counts), np.repeat(found.high, found.counts)
    assert np.all((low <= values) & (values <= high))
    assert np.all(high - low <= np.abs(values) / 60)


@given(arrays(np.float32, 20, elements=FLOATS), arrays(np.float32, 30, elements=FLOATS))
def test_histograms_add_up(one, other):
    both = histogram(np.concatenate([one, other]))
    assert np.array_equal(histogram(one) + histogram(other), both)


def test_a_quantile_is_that_of_the_values():
    x = np.random.default_rng(1).normal(0, 3, 100_000).astype(np.float32)
    for share in (0.001, 0.1, 0.5, 0.9, 0.9999):
        assert quantile(bins(histogram(x)), share) == pytest.approx(np.quantile(x, share), rel=0.02, abs=0.02)


def test_zeros_count_in_a_quantile():
    x = np.array([-1.0] + [0.0] * 8 + [2.0], np.float32)
    found = bins(histogram(x))
    assert quantile(found, 0.5) == 0
    assert quantile(found, 0.05) == pytest.approx(-1, rel=0.02)
    assert quantile(found, 1.0) == pytest.approx(2, rel=0.02)


def test_the_noise_of_values_on_a_coarse_grid_worked_out_by_hand():
    # Values even over 1 … 1 + 1/64, which is one bin, all rounded to 0 with a step of 4: the mean of x² there.
    found = bins(histogram(np.full(10, 1.005, np.float32)))
    wanted = ((1 + 1 / 64) ** 3 - 1) / 3 * 64
    assert noise(found, 0.0, 4.0, 1) == pytest.approx(wanted)
    # With a range up to 0.5 they are clipped: the mean of (x - 0.5)².
    assert noise(found, 0.0, 0.5, 255) == pytest.approx(((0.5 + 1 / 64) ** 3 - 0.5**3) / 3 * 64)


@pytest.mark.parametrize("limits", [(-30.0, 30.0), (-1.0, 2.0), (0.0, 5.0), (-2000.0, 2000.0)])
@pytest.mark.parametrize("levels", [15, 255])
def test_the_noise_is_what_quantizing_the_values_shows(limits, levels):
    x = np.random.default_rng(2).laplace(0, 1.5, 200_000).astype(np.float32)
    x[::7] = 0
    measured = np.mean((quantized(x, *limits, levels) - x) ** 2)
    assert noise(bins(histogram(x)), *limits, levels) == pytest.approx(measured, rel=0.01)


def test_the_best_range_has_less_noise_than_any_other_that_was_tried():
    x = np.random.default_rng(2).laplace(0, 1, 100_000).astype(np.float32)
    x[:20] = 200
    found = bins(histogram(x))
    low, high = best_range(found, 255)
    least = noise(found, low, high, 255)
    assert all(least <= 1.01 * noise(found, low, end, 255) for end in np.linspace(3, 200, 30))


@pytest.mark.parametrize(("bits", "limit"), [(3, 3.89), (4, 5.03)])
def test_the_best_range_of_laplace_values_is_that_of_banner(bits, limit):
    # Banner et al. 2019, section 4: with 3 and 4 bits clip at 3.89 b and 5.03 b.
    x = np.random.default_rng(2).laplace(0, 2, 1_000_000).astype(np.float32)
    low, high = best_range(bins(histogram(x)), 2**bits)
    assert (high - low) / 4 == pytest.approx(limit, rel=0.06)


@pytest.mark.parametrize("share", [99.0, 99.9])
@pytest.mark.parametrize("relu", [False, True])
def test_the_kept_range_is_that_of_the_calibration(share, relu):
    x = np.random.default_rng(4).normal(0, 2, 100_000).astype(np.float32)
    x = np.maximum(x, 0) if relu else x
    wanted = ranges.percentile(ranges.spread([x], float(x.min()), float(x.max())), share)
    assert kept_range(bins(histogram(x)), share) == pytest.approx(wanted, rel=0.02)


def test_the_distance_to_the_right_distribution_is_small_and_to_another_is_not():
    x = np.random.default_rng(5).laplace(0, 1, 50_000).astype(np.float32)
    found = bins(histogram(x))
    right, wrong = (np.array([laplace_cdf(v, 0, b) for v in found.high]) for b in (1.0, 2.0))
    assert distance(found, right) < 0.01
    # Laplace distributions with b and 2 b are farthest apart where exp(-x) = exp(-x / 2) / 2: (1/2 - 1/4) / 2.
    assert distance(found, wrong) == pytest.approx(0.125, abs=0.01)
