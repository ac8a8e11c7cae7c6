"""Standalone C has the outputs of TFLM, byte for byte, without a warning, an overflow or a read past a buffer."""

import shutil

import numpy as np
import pytest
from bundled import cmsis_nn
from code_probe import compare, damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph
from slow_part import all_but

from edgekit.ccode.fixed_point import exponentials, quantized_multiplier, requantize
from edgekit.ccode.generate import generate
from edgekit.ccode.plan import Span, Use, plan
from edgekit.errors import ModelError

KERNELS = ["portable", "dsp"]
if cmsis_nn():
    KERNELS.append("cmsis-nn")
EXACT = "anomaly_autoencoder audio_commands ecg_autoencoder hello_world magic_wand micro_speech on_off wake_word"


def differing(tflm, folder, content: bytes, kernels: str, samples: int = 60, compiler: str = "gcc") -> int:
    (folder / "m.tflite").write_bytes(content)
    found, arena, bound = tflm.call(
        compare, str(folder / "m.tflite"), kernels, samples, compiler, returns=tuple[int, int, int]
    )
    assert bound <= arena <= 1.1 * bound
    return found


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", all_but(("ecg_autoencoder", "micro_speech", "wake_word"), EXACT.split()))
def test_the_shared_models_are_exact(shared, tflm, tmp_path, name, kernels):
    content = (shared / f"models/tflite/{name}_int8.tflite").read_bytes()
    assert differing(tflm, tmp_path, content, kernels, 100) == 0


@pytest.mark.skipif(shutil.which("clang") is None, reason="no clang")
@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@pytest.mark.parametrize("name", all_but(["wake_word"], ["anomaly_autoencoder", "wake_word"]))
def test_clang_makes_the_same_of_it_without_a_warning(shared, tflm, tmp_path, name, kernels):
    content = (shared / f"models/tflite/{name}_int8.tflite").read_bytes()
    assert differing(tflm, tmp_path, content, kernels, 10, "clang -O2 -fno-sanitize=all") == 0


@pytest.mark.parametrize("name", ["anomaly_autoencoder", "wake_word"])
def test_cores_without_products_of_64_bits_are_exact(shared, tflm, tmp_path, name):
    """Cortex-M0 and its like, by the macro that tells them."""
    content = (shared / f"models/tflite/{name}_int8.tflite").read_bytes()
    assert differing(tflm, tmp_path, content, "portable", 10, "gcc -D__ARM_ARCH_ISA_THUMB=1") == 0


def weights(rng, *shape):
    return rng.integers(-127, 128, shape).astype(np.int8)


LAYERS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "size": st.tuples(st.integers(1, 7), st.integers(1, 7)),
        "channels": st.integers(1, 9),
        "outputs": st.integers(1, 9),
        "kernel": st.sampled_from([1, 2, 3]),
        "stride": st.sampled_from([1, 2]),
        "dilation": st.sampled_from([1, 2]),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "activation": st.sampled_from(["NONE", "RELU", "RELU6"]),
        "zero": st.sampled_from([-128, -3, 0, 127]),
        "scale": st.sampled_from([0.0005, 0.05, 3.0]),  # the first one shifts to the left
        "kind": st.sampled_from(["conv", "grouped", "depthwise", "dense", "MAX", "AVERAGE"]),
    }
)


def layer(of: dict) -> bytes | None:
    """A graph of one layer, None where the window does not fit."""
    rng, g = np.random.default_rng(of["seed"]), Graph()
    groups = 2 if of["kind"] == "grouped" else 1
    channels = of["channels"] * groups
    x = g.input([1, *of["size"], channels], 0.05, of["zero"])
    kernel, dilation = of["kernel"], 1 if of["stride"] == 2 else of["dilation"]
    if of["padding"] == "VALID" and min(of["size"]) < (kernel - 1) * dilation + 1:
        return None
    zero = int(rng.integers(-128, 128))
    ends = {"scale": of["scale"], "zero": zero, "activation": of["activation"]}
    window = {"stride": of["stride"], "padding": of["padding"], "dilation": dilation}
    if of["kind"] in ("conv", "grouped"):
        outputs = of["outputs"] * groups
        w = weights(rng, outputs, kernel, kernel, of["channels"])
        scales = rng.uniform(0.001, 0.03, outputs)
        y = g.conv(x, w, rng.integers(-5000, 5000, outputs), scales=scales, **ends, **window)
    elif of["kind"] == "depthwise":
        outputs = channels * int(rng.integers(1, 3))
        w = weights(rng, 1, kernel, kernel, outputs)
        scales = rng.uniform(0.001, 0.03, outputs)
        y = g.conv(x, w, rng.integers(-5000, 5000, outputs), scales=scales, depthwise=True, **ends, **window)
    elif of["kind"] == "dense":
        flat = int(np.prod(g.shape(x)))
        w = weights(rng, of["outputs"], flat)
        scales = rng.uniform(0.001, 0.03, of["outputs"]) if rng.integers(2) else 0.02
        y = g.dense(g.reshape(x, [1, flat]), w, rng.integers(-5000, 5000, of["outputs"]), scales=scales, **ends)
    else:
        y = g.pool(x, of["kind"], kernel, of["stride"], of["padding"], of["activation"])
    return g.finish(y)


