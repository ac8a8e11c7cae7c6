import math

import numpy as np
import pytest

from edgekit.analyze.fits import uniform_model, value_models
from edgekit.analyze.histogram import bins, histogram


def models_of(x, low, high, levels=255):
    step = (high - low) / levels
    stored = np.clip(np.round(x / step) * step, low, high)
    noise = float(np.mean((stored - x) ** 2))
    found = value_models(bins(histogram(x)), low, high, step, float(np.mean(x**2)), noise)
    return {model.name: model for model in found}


@pytest.mark.parametrize(("right", "wrong"), [("gaussian", "laplace"), ("laplace", "gaussian")])
@pytest.mark.parametrize("relu", [False, True])
def test_the_distribution_that_values_come_from_fits_best(right, wrong, relu):
    rng = np.random.default_rng(6)
    x = getattr(rng, {"gaussian": "normal", "laplace": "laplace"}[right])(0, 2, 200_000).astype(np.float32)
    x = np.maximum(x, 0) if relu else x
    found = models_of(x, 0 if relu else -5.0, 5.0)
    best, other = found[right], found[wrong]
    assert best.folded == relu
    assert best.scale == pytest.approx(2, rel=0.02)
    assert best.distance < 0.01 < other.distance
    assert best.log_likelihood > other.log_likelihood
    assert best.ratio == pytest.approx(1, abs=0.05)
    assert abs(math.log(other.ratio)) > 0.2


def test_the_log_likelihood_is_the_mean_over_the_values():
    x = np.array([1.0, -1.0] * 100, np.float32)
    found = models_of(x, -1.0, 1.0)
    # Deviation and b are 1: the densities at ±1 are exp(-1/2) / sqrt(2 π) and exp(-1) / 2.
    assert found["gaussian"].log_likelihood == pytest.approx(-0.5 - 0.5 * math.log(2 * math.pi), abs=0.02)
    assert found["laplace"].log_likelihood == pytest.approx(-1 - math.log(2), abs=0.02)


def test_values_that_are_all_zero_have_no_fit():
    assert models_of(np.zeros(10, np.float32), -1.0, 1.0) == {}


def test_an_even_rounding_error_is_uniform_and_a_lopsided_one_is_not():
    even = uniform_model(np.full(64, 100), 0.2, 0.25, 1.0, 0.0025)
    assert even.distance == 0
    assert even.noise == pytest.approx(0.75 * 0.2**2 / 12) and even.ratio == pytest.approx(1)
    assert even.sqnr_db == pytest.approx(10 * math.log10(1 / 0.0025))
    half = np.repeat([100, 0], 32)
    assert uniform_model(half, 0.2, 0.0, 1.0, 0.01).distance == pytest.approx(0.5)
