import numpy as np
import pytest
import rescue_probe as probe

from edgekit.quantize.rounding import DAMPING, gptq, scales
from edgekit.quantize.settings import Quantize


@pytest.fixture(scope="module")
def separable(process, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "separable.tflite")
    process.call(probe.separable, path, 4.0, returns=None)
    return path


def loss(weights, integers, hessian):
    error = weights - integers
    return float(np.trace(error @ hessian @ error.T))


def test_inputs_that_never_occur_together_are_rounded_to_the_nearest():
    weights = np.array([[127.0, 0.4, -2.6]])
    assert gptq(weights, np.diag([1.0, 2.0, 3.0]), np.ones(1)).tolist() == [[127, 0, -3]]


def test_a_weight_makes_up_for_the_error_of_the_one_before():
    # The second weight is rounded first, its input being the strongest: 0.4 becomes 0. The best third weight is then
    # 0.4 + 0.4 * 1 / 2 = 0.6, from the derivative of 3 a² + 2 a b + 2 b² with a = 0.4; it becomes 1 and not 0.
    weights = np.array([[127.0, 0.4, 0.4]])
    hessian = np.array([[1.0, 0, 0], [0, 3, 1], [0, 1, 2]])
    rounded = gptq(weights, hessian, np.ones(1))
    assert rounded.tolist() == [[127, 0, 1]]
    assert loss(weights, rounded, hessian) == pytest.approx(3 * 0.16 - 2 * 0.24 + 2 * 0.36)
    assert loss(weights, np.round(weights), hessian) == pytest.approx(3 * 0.16 + 2 * 0.16 + 2 * 0.16)


@pytest.mark.parametrize("last", [0.4, 0.2])
def test_the_step_is_the_closed_form(last):
    """Where the last of two weights lands is decided by w - e h / (c + damping), worked out beside it."""
    hessian = np.array([[4.0, 1.9], [1.9, 2.0]])
    first = 0.45
    moved = last + first * 1.9 / (2.0 + DAMPING * 3.0)
    expected = [127, 0, round(moved)]
    whole = np.zeros((3, 3))
    whole[1:, 1:] = hessian
    damped = gptq(np.array([[127.0, first, last]]), whole + np.diag([3.0, 0, 0]), np.ones(1))
    assert damped.tolist() == [expected]


def test_correlated_inputs_lose_less_than_by_rounding_to_the_nearest():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 200)) @ rng.normal(size=(200, 200)) / 10  # more columns than a block has
    weights = rng.normal(size=(4, 200))
    scale = np.abs(weights).max(axis=1) / 7  # coarse, so that rounding matters
    hessian = x.T @ x / len(x)
    rounded = np.clip(gptq(weights, hessian, scale), -7, 7)
    nearest = np.round(weights / scale[:, None])
    ours, plain = (loss(weights, q * scale[:, None], hessian) for q in (rounded, nearest))
    assert ours < 0.5 * plain


def test_nothing_seen_means_the_nearest():
    weights = np.array([[127.0, 0.6]])
    assert gptq(weights, np.zeros((2, 2)), np.ones(1)).tolist() == [[127, 1]]


def test_scales_of_channels_and_of_tensors():
    weights = np.array([[1.27, 0.5], [-2.54, 0], [0, 0]])
    assert scales(weights, 0, "channel").ravel() == pytest.approx([0.01, 0.02, 1])
    assert scales(weights, 1, "channel").ravel() == pytest.approx([0.02, 0.5 / 127])
    assert scales(weights, 0, "tensor").ravel() == pytest.approx([0.02])


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_the_int8_file_holds_the_chosen_integers(process, separable, granularity):
    settings = Quantize(rounding="gptq", granularity=granularity)
    found = process.call(probe.integers, separable, settings, returns=dict[str, list[list]])
    assert len(found) == 4
    for chosen, stored, _ in found.values():
        assert chosen == stored
        assert np.abs(stored).max() == 127
    assert any(chosen != nearest for chosen, _, nearest in found.values())


def test_each_layer_computes_nearer_to_what_it_did(process, separable):
    found = process.call(probe.losses, separable, returns=list[tuple[float, float]])
    assert len(found) == 4
    for ours, nearest in found:
        assert ours < nearest * 1.01  # with three inputs there is little to choose
    assert sum(ours < 0.8 * nearest for ours, nearest in found) >= 2