@pytest.mark.parametrize("kernels", KERNELS)
@given(of=LAYERS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_layers_of_any_shape_and_quantization_are_exact(tflm, tmp_path_factory, kernels, of):
    content = layer(of)
    if content is not None:
        assert differing(tflm, tmp_path_factory.getbasetemp(), content, kernels) == 0


def long_sums() -> bytes:
    """Sums near the ends of 32 bits, more products than a lane holds."""
    g = Graph()
    x = g.input([1, 2, 2, 900], 0.5, -128)
    w = np.full((3, 2, 2, 900), 127, np.int8)
    w[1] = -127
    return g.finish(g.conv(x, w, np.array([2**31 - 1 - 127 * 255 * 3600, -(2**30), 7]), 9000.0, 0, padding="VALID"))


def long_rows() -> bytes:
    """Dense layers of more inputs than a sum holds, with the largest weights and inputs; one output, several rows."""
    g = Graph()
    x = g.input([2, 1501], 0.5, 127)
    w = np.full((3, 1501), 127, np.int8)
    w[1] = -128
    y = g.dense(x, w, np.array([9, -(2**20), 2**20]), 4000.0, 3)
    z = g.dense(x, w[1:2], np.array([7]), 9000.0, -9)
    return g.finish(y, z)


def elementwise(kind: str) -> bytes:
    """Two inputs, of which the second may be smaller, and a function of what comes out."""
    g = Graph()
    x, y = g.input([1, 3, 4, 5], 0.04, -7), g.input([1, 3, 4, 5], 0.06, 11)
    options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[kind]
    out = g.operator(kind, [x, y], [g.tensor([1, 3, 4, 5], 0.07, 5)], options)
    out = g.operator(
        kind, [out, g.constant(np.arange(5, dtype=np.int8), 0.02)], [g.tensor([1, 3, 4, 5], 0.05, 1)], options
    )
    return g.finish(g.unary("HARD_SWISH", g.unary("TANH", out, 1 / 128, 0), 0.008, -3))


def movements() -> bytes:
    """Transposed, sliced, padded, split, joined."""
    g = Graph()
    x = g.input([1, 4, 6, 3], 0.1, -5)

    def ints(*values):
        return g.constant(np.array(values, np.int32))

    def like(shape):
        return g.tensor(shape, 0.1, -5)

    t = g.operator("TRANSPOSE", [x, ints(0, 2, 1, 3)], [like([1, 6, 4, 3])], "TransposeOptions")
    s = g.operator("SLICE", [t, ints(0, 1, 0, 1), ints(1, 4, 4, 2)], [like([1, 4, 4, 2])], "SliceOptions")
    both = [like([1, 4, 4, 1]), like([1, 4, 4, 1])]
    g.operator("SPLIT", [ints(3), s], both, "SplitOptions", numSplits=2)
    p = g.operator(
        "PAD",
        [both[1], g.constant(np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))],
        [like([1, 5, 6, 1])],
        "PadOptions",
    )
    strided = [ints(0, 0, 1, 0), ints(1, 5, 6, 1), ints(1, 2, 2, 1)]
    q = g.operator("STRIDED_SLICE", [p, *strided], [like([1, 3, 3, 1])], "StridedSliceOptions")
    e = g.reshape(q, [1, 3, 3])
    pack = g.operator("PACK", [e, e], [like([2, 1, 3, 3])], "PackOptions", valuesCount=2, axis=0)
    first, second = like([1, 3, 3]), like([1, 3, 3])
    g.operator("UNPACK", [pack], [first, second], "UnpackOptions", num=2, axis=0)
    return g.finish(g.concat([first, second], 2), both[0])


