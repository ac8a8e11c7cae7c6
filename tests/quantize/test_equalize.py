from pathlib import Path

import numpy as np
import pytest
import rescue_probe as probe

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.quantize.equalize import factors
from edgekit.quantize.settings import Quantize
from edgekit.types import TensorSpec

ROOT = Path(__file__).parents[2]
PAIR = ([[1.0, -100.0]], [1.0, -10.0], [[4.0], [0.01]])
"""One input, two channels, one output."""


def equalized(process, path, pair, activation, x):
    process.call(probe.dense_pair, *pair, activation, x, str(path), returns=None)
    found = process.call(probe.equalized, str(path), returns=dict[str, list])
    assert np.allclose(found["before"], found["after"], rtol=1e-5)
    return found


def test_factors_make_both_ranges_their_geometric_mean():
    first, second = np.array([1.0, 100.0]), np.array([4.0, 0.01])
    found = factors(first, second)
    assert found == pytest.approx([0.5, 100])
    assert first / found == pytest.approx(second * found)
    assert factors(np.array([0.0, 3.0]), np.array([5.0, 0.0])).tolist() == [1, 1]


def test_a_pair_of_two_channels(process, tmp_path):
    found = equalized(process, tmp_path / "pair.tflite", PAIR, "relu", [[1], [-1], [2]])
    assert [np.ravel(w) for w in found["weights"]] == [pytest.approx([2, -1]), pytest.approx([2, 1])]
    assert found["biases"][0] == pytest.approx([2, -0.1])
    assert found["biases"][1] == pytest.approx([0.5])


def test_what_a_channel_always_has_moves_into_the_next_bias(process, tmp_path):
    pair = ([[1.0, 1.0]], [7.0, 0.0], [[1.0], [1.0]])
    found = equalized(process, tmp_path / "pair.tflite", pair, "relu", [[-2], [3]])
    assert found["biases"] == [pytest.approx([2, 0]), pytest.approx([5.5])]  # the first channel is 5 or more


def test_relu6_stands_in_the_way_where_a_sample_reaches_it(process, tmp_path):
    found = equalized(process, tmp_path / "pair.tflite", PAIR, "relu6", [[1], [-1], [2]])
    assert [np.ravel(w).tolist() for w in found["weights"]] == [[1, -100], pytest.approx([4, 0.01])]
    assert found["activations"] == ["RELU6", "NONE"]


def test_and_is_written_as_relu_where_none_does(process, tmp_path):
    found = equalized(process, tmp_path / "pair.tflite", PAIR, "relu6", [[0.5], [-0.11], [2]])
    assert [np.ravel(w) for w in found["weights"]] == [pytest.approx([2, -1]), pytest.approx([2, 1])]
    assert found["activations"] == ["RELU", "NONE"]


def test_a_chain_with_depthwise_pooling_and_flattening(process, tmp_path):
    path = str(tmp_path / "separable.tflite")
    process.call(probe.separable, path, 100.0, returns=None)
    found = process.call(probe.equalized, path, returns=dict[str, list])
    assert len(found["pairs"]) == 3
    scale = np.abs(found["before"]).max()
    assert np.abs(np.subtract(found["before"], found["after"])).max() < 1e-5 * scale
    wide, depth, narrow, last = map(np.array, found["weights"])
    alike = [
        (np.abs(wide).max(axis=(1, 2, 3)), np.abs(depth).reshape(9, 8, 2).max(axis=(0, 2))),
        (np.abs(depth).max(axis=(0, 1, 2)), np.abs(narrow).max(axis=(0, 1, 2))),
        (np.abs(narrow).max(axis=(1, 2, 3)), np.abs(last).reshape(4, 4, 6).max(axis=(0, 1))),
    ]
    for first, second in alike:
        assert first == pytest.approx(second, rel=0.01)


@pytest.fixture(scope="module")
def digits(process, tmp_path_factory):
    """The reference model with channels scaled apart by 1 to 1000 between its layers, its data, its float accuracy."""
    folder = tmp_path_factory.mktemp("hard")
    inputs = (TensorSpec("image", (1, 28, 28, 1), "float32"),)
    data = DataSpec(str(ROOT / "assets/digits.npz"), "", Preprocessing(scale=1 / 255), inputs, 10, seed=1)
    process.call(probe.float_model, str(ROOT / "assets/digits.keras"), str(folder), returns=None)
    path = str(folder / "hard.tflite")
    assert process.call(probe.hard, str(folder / "float.tflite"), 1000.0, 1, path, returns=float) < 1e-5
    return path, data, process.call(probe.accuracy, path, data, None, returns=float)


@pytest.mark.parametrize(
    ("granularity", "points"),
    [
        ("tensor", 10),  # 69 to 83 points are lost, over ten seeds
        ("channel", 2),  # 3 to 12: scales of their own hide the factors in one of the two layers, not in the other
    ],
)
def test_wins_back_a_model_made_hard_on_purpose(process, digits, granularity, points):
    path, data, whole = digits
    minmax, rescued = (
        process.call(probe.accuracy, path, data, settings, returns=float)
        for settings in (
            Quantize(granularity=granularity),
            Quantize(granularity=granularity, equalize=True, bias_correction=True),
        )
    )
    assert whole - minmax > points
    assert rescued - minmax >= 0.95 * (whole - minmax)
