import numpy as np
import pytest
import rescue_probe as probe
from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantize.ranges import (
    BATCH,
    BINS,
    Spread,
    asymmetric,
    choose,
    entropy,
    minmax,
    moving_average,
    mse,
    percentile,
    quantized,
    spread,
    symmetric,
)
from edgekit.quantize.settings import Quantize
from edgekit.quantize.stability import difference

METHODS = ["minmax", "percentile", "mse", "entropy", "moving-average"]
VALUES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40)


def seen(values) -> Spread:
    values = np.array(values, np.float32)
    return spread([values], float(values.min()), float(values.max()))


def test_a_spread_counts_every_value_once():
    one = spread([np.float32([0, 1, 1]), np.float32([2, -2])], -2.0, 2.0)
    assert (one.low, one.high, one.counts.sum()) == (-2, 2, 5)
    assert one.counts[[0, BINS // 2, 3 * BINS // 4, -1]].tolist() == [1, 1, 2, 1]
    assert one.sums[[0, BINS // 2, 3 * BINS // 4, -1]].tolist() == [-2, 0, 2, 2]
    assert one.extremes.tolist() == [[0, 2 - 1], [-2, 2]]


def test_minmax_reaches_to_zero():
    assert minmax(seen([2, 3])) == (0, 3)
    assert minmax(seen([-3, -2])) == (-3, 0)


def test_percentile_cuts_the_largest_values_of_a_tensor_without_negative_ones():
    low, high = percentile(seen(range(1000)), 99)  # ten values: 990 to 999
    assert low == 0
    assert 989 < high <= 990


def test_percentile_cuts_half_on_each_side():
    low, high = percentile(seen(range(-500, 500)), 99)  # five values each: -500 to -496, and 495 to 499
    assert -496 < low <= -495 + 999 / BINS
    assert 494 <= high <= 495


def test_percentile_100_is_minmax():
    assert percentile(seen([-1, 5, 7]), 100) == (-1, 7)


def test_mse_weighs_steps_against_what_is_clipped():
    # A million values evenly over 0 to 10, and one of 100. Up to t, the error is 10^6 (t / 255)^2 / 12 + (100 - t)^2,
    # which is smallest at t = 100 / (1 + 10^6 / (12 * 255^2)) = 43.8.
    body, edges = round(BINS / 10), (np.arange(BINS) + 0.5) * 100 / BINS
    counts = np.zeros(BINS, np.int64)
    counts[:body], counts[-1] = 10**6 // body, 1
    sums = counts * edges
    sums[-1] = 100
    low, high = mse(Spread(0.0, 100.0, counts, sums, np.array([[0, 100.0]])))
    assert low == 0
    assert high == pytest.approx(43.8, abs=100 / 64)


def test_mse_keeps_what_it_can_store_exactly():
    assert mse(seen(np.arange(256) - 100)) == (-100, 155)


def test_entropy_keeps_an_even_distribution_and_cuts_a_lonely_value():
    rng = np.random.default_rng(0)
    assert entropy(seen(rng.uniform(-1, 1, 100_000)))[1] > 0.97
    normal = np.abs(rng.normal(size=100_000))
    low, high = entropy(seen(np.append(normal, 30)))
    assert low == 0
    assert 3 < high < 8


def test_the_moving_average_goes_a_tenth_of_the_way_with_each_batch():
    samples = [np.float32([-1, 1])] * BATCH + [np.float32([-2, 0])] * (BATCH - 1) + [np.float32([-2, 3])]
    assert moving_average(spread(samples, -2.0, 3.0)) == pytest.approx((0.9 * -1 + 0.1 * -2, 0.9 * 1 + 0.1 * 3))


@pytest.mark.parametrize("method", METHODS)
@given(values=VALUES)
def test_every_range_holds_zero_and_nothing_that_was_not_seen(method, values):
    one = seen(values)
    low, high = choose(one, Quantize(calibration=method))
    assert one.low <= low <= 0 <= high <= one.high


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (0, 255, 1, -128),
        (-128, 127, 1, 0),
        (-255, 0, 1, 127),
        (-1, 1, 2 / 255, -1),  # exactly -0.5: halves go away from zero
        (2, 5.1, 0.02, -128),  # widened to zero
        (0, 0, 1, 0),
    ],
)
def test_scale_and_zero_point_of_a_range(low, high, scale, zero_point):
    assert asymmetric(low, high) == (pytest.approx(scale), zero_point)


def test_scale_of_weights():
    assert symmetric(-2.54, 1.0) == (pytest.approx(0.02), 0)
    assert symmetric(0, 0) == (1, 0)


@given(low=st.floats(-1e6, 0, width=32), high=st.floats(0, 1e6, width=32))
def test_zero_is_stored_exactly_and_the_ends_within_a_step(low, high):
    scale, zero_point = asymmetric(low, high)
    ends = quantized(np.array([0.0, low, high]), scale, zero_point)
    assert ends[0] == 0
    assert np.abs(ends[1:] - [low, high]).max() <= scale * (1 + 1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_int8_file_has_these_scales(process, tmp_path, method):
    path = str(tmp_path / "separable.tflite")
    process.call(probe.separable, path, 1.0, returns=None)
    settings = Quantize(calibration=method, percentile=99.0)
    found = process.call(probe.stored_scales, path, settings, returns=list[list[tuple[float, int]]])
    assert len(found) == 7  # the input, four layers, pooling, reshaping
    for stored, ours in found:
        assert stored[0] == pytest.approx(ours[0], rel=1e-5)
        assert stored[1] == ours[1]


def test_how_far_two_ranges_are_apart():
    assert difference((0, 10), (0, 8)) == pytest.approx(0.2)
    assert difference((-5, 10), (-10, 10)) == pytest.approx(0.25)
    assert difference((0, 0), (0, 0)) == 0


def test_halves_of_a_large_calibration_set_agree_better(process, tmp_path):
    path = str(tmp_path / "separable.tflite")
    process.call(probe.separable, path, 1.0, returns=None)
    few, many = (
        process.call(probe.drifts, path, count, Quantize(), returns=list[probe.Drift])[0].difference
        for count in (2, 32)
    )
    assert 0 < many < few
