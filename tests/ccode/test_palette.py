"""Weights of few values become tables in standalone C: less flash, the same bytes out."""

import numpy as np
import pytest
from code_probe import compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph
from palette_probe import Tried, compare_tables, flash

from edgekit.ccode.generate import generate
from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import constants, with_constants
from edgekit.flatbuffer.read import parse_graph
from edgekit.shrink.file import lookup_file


def few(rng: np.random.Generator, shape, count: int, per_channel: bool) -> np.ndarray:
    """Weights of so many values, the same ones in all outputs or other ones in each."""
    values = [rng.choice(np.arange(-127, 128), count, replace=False) for _ in range(shape[0] if per_channel else 1)]
    rows = [rng.permutation(np.resize(v, max(count, int(np.prod(shape[1:]))))) for v in values * shape[0]]
    return np.stack([row[: int(np.prod(shape[1:]))] for row in rows[: shape[0]]]).reshape(shape).astype(np.int8)


LAYERS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["conv", "grouped", "single", "dense"]),
        "values": st.integers(1, 16),
        "per_channel": st.booleans(),
        "size": st.tuples(st.integers(1, 5), st.integers(1, 5)),
        "channels": st.integers(1, 9),
        "outputs": st.integers(1, 19),
        "kernel": st.integers(1, 3),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "zero": st.sampled_from([-128, -3, 127]),
        "scale": st.sampled_from([0.0005, 0.05]),  # the first one shifts to the left
        "long": st.booleans(),
    }
)


def add(g: Graph, of: dict, rng: np.random.Generator) -> int:
    """A layer with an input of its own."""
    groups, outputs = 2 if of["kind"] == "grouped" else 1, of["outputs"] * (2 if of["kind"] == "grouped" else 1)
    bias, scales = rng.integers(-5000, 5000, outputs), rng.uniform(0.001, 0.03, outputs)
    ends = {"scale": of["scale"], "zero": int(rng.integers(-128, 128)), "scales": scales}
    if of["kind"] == "dense":
        inputs = of["channels"] * (37 if of["long"] else 1)
        x = g.input([int(rng.integers(1, 3)), inputs], 0.05, of["zero"])
        return g.dense(x, few(rng, (outputs, inputs), of["values"], of["per_channel"]), bias, **ends)
    kernel = min(of["kernel"], *of["size"])
    channels = 1 if of["kind"] == "single" else of["channels"]
    x = g.input([int(rng.integers(1, 3)), *of["size"], channels * groups], 0.05, of["zero"])
    w = few(rng, (outputs, kernel, kernel, channels), of["values"], of["per_channel"])
    w = w.transpose(3, 1, 2, 0) if of["kind"] == "single" else w
    return g.conv(x, w, bias, padding=of["padding"], depthwise=of["kind"] == "single", **ends)


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@given(seed=st.integers(0, 2**32), layers=st.lists(LAYERS, min_size=6, max_size=6))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_layers_of_few_values_are_exact(tflm, tmp_path_factory, kernels, seed, layers):
    g, rng, path = Graph(), np.random.default_rng(seed), tmp_path_factory.getbasetemp() / "m.tflite"
    path.write_bytes(g.finish(*(add(g, of, rng) for of in layers)))
    found = tflm.call(compare_tables, str(path), kernels, 30, returns=Tried)
    assert found.differing == 0 and len(found.bits) >= len(layers)


def two_layers(values: int, outputs: int = 21) -> bytes:
    """A convolution and a dense layer."""
    g, rng = Graph(), np.random.default_rng(values)
    y = g.conv(g.input([1, 5, 5, 40]), few(rng, (outputs, 3, 3, 40), values, True), None, padding="VALID")
    flat = 9 * outputs
    return g.finish(g.dense(g.reshape(y, [1, flat]), few(rng, (outputs, flat), values, True), None))


@pytest.mark.parametrize(("values", "bits"), [(2, 1), (4, 2), (8, 3.2), (16, 4)])
def test_indexes_and_tables_are_all_that_is_stored(values, bits):
    plain, less = (generate(two_layers(values), "m", tables=tables) for tables in (False, True))
    assert plain.saved is None and plain.weights == less.weights + less.saved
    indexes, tables = 22 * (360 + 189) * bits / 8, 2 * 22 * values
    assert less.weights <= indexes + tables + 8 * 22


@pytest.mark.parametrize("content", [two_layers(17), two_layers(4, 2)], ids=["many values", "small layers"])
def test_what_saves_little_stays_plain(content):
    assert generate(content, "m", tables=True).files == generate(content, "m").files


@pytest.fixture(scope="module")
def decoding(tflm, shared, tmp_path_factory):
    """A file in which TFLM decodes weights, and the same without."""
    folder, rng = tmp_path_factory.mktemp("decode"), np.random.default_rng(3)
    content = (shared / "models/tflite/wake_word_int8.tflite").read_bytes()
    weights = {i: v for i, v in constants(content).items() if v.dtype == np.int8 and v.ndim > 1}
    values = rng.choice(np.arange(-127, 128), 16, replace=False).astype(np.int8)
    plain = folder / "plain.tflite"
    plain.write_bytes(with_constants(content, {i: rng.choice(values, v.shape) for i, v in weights.items()}))
    tflm.call(lookup_file, str(folder), str(plain), None, None, returns=type(None))
    return folder / "model.tflite", plain


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
def test_a_file_whose_weights_tflm_decodes_is_exact_and_takes_less_flash(tflm, decoding, kernels):
    tables, _ = decoding
    assert "TFLM_DECODE" in {operator.name for operator in parse_graph(tables.read_bytes(), "m").operators}
    arguments = (str(tables), kernels, 30, "gcc", False, False, True)
    assert tflm.call(compare, *arguments, returns=tuple[int, int, int])[0] == 0
    less, more = (tflm.call(flash, str(path), kernels, path == tables, returns=int) for path in decoding)
    assert less < 0.7 * more


@pytest.mark.parametrize(("place", "value"), [(0, 1), (1, 2), (4, 9), (5, 0), (5, 0x74), (6, 120)])
def test_a_decoder_without_lookup_tables_is_named(decoding, place, value):
    content = decoding[0].read_bytes()
    number, decoder = next((n, o) for n, o in enumerate(parse_graph(content, "m").operators) if o.name == "TFLM_DECODE")
    header = constants(content)[decoder.inputs[1]].copy()
    header[place] = value
    with pytest.raises(ModelError, match=f"^operator {number}, TFLM_DECODE in .* are no lookup tables; write the code"):
        generate(with_constants(content, {decoder.inputs[1]: header}), "m")


def test_a_constant_of_another_size_is_named():
    g = Graph()
    w = g.constant(np.zeros((4, 8), np.int8), 0.02)
    g.graph.tensors[w].shape = np.array([4, 9], np.int32)
    y = g.operator("FULLY_CONNECTED", [g.input([1, 9]), w], [g.tensor([1, 4])], "FullyConnectedOptions")
    with pytest.raises(ModelError, match=r"'t0' is int8 of the shape \[4, 9\], for which 32 bytes .* convert"):
        generate(g.finish(y), "m")
