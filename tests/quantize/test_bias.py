import numpy as np
import pytest
import rescue_probe as probe

from edgekit.quantize.settings import Quantize


def test_the_mean_output_of_a_layer(process, tmp_path):
    path = str(tmp_path / "pair.tflite")
    first, bias, second = [[1.0, 3.0], [2.0, 4.0]], [0.25, -20.0], [[1.0, 1.0], [1.0, -1.0]]
    process.call(probe.dense_pair, first, bias, second, "relu", [[1, 1], [3, 1]], path, returns=None)
    hidden, last = process.call(probe.real_means, path, returns=dict[str, list[float]]).values()
    assert hidden == [4.25, -10.0]  # 1 * 2 + 2 * 1 + 0.25, before the ReLU; 3 * 2 + 4 * 1 - 20
    assert last == [4.75, 4.75]  # of (3.25, 0) and (5.25, 0), with 0.5 as bias


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_corrected_layers_give_the_float_mean_within_half_a_step_of_the_bias(process, tmp_path, granularity):
    path = str(tmp_path / "separable.tflite")
    process.call(probe.separable, path, 3.0, returns=None)
    errors = []
    for corrected in (False, True):
        settings = Quantize(granularity=granularity, bias_correction=corrected)
        found = process.call(probe.means, path, settings, returns=dict[str, list[list[float]]])
        assert len(found) == 4
        errors.append([np.abs(np.subtract(wanted, given)) / steps for wanted, given, steps in found.values()])
    before, after = errors
    assert max(error.max() for error in after) <= 0.51
    assert max(error.max() for error in before) > 5


def test_only_biases_change(process, tmp_path):
    path = str(tmp_path / "separable.tflite")
    process.call(probe.separable, path, 1.0, returns=None)
    plain, corrected = (
        process.call(probe.integers, path, Quantize(bias_correction=b), returns=dict[str, list[list]])
        for b in (False, True)
    )
    assert plain == corrected
