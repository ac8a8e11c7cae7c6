import math

import numpy as np
import pytest

from edgekit.analyze.trace import Weights
from edgekit.analyze.weights import asymmetric, symmetric, weight_error
from edgekit.flatbuffer.read import Operator, Tensor


def weights(x, scales, axis=0, operator="FULLY_CONNECTED"):
    x = np.asarray(x, np.float32)
    tensor = Tensor(0, "w", x.shape, (), "int8", tuple(scales), (0,) * len(scales), axis, x.size)
    shape = [1] * x.ndim
    shape[axis] = -1
    scale = np.array(scales, np.float32).reshape(shape)
    shipped = np.clip(np.round(x / scale), -127, 127) * scale
    return Weights(Operator(operator, 1, False, (), (), 0), "layer", tensor, shipped, x)


def test_symmetric_steps_are_a_127th_of_the_largest_weight():
    rows = np.array([[127.0, 0.4, -126.6], [1.27, 0.014, 0.0]])
    assert symmetric(rows) == pytest.approx(np.array([[127, 0, -127], [1.27, 0.01, 0]]))
    assert symmetric(np.array([[7.0, 3.4, -3.6]]), 4) == pytest.approx(np.array([[7, 3, -4]]))


def test_asymmetric_steps_are_a_255th_of_the_range():
    assert asymmetric(np.array([[255.0, 0.4, 3.6, 0.0]])) == pytest.approx(np.array([[255, 0, 4, 0]]))
    assert asymmetric(np.array([[-5.0, 10.0, 2.4]]), 4) == pytest.approx(np.array([[-5, 10, 2]]))


def test_a_row_of_zeros_stays():
    assert not symmetric(np.zeros((1, 3))).any() and not asymmetric(np.zeros((1, 3))).any()


def test_the_error_of_each_channel_worked_out_by_hand():
    # Steps of 1 and 0.01: the first channel is off by 0.4 in one of two weights, the second is exact.
    found = weight_error(weights([[127.0, 0.4], [1.27, 0.01]], (1.0, 0.01)))
    assert found.channel_db[0] == pytest.approx(10 * math.log10((127**2 + 0.4**2) / 0.4**2), abs=1e-3)
    assert found.channel_db[1] is None or found.channel_db[1] > 120
    # With one scale the second channel's weights become 1 and 0: off by 0.27 and by 0.01.
    off = 0.4**2 + 0.27**2 + 0.01**2
    assert found.per_tensor_db == pytest.approx(10 * math.log10((127**2 + 0.4**2 + 1.27**2 + 0.01**2) / off), abs=1e-3)
    assert found.channel_spread == pytest.approx(127 / (128.27 / 2))


def test_dead_channels_and_outliers_are_found():
    x = np.random.default_rng(1).normal(0, 0.1, (3, 3, 4, 8)).astype(np.float32)
    x[..., 2] = x[..., 5] = 0
    x[0, 0, 0, 0] = 9.0
    found = weight_error(weights(x, [0.1] * 8, axis=3, operator="DEPTHWISE_CONV_2D"))
    assert found.dead == (2, 5) and found.zeros == pytest.approx(25, abs=0.5)
    assert found.outliers == pytest.approx(9 / np.percentile(np.abs(x), 99.9))
    assert found.kurtosis > 10


def test_one_sided_weights_lose_a_bit_to_symmetric_ranges():
    x = np.random.default_rng(2).uniform(0, 1, (4, 1000))
    found = weight_error(weights(x, x.max(1) / 127))
    assert found.asymmetric_db - found.symmetric_db == pytest.approx(6, abs=0.3)
    assert found.sqnr_db == pytest.approx(found.symmetric_db, abs=0.01)


def test_biases_and_single_factors_are_no_weights():
    assert weight_error(weights([1.0, 2.0], (0.1,))) is None
    assert weight_error(weights([[[1.0, 2.0]]], (0.1,), operator="PRELU")) is None
