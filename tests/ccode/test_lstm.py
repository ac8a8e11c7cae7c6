"""An LSTM as standalone C has the outputs of TFLM, byte for byte, and remembers what TFLM remembers."""

import re

import numpy as np
import pytest
from code_probe import compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph

from edgekit.ccode.fixed_point import quantized_multiplier, requantize
from edgekit.ccode.generate import generate
from edgekit.errors import ModelError


def differing(tflm, path, kernels: str, samples: int = 20, compiler: str = "gcc", lasting: bool = False) -> int:
    returns = tuple[int, int, int]
    found, arena, bound = tflm.call(compare, str(path), kernels, samples, compiler, lasting, returns=returns)
    assert bound <= arena <= 1.1 * bound
    return found


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
def test_the_shared_model_is_exact(shared, tflm, kernels):
    path = shared / "models/tflite/mnist_lstm_int8.tflite"
    assert differing(tflm, path, kernels, 50) == 0
    assert differing(tflm, path, kernels, 20, lasting=True) == 0


LSTMS = st.fixed_dictionaries(
    {
        "batch": st.integers(1, 3),
        "steps": st.integers(1, 5),
        "inputs": st.integers(1, 9),
        "units": st.integers(1, 9),
        "time_major": st.booleans(),
        "inside": st.booleans(),
        "input_scale": st.sampled_from([0.004, 0.06, 1.5]),
        "input_zero": st.sampled_from([-128, -3, 0, 127]),
        "scale": st.floats(0.002, 0.02),
        "zero": st.sampled_from([-128, 0, 5, 127]),
        "cell_scale": st.sampled_from([2.0**-15, 2.0**-12, 2.0**-11, 2.0**-9, 2.0**-4, 0.0003]),
        "clip": st.sampled_from([0.0, 0.5, 10.0]),
        "most": st.sampled_from([127, 30]),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def layer(of: dict) -> Graph:
    """One LSTM; with an input inside of the graph, its output may lie where that lay."""
    rng = np.random.default_rng(of["seed"])
    ends = (of["steps"], of["batch"]) if of["time_major"] else (of["batch"], of["steps"])
    g = Graph()
    x = g.input([*ends, of["inputs"]], of["input_scale"], of["input_zero"])
    x = g.add(x, x, of["input_scale"], of["input_zero"]) if of["inside"] else x
    sizes = [of["inputs"]] * 4 + [of["units"]] * 4
    weights = [rng.integers(-of["most"], of["most"], (of["units"], n), np.int8, endpoint=True) for n in sizes]
    biases = [rng.integers(-20000, 20000, of["units"]).astype(np.int32) for _ in range(4)]
    names = ("scale", "zero", "cell_scale", "clip", "time_major")
    g.lstm(x, weights, biases, scales=rng.uniform(0.0005, 0.03, 8), **{name: of[name] for name in names})
    return g


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@given(of=LSTMS, lasting=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_lstm_of_any_shape_and_quantization_is_exact(tflm, tmp_path_factory, kernels, of, lasting):
    g, path = layer(of), tmp_path_factory.getbasetemp() / "m.tflite"
    path.write_bytes(g.finish(g.graph.operators[-1].outputs[0]))
    assert differing(tflm, path, kernels, lasting=lasting) == 0


def test_what_several_operators_have_is_written_once():
    g, rng = Graph(), np.random.default_rng(4)
    x = g.input([1, 16], 0.1)
    w = rng.integers(-127, 127, (16, 16), np.int8)
    for _ in range(3):
        x = g.dense(x, w, None, 0.1)
        x = g.add(x, x)
    text = generate(g.finish(x), "m").files["m.c"]
    assert len(re.findall(r"_weights\[\d+\] =", text)) == len(re.findall(r"_numbers\[\d+\] =", text)) == 1


def test_the_states_of_two_layers_last_side_by_side(tflm, tmp_path):
    g, rng = Graph(), np.random.default_rng(3)
    x = g.input([1, 4, 6], 0.05, 3)
    for inputs in (6, 10):
        weights = [rng.integers(-127, 127, (10, n), np.int8) for n in [inputs] * 4 + [10] * 4]
        x = g.lstm(x, weights, [rng.integers(-2000, 2000, 10).astype(np.int32) for _ in range(4)])
    x = g.dense(g.reshape(x, [1, 40]), rng.integers(-127, 127, (5, 40), np.int8), None, 0.1, -4)
    (tmp_path / "m.tflite").write_bytes(g.finish(x))
    for lasting in (False, True):
        assert differing(tflm, tmp_path / "m.tflite", "dsp", 60, lasting=lasting) == 0


def test_a_factor_is_a_product_of_doubles(tflm, tmp_path):
    """Sums that a product in single precision would round the other way, made visible by fine scales."""
    scale = np.float32(0.0988)
    weight = np.float32(0.0875 / 4096 / float(scale))
    one, other = (quantized_multiplier(f * 4096) for f in (float(scale * weight), float(scale) * float(weight)))
    assert requantize(5, *one) != requantize(5, *other)
    g = Graph()
    x = g.input([1, 1, 1], float(scale))
    biases = [np.full(1, bias, np.int32) for bias in (200000, 200000, 5, 200000)]
    scales = [0.01, 0.01, float(weight), *[0.01] * 5]
    y = g.lstm(x, [np.zeros((1, 1), np.int8)] * 8, biases, 2.0**-18, 0, 2.0**-15, scales)
    (tmp_path / "m.tflite").write_bytes(g.finish(y))
    assert differing(tflm, tmp_path / "m.tflite", "portable", 1) == 0


PLAIN = {"batch": 1, "steps": 2, "inputs": 3, "units": 4, "time_major": False, "input_scale": 0.1, "input_zero": 0}
PLAIN |= {"inside": False, "scale": 0.01, "zero": 0, "cell_scale": 2.0**-11, "clip": 0.0, "most": 127, "seed": 0}


@pytest.mark.parametrize(
    ("of", "place", "wrong", "said"),
    [
        (PLAIN, 9, "constant", "it has peepholes, which TFLM does not execute"),
        (PLAIN, 5, "input", "its weights are not constants of int8, 4 x 4"),
        (PLAIN, 14, "none", "its biases are not 4 constants of int32"),
        (PLAIN, 19, "constant", "its states are not variable tensors"),
        (PLAIN, 18, "wide", "its states or its output have not the sizes that its input asks for"),
        (PLAIN | {"cell_scale": 2.0**4}, 0, "", "the scale of its cell, 16.0, is out of range"),
    ],
)
def test_what_tflm_does_not_execute_is_refused_by_its_layer(of, place, wrong, said):
    g = layer(of)
    node = g.graph.operators[-1]
    if wrong:
        wide = g.tensor([2, 4], 0.01)
        g.graph.tensors[wide].isVariable = True
        other = {"wide": wide, "none": -1, "input": 0, "constant": g.constant(np.zeros(4, np.int8), 0.1)}
        node.inputs[place] = other[wrong]
    with pytest.raises(ModelError, match=f"operator 0, UNIDIRECTIONAL_SEQUENCE_LSTM in 't15': {said}"):
        generate(g.finish(node.outputs[0]), "m")
