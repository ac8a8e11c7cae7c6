import math

import numpy as np
import pytest

from edgekit.analyze import error_models as models


def test_a_uniform_error_has_a_twelfth_of_the_squared_step():
    # The integral of x² / step over half a step on both sides: 2 (0.6 / 2)³ / (3 * 0.6) = 0.03.
    assert models.rounding_noise(0.6) == pytest.approx(0.03)


def test_a_ratio_of_a_hundred_is_20_db():
    assert models.sqnr_db(5.0, 0.05) == pytest.approx(20)
    assert models.sqnr_db(5.0, 0.0) is models.sqnr_db(0.0, 1.0) is None


class TestLaplace:
    def test_clipping_at_the_center_costs_half_the_variance(self):
        assert models.laplace_excess(3.0, 3.0, 2.0) == pytest.approx(4)  # the variance is 2 b² = 8

    def test_clipping_falls_by_half_every_b_ln_2(self):
        assert models.laplace_excess(2 * math.log(2), 0.0, 2.0) == pytest.approx(2)
        assert models.laplace_excess(4 * math.log(2), 0.0, 2.0) == pytest.approx(1)

    def test_clipping_below_the_center(self):
        # All of the second moment about the limit, 2 + ln² 2, but for the part under the limit, exp(-ln 2) = 0.5.
        assert models.laplace_excess(-math.log(2), 0.0, 1.0) == pytest.approx(1.5 + math.log(2) ** 2)

    def test_clipping_on_both_sides_is_that_of_banner(self):
        # Banner et al. 2019, equation 10 without the rounding: 2 b² exp(-α / b).
        b, limit = 0.7, 2.1
        assert models.laplace_noise(-limit, limit, 0.0, 0.0, b) == pytest.approx(2 * b**2 * math.exp(-3))

    def test_the_distribution_function(self):
        assert models.laplace_cdf(1.0, 1.0, 2.0) == 0.5
        assert models.laplace_cdf(1 - 2 * math.log(2), 1.0, 2.0) == pytest.approx(0.25)
        assert models.laplace_cdf(1 + 2 * math.log(4), 1.0, 2.0) == pytest.approx(0.875)

    def test_the_log_likelihood(self):
        # ln of exp(-|x| / b) / 2b, with |x| = b on average: with b = 0.5 it is -1 - ln 1.
        assert models.laplace_log_likelihood(0.5) == pytest.approx(-1)


class TestGaussian:
    def test_clipping_at_the_center_costs_half_the_variance(self):
        assert models.gaussian_excess(-1.0, -1.0, 3.0) == pytest.approx(4.5)

    def test_clipping_at_one_deviation(self):
        # (1 + 1) Φ(-1) - φ(1) = 2 * 0.1586553 - 0.2419707
        assert models.gaussian_excess(1.0, 0.0, 1.0) == pytest.approx(0.0753399, abs=1e-6)
        assert models.gaussian_excess(7.0, 5.0, 2.0) == pytest.approx(4 * 0.0753399, abs=1e-5)

    def test_clipping_all_leaves_the_second_moment_about_the_limit(self):
        assert models.gaussian_excess(-100.0, 0.0, 1.0) == pytest.approx(100**2 + 1)

    def test_clipping_on_both_sides_is_that_of_banner(self):
        # Banner et al. 2019, equation 8 without the rounding.
        deviation, limit = 1.3, 2.0
        inner = 1 - math.erf(limit / (math.sqrt(2) * deviation))
        outer = math.sqrt(2 / math.pi) * limit * deviation * math.exp(-(limit**2) / (2 * deviation**2))
        expected = (limit**2 + deviation**2) * inner - outer
        assert models.gaussian_noise(-limit, limit, 0.0, 0.0, deviation) == pytest.approx(expected)

    def test_the_log_likelihood(self):
        assert models.gaussian_log_likelihood(1 / math.sqrt(2 * math.pi)) == pytest.approx(-0.5)


@pytest.mark.parametrize("limits", [(-1.0, 1.0), (-4.0, 0.5), (0.2, 3.0), (-6.0, 6.0)])
@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_the_expected_noise_is_what_sampled_values_show(name, limits):
    rng = np.random.default_rng(3)
    x = getattr(rng, {"gaussian": "normal", "laplace": "laplace"}[name])(0.3, 0.8, 400_000)
    low, high = limits
    step = (high - low) / 64
    stored = np.clip(low + np.round((x - low) / step) * step, low, high)
    expected = getattr(models, f"{name}_noise")(low, high, step, 0.3, 0.8)
    assert np.mean((stored - x) ** 2) == pytest.approx(expected, rel=0.03)