def small() -> bytes:
    """Everything of one value."""
    g = Graph()
    x = g.input([1, 1, 1, 1], 0.1, 127)
    x = g.conv(x, np.array([[[[-127]]]], np.int8), np.array([2**30]), 0.1, -128)
    return g.finish(g.unary("SOFTMAX", g.reshape(x, [1, 1]), 1 / 256, -128, "SoftmaxOptions", beta=1.0))


MODELS = {f.__name__: f for f in (long_sums, long_rows, movements, small)} | {
    kind.lower(): lambda kind=kind: elementwise(kind) for kind in ("ADD", "SUB", "MUL")
}


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", MODELS)
def test_edge_cases_and_movements_are_exact(tflm, tmp_path, name, kernels):
    assert differing(tflm, tmp_path, MODELS[name](), kernels, 300) == 0


def test_a_softmax_of_any_width_is_exact(tflm, tmp_path):
    for depth, scale, beta in ((2, 0.5, 1.0), (10, 0.05, 1.0), (1001, 0.15, 0.5), (3, 1e-4, 1.0)):
        g = Graph()
        x = g.input([2, depth], scale, 3)
        content = g.finish(g.unary("SOFTMAX", x, 1 / 256, -128, "SoftmaxOptions", beta=beta))
        assert differing(tflm, tmp_path, content, "portable", 200) == 0


@pytest.mark.parametrize("name", ["hello_world", "magic_wand", "mnist_lstm"])
def test_a_damaged_file_is_written_or_refused(shared, tflm, name):
    found = tflm.call(damaged, str(shared / f"models/tflite/{name}_int8.tflite"), 150, returns=dict[str, int])
    assert found["refused"] > 10 and sum(found.values()) == 150


def test_an_operator_that_cannot_be_written_is_named():
    g = Graph()
    x = g.unary("TANH", g.input([1, 4]), 1 / 128, 0)
    with pytest.raises(ModelError, match="operator 1, CEIL in 't2': C code is not written for this operator"):
        generate(g.finish(g.unary("CEIL", x, 1 / 128, 0)), "m")


def test_an_open_shape_is_refused_but_for_the_batch():
    for signature, refused in (([-1, 4, 4, 2], False), ([1, -1, 4, 2], True)):
        g = Graph()
        x = g.input([1, 4, 4, 2])
        g.graph.tensors[x].shapeSignature = np.array(signature, np.int32)
        content = g.finish(g.pool(x))
        if refused:
            with pytest.raises(ModelError, match=r"input 't0' has the open shape \[1, -1, 4, 2\]"):
                generate(content, "m")
        else:
            assert generate(content, "m").inputs[0].shape == (1, 4, 4, 2)


def test_fixed_point_by_hand():
    assert quantized_multiplier(0.5) == (2**30, 0) and quantized_multiplier(1.0) == (2**30, 1)
    assert quantized_multiplier(0.0) == (0, 0) and quantized_multiplier(0.75) == (1610612736, 0)
    assert [requantize(x, 2**30, 0) for x in (3, -3, 2, -2)] == [2, -1, 1, -1]
    assert [requantize(x, 2**30, -1) for x in (6, -6, 2)] == [2, -2, 1]
    table = exponentials(1.0, 1.0)
    assert table[0] == 2**31 - 1 and table[32:] == [-1] * 224
    assert all(abs(e / 2**31 - np.exp(-d)) < 1e-6 for d, e in enumerate(table) if e >= 0)


spans = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 4), st.integers(1, 300)).map(lambda t: (t[0], t[0] + t[1], t[2])),
    min_size=1,
    max_size=9,
)


@given(spans)
def test_what_is_needed_at_once_never_overlaps(made):
    of = [Span(n, (Use(*use),)) for n, use in enumerate(made)]
    found = plan(of)
    assert found.bound <= found.bytes <= sum(-(-use[2] // 4) * 4 for use in made)
    for a in of:
        assert found.offsets[a.name] % 4 == 0 and found.offsets[a.name] + a.uses[0].bytes <= found.bytes
        for b in of:
            together = a.uses[0].first <= b.uses[0].last and b.uses[0].first <= a.uses[0].last
            if a.name < b.name and together:
                one, other = found.offsets[a.name], found.offsets[b.name]
                assert one + a.uses[0].bytes <= other or other + b.uses[0].bytes <= one
    assert found == plan(of), "the same in every run"
