"""Standalone C for activations of 16 bits has the outputs of TFLM, byte for byte."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from code_probe import compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_graph import Graph
from slow_part import all_but

from edgekit.ccode.generate import generate
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine.worker import Worker
from edgekit.errors import ModelError
from edgekit.firmware import run as firmware
from edgekit.model.read import load_file
from edgekit.quantize.convert import convert_file
from edgekit.quantize.int8 import calibrate_file
from edgekit.quantize.schemes import quantize_with_scheme
from edgekit.quantize.settings import Quantize
from edgekit.types import Reading, TensorSpec

ASSETS = Path(__file__).parents[2] / "assets"
IMAGE = TensorSpec("image", (1, 28, 28, 1), "float32")
DATA = DataSpec(str(ASSETS / "digits.npz"), "", Preprocessing(scale=1 / 255), (IMAGE,), 10, seed=1)


def differing(tflm, folder, content: bytes, kernels: str = "portable", samples: int = 40) -> int:
    (folder / "m.tflite").write_bytes(content)
    found, arena, bound = tflm.call(
        compare, str(folder / "m.tflite"), kernels, samples, "gcc", True, returns=tuple[int, int, int]
    )
    assert bound <= arena <= 1.1 * bound
    return found


LAYERS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "size": st.tuples(st.integers(1, 7), st.integers(1, 7)),
        "batch": st.sampled_from([1, 1, 2]),
        "channels": st.integers(1, 9),
        "outputs": st.integers(1, 9),
        "kernel": st.sampled_from([1, 2, 3]),
        "stride": st.sampled_from([1, 2]),
        "dilation": st.sampled_from([1, 2]),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "activation": st.sampled_from(["NONE", "RELU", "RELU6"]),
        "scale": st.sampled_from([0.02, 0.0002, 0.0000002, 300.0]),  # shifts by 8 to 46 bits
        "bias": st.sampled_from(["int64", "int64", "int32", "none"]),
        "kind": st.sampled_from(["conv", "grouped", "depthwise", "dense", "MAX", "AVERAGE"]),
    }
)


def layer(g: Graph, of: dict) -> int | None:
    """A layer with an input of its own; None where the window does not fit."""
    rng = np.random.default_rng(of["seed"])
    groups = 2 if of["kind"] == "grouped" else 1
    channels, depthwise = of["channels"] * groups, of["kind"] == "depthwise"
    kernel, dilation = of["kernel"], 1 if of["stride"] == 2 else of["dilation"]
    if of["padding"] == "VALID" and min(of["size"]) < (kernel - 1) * dilation + 1:
        return None
    x = g.input([of["batch"], *of["size"], channels], 0.0005, 0, "INT16")
    if of["kind"] in ("MAX", "AVERAGE"):
        return g.pool(x, of["kind"], kernel, of["stride"], of["padding"], of["activation"])
    outputs = channels * int(rng.integers(1, 3)) if depthwise else of["outputs"] * groups
    shape = (1, kernel, kernel, outputs) if depthwise else (outputs, kernel, kernel, of["channels"])
    scales = rng.uniform(0.001, 0.03, outputs)
    if of["kind"] == "dense":
        x = g.reshape(x, [of["batch"], int(np.prod(g.shape(x)[1:]))])
        shape = (outputs, g.shape(x)[1])
        scales = scales if of["seed"] % 2 else scales[:1]
    w = rng.integers(-127, 128, shape).astype(np.int8)
    bias = None
    if of["bias"] != "none":
        dtype = np.int64 if depthwise else np.dtype(of["bias"])
        bias = rng.integers(-(2**22), 2**22, outputs).astype(dtype)
    ends = {"scale": of["scale"], "activation": of["activation"], "scales": scales}
    if of["kind"] == "dense":
        return g.dense(x, w, bias, **ends)
    window = {"stride": of["stride"], "padding": of["padding"], "dilation": dilation}
    return g.conv(x, w, bias, depthwise=depthwise, **ends, **window)


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@given(layers=st.lists(LAYERS, min_size=1, max_size=8))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_layers_of_any_shape_and_quantization_are_exact(tflm, tmp_path_factory, kernels, layers):
    g = Graph()
    made = [y for of in layers if (y := layer(g, of)) is not None]
    if made:
        assert differing(tflm, tmp_path_factory.getbasetemp(), g.finish(*made), kernels) == 0


SCALES = st.sampled_from([0.0001, 0.00013, 0.0031, 0.04, 2**-12, 2**-15])
PAIRS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"]),
        "scales": st.tuples(SCALES, SCALES, SCALES),
        "other": st.sampled_from(["same", "channel", "row", "constant", "one"]),
        "activation": st.sampled_from(["NONE", "RELU", "RELU6"]),
    }
)


def pair(g: Graph, of: dict) -> int:
    """An operator of two inputs, of which the second may be smaller or constant."""
    shape, (one, other, made) = [1, 3, 4, 5], of["scales"]
    options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}.get(of["kind"], "MaximumMinimumOptions")
    fields = {"fusedActivationFunction": g._activation(of["activation"])} if "Max" not in options else {}
    if not fields:
        other = made = one
    made = max(made, one / 1000, other / 1000)  # TFLM does not take larger factors
    if of["kind"] == "MUL":
        # Else a product needs more than 32 bits, and is refused; the scales are rounded to float32.
        made = max(made, one * other * (1 + 1e-6))
    smaller = {"same": shape, "channel": [5], "row": [1, 1, 4, 1], "constant": shape, "one": [1]}[of["other"]]
    x = g.input(shape, one, 0, "INT16")
    if of["other"] in ("constant", "one"):
        y = g.constant(np.random.default_rng(0).integers(-(2**15), 2**15, smaller).astype(np.int16), other)
    else:
        y = g.input(smaller, other, 0, "INT16")
    return g.operator(of["kind"], [x, y], [g.tensor(shape, made, 0, "INT16")], options, **fields)


@given(pairs=st.lists(PAIRS, min_size=3, max_size=9))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_operators_of_two_inputs_are_exact(tflm, tmp_path_factory, pairs):
    g = Graph()
    made = [pair(g, of) for of in pairs]
    assert differing(tflm, tmp_path_factory.getbasetemp(), g.finish(*made), samples=200) == 0


def curves() -> bytes:
    """Functions of one value."""
    g, ends = Graph(), []

    def curve(kind: str, scale: float, made: float, options: str = "", **fields) -> None:
        x = g.input([1, 700], scale, 0, "INT16")
        ends.append(g.unary(kind, x, made, 0, options, **fields))

    for scale in (0.0003, 2**-12, 2**-11, 2**-15, 0.00009, 0.02, 1.3):
        curve("LOGISTIC", scale, 2**-15)
        curve("TANH", scale, 2**-15)
    for scales in ((0.0004, 0.0004), (0.0004, 0.0007), (0.0007, 0.0001), (0.000404, 0.0004)):
        curve("RELU", *scales)
        curve("RELU6", *scales)
        curve("QUANTIZE", *scales)
        for alpha in (0.3, -0.2, 1.7):
            curve("LEAKY_RELU", *scales, "LeakyReluOptions", alpha=alpha)
    return g.finish(*ends)


def reductions() -> bytes:
    """Means and sums over axes, and an image that grows."""
    g, ends = Graph(), []
    for axes, shape in (([1, 2], [2, 7]), ([3], [2, 5, 4]), ([1], [2, 4, 7]), ([1, 2, 3], [2])):
        for kind in ("MEAN", "SUM"):
            x, made = g.input([2, 5, 4, 7], 0.0004, 0, "INT16"), g.tensor(shape, 0.0003, 0, "INT16")
            ends.append(g.operator(kind, [x, g.constant(np.array(axes, np.int32))], [made], "ReducerOptions"))
    x, larger = g.input([2, 5, 4, 7], 0.0004, 0, "INT16"), g.tensor([2, 7, 6, 7], 0.0004, 0, "INT16")
    size = g.constant(np.array([7, 6], np.int32))
    ends.append(g.operator("RESIZE_NEAREST_NEIGHBOR", [x, size], [larger], "ResizeNearestNeighborOptions"))
    return g.finish(*ends)


def transposed() -> bytes:
    """Transposed convolutions."""
    g, ends, rng = Graph(), [], np.random.default_rng(0)
    for size, kernel, stride, same, bias in (
        ((2, 3, 4, 5), (3, 2), (2, 2), True, True),
        ((1, 4, 3, 3), (4, 3), (2, 1), False, True),
        ((1, 2, 5, 2), (1, 2), (3, 2), False, False),
    ):
        out = [n * s if same else n * s + max(k - s, 0) for n, s, k in zip(size[1:3], stride, kernel, strict=True)]
        scales = rng.uniform(0.001, 0.03, 3).astype(np.float32)
        w = g.constant(rng.integers(-127, 128, (3, *kernel, size[3])).astype(np.int8), scales)
        inputs = [g.constant(np.array([size[0], *out, 3], np.int32)), w, g.input(size, 0.0005, 0, "INT16")]
        inputs += [g.constant(rng.integers(-(2**22), 2**22, 3), scales * np.float32(0.0005))] if bias else []
        made = g.tensor([size[0], *out, 3], 0.0007, 0, "INT16")
        fields = {"padding": 0 if same else 1, "strideH": stride[0], "strideW": stride[1]}
        ends.append(g.operator("TRANSPOSE_CONV", inputs, [made], "TransposeConvOptions", **fields))
    return g.finish(*ends)


def softmaxes() -> bytes:
    """Rows of several widths."""
    g, ends = Graph(), []
    for depth, scale, beta in ((2, 0.0003, 1.0), (10, 0.0007, 1.0), (1001, 0.0001, 0.5), (3, 1e-6, 1.0), (1, 0.1, 2.0)):
        x = g.input([2, depth], scale, 0, "INT16")
        ends.append(g.unary("SOFTMAX", x, 2**-15, 0, "SoftmaxOptions", beta=beta))
    return g.finish(*ends)


def widths() -> bytes:
    """From 8 to 16 bits and back."""
    g, ends = Graph(), []
    for scale, zero, made in ((0.02, -5, 0.0003), (0.02, 127, 0.02), (0.5, 3, 0.02)):
        wide = g.tensor([1, 300], made, 0, "INT16")
        g.operator("QUANTIZE", [g.input([1, 300], scale, zero)], [wide], "QuantizeOptions")
        ends += [wide, g.operator("QUANTIZE", [wide], [g.tensor([1, 300], scale, zero)], "QuantizeOptions")]
    return g.finish(*ends)


def movements() -> bytes:
    """Transposed, sliced, padded, split, joined."""
    g = Graph()
    x = g.input([1, 4, 6, 3], 0.1, 0, "INT16")

    def ints(*values):
        return g.constant(np.array(values, np.int32))

    def like(*shape):
        return g.tensor(shape, 0.1, 0, "INT16")

    t = g.operator("TRANSPOSE", [x, ints(0, 2, 1, 3)], [like(1, 6, 4, 3)], "TransposeOptions")
    s = g.operator("SLICE", [t, ints(0, 1, 0, 1), ints(1, 4, 4, 2)], [like(1, 4, 4, 2)], "SliceOptions")
    halves = [like(1, 4, 4, 1), like(1, 4, 4, 1)]
    g.operator("SPLIT", [ints(3), s], halves, "SplitOptions", numSplits=2)
    sides = g.constant(np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))
    p = g.operator("PAD", [halves[1], sides], [like(1, 5, 6, 1)], "PadOptions")
    value = g.constant(np.array([-3000], np.int16), 0.1)
    v = g.operator("PADV2", [halves[1], sides, value], [like(1, 5, 6, 1)], "PadV2Options")
    strided = [ints(0, 0, 1, 0), ints(1, 5, 6, 1), ints(1, 2, 2, 1)]
    q = g.operator("STRIDED_SLICE", [p, *strided], [like(1, 3, 3, 1)], "StridedSliceOptions")
    return g.finish(g.concat([g.reshape(q, [1, 3, 3]), g.reshape(q, [1, 3, 3])], 2), v, halves[0])


def long_sums() -> bytes:
    """Sums of more than 32 bits, those that reach their ends, and a bias of more than 32 bits."""
    g, n = Graph(), 1200
    x = g.input([1, 2, 2, n // 4], 0.5, 0, "INT16")
    w = np.full((5, 2, 2, n // 4), 127, np.int8)
    w[1], w[2] = -128, np.random.default_rng(0).integers(-128, 128, w[2].shape)
    large = np.array([2**46, -(2**33), 7, -1, 0])
    conv = g.conv(x, w, large, 6e5, padding="VALID", scales=[1e-3, 1e-4, 0.3, 60.0, 9e-9])
    flat = g.reshape(x, [1, n])
    ends = [conv, g.dense(flat, w.reshape(5, n), large, 6e5, scales=60.0)]
    most = np.abs(w[:, :, :, :128].astype(int)).sum(axis=(1, 2, 3)) * 2**15  # the most that fits into 32 bits
    x = g.input([1, 2, 2, 128], 0.5, 0, "INT16")
    room = (2**31 - 1 - most).clip(0)
    for bias in (room, -room, room.astype(np.int32)):
        ends.append(g.conv(x, w[2:3, :, :, :128], bias[2:3], 3e4, padding="VALID", scales=[0.3]))
    wide = g.input([1, 3, 3, 2], 0.5, 0, "INT16")
    depthwise = np.full((1, 3, 3, 2), -128, np.int8)
    ends.append(g.conv(wide, depthwise, np.array([2**40, -(2**31)]), 7e4, depthwise=True, scales=[1e-4, 2.0]))
    return g.finish(*ends)


MODELS = {f.__name__: f for f in (curves, reductions, transposed, softmaxes, widths, movements, long_sums)}


@pytest.mark.parametrize("name", MODELS)
def test_functions_movements_and_long_sums_are_exact(tflm, tmp_path, name):
    assert differing(tflm, tmp_path, MODELS[name](), "dsp", 300) == 0


@pytest.mark.skipif(shutil.which("clang") is None, reason="no clang")
@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@pytest.mark.parametrize("name", all_but(["curves"], ["curves", "movements", "long_sums"]))
def test_clang_has_nothing_to_say(tmp_path, name, kernels):
    for file, text in generate(MODELS[name](), "m", kernels).files.items():
        (tmp_path / file).write_text(text)
    flags = "-std=c11 -O1 -Wall -Wextra -Wconversion -Wpedantic -Werror -c m.c -o m.o".split()
    done = subprocess.run(["clang", *flags], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_tflm_would_take_for_something_else_is_refused():
    def refusal(build) -> str:
        g = Graph()
        x = g.input([1, 4, 4, 2], 0.001, 0, "INT16")
        with pytest.raises(ModelError) as told:
            generate(g.finish(build(g, x)), "m")
        return str(told.value)

    w = np.ones((1, 3, 3, 2), np.int8)
    assert "int32, which TFLM takes for int64" in refusal(
        lambda g, x: g.conv(x, w, np.zeros(2, np.int32), depthwise=True)
    )
    assert "zero point that is not 0" in refusal(lambda g, x: g.conv(x, w, None, zero=3, depthwise=True))
    assert "more than 48 bits" in refusal(lambda g, x: g.conv(x, w, np.full(2, 2**47), depthwise=True))
    assert "128 times too small" in refusal(lambda g, x: g.conv(x, w, None, 1e-9, depthwise=True))
    assert "scale 1/32768" in refusal(lambda g, x: g.unary("SOFTMAX", x, 0.01, 0, "SoftmaxOptions", beta=1.0))
    assert "scale 1/32768" in refusal(lambda g, x: g.unary("TANH", x, 0.01, 0))
    small = refusal(lambda g, x: g.unary("RELU6", g.input([1, 9], 4e-13, 0, "INT16"), 4e-13, 0))
    assert "6 needs more than 32 bits" in small
    for kind in ("LOGISTIC", "TANH"):
        tiny = refusal(lambda g, x, kind=kind: g.unary(kind, g.input([1, 9], 2e-22, 0, "INT16"), 2**-15, 0))
        assert "so small that TFLM takes it for another" in tiny
    assert "written for int8" in refusal(lambda g, x: g.unary("HARD_SWISH", x, 0.01, 0))


@pytest.fixture(scope="module")
def digits(once) -> bytes:
    """The reference model with activations of 16 bits, as a build makes it."""
    settings = Quantize(scheme="int16x8", calibration_samples=16)

    def fill(folder: Path) -> None:
        with Worker(folder / "log") as tensorflow:
            tensorflow.call(load_file, str(folder), str(ASSETS / "digits.keras"), Reading(), returns=Any)
            tensorflow.call(convert_file, str(folder), str(folder / "model.h5"), "", returns=str)
            arguments = (str(folder), str(folder / "float.tflite"), DATA, settings)
            tensorflow.call(calibrate_file, *arguments, returns=None)
        with Worker(folder / "log") as litert:
            litert.call(quantize_with_scheme, str(folder), str(folder / "calibrated.tflite"), settings, returns=str)

    return (once("digits16", fill) / "model.tflite").read_bytes()


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
def test_the_reference_model_is_exact_and_quick(tflm, tmp_path, digits, kernels):
    assert differing(tflm, tmp_path, digits, kernels, 30) == 0
    if not firmware.missing():
        code = generate(digits, "m", kernels)
        ran = firmware.run(code, [np.zeros((1, 784), np.int16)], "cortex-m4f")
        assert ran.instructions < {"portable": 2.8, "dsp": 1.6}[kernels] * 2_440_768
