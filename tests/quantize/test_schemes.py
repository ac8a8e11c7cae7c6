"""Every scheme on the reference model, executed by the real runtimes on all 2,000 evaluation images."""

from pathlib import Path

import pytest
import schemes_probe as probe
from slow_part import all_but

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import ModelError, RecipeError
from edgekit.measure.accuracy import score_file
from edgekit.profile.rules import scheme_refusal
from edgekit.quantize.schemes import quantize_with_scheme
from edgekit.quantize.settings import Quantize
from edgekit.runtimes import RUNTIMES, installed
from edgekit.types import Measurement, TensorSpec

ASSETS = Path(__file__).parents[2] / "assets"
DATA = DataSpec(
    str(ASSETS / "digits.npz"),
    "",
    Preprocessing(scale=1 / 255),
    (TensorSpec("image", (1, 28, 28, 1), "float32"),),
    10,
    seed=1,
)
FLOAT = 98.85
"""Accuracy of the reference model in percent (README)."""
SCHEMES = {
    "int16x8": Quantize(scheme="int16x8"),
    "dynamic": Quantize(scheme="dynamic"),
    "weight-only": Quantize(scheme="weight-only"),
    "weight-only by tensor": Quantize(scheme="weight-only", granularity="tensor"),
    "int4": Quantize(scheme="int4"),
    "float16": Quantize(scheme="float16"),
    "int16_layers": Quantize(int16_layers=("conv2",)),
    "float_layers": Quantize(float_layers=("conv*",)),
}


@pytest.fixture(scope="session")
def prepared(once, process):
    def fill(folder):
        process.call(probe.prepare, str(ASSETS / "digits.keras"), DATA, str(folder), returns=None)

    return once("schemes", fill)


@pytest.fixture
def quantized(process, prepared, tmp_path):
    def run(settings):
        source = prepared / ("calibrated.tflite" if settings.static else "float.tflite")
        process.call(quantize_with_scheme, str(tmp_path), str(source), settings, returns=str)
        return tmp_path / "model.tflite"

    return run


@pytest.fixture
def accuracy(runtimes, tmp_path):
    def run(model, runtime):
        (tmp_path / "run").mkdir()
        arguments = (str(tmp_path / "run"), str(model), DATA, runtime, 1, None)
        return runtimes[runtime].call(score_file, *arguments, returns=list[Measurement])[0].value

    return run


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("scheme", all_but(("int16x8", "weight-only by tensor", "int4", "float_layers"), SCHEMES))
def test_a_scheme_is_executed_rightly_or_refused_with_reason(quantized, accuracy, scheme, runtime):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    if (runtime, scheme) == ("tflm", "weight-only"):
        pytest.skip("the answers are wrong, though not enough for the accuracy: see test_repair.py")
    if scheme_refusal(runtime, SCHEMES[scheme]):
        with pytest.raises(ModelError, match=f"refused by {runtime}"):
            accuracy(quantized(SCHEMES[scheme]), runtime)
        return
    within = 0.1 if scheme == "int16x8" else 0.5
    assert abs(accuracy(quantized(SCHEMES[scheme]), runtime) - FLOAT) <= within + 1e-9


def test_the_line_that_refuses_a_scheme():
    assert scheme_refusal("tflm", SCHEMES["weight-only"]) == (
        '"tflm" executes weight-only with one scale for each weight: write granularity = "tensor", or choose another '
        "scheme; litert, tflite-runtime would"
    )
    assert scheme_refusal("tflm", SCHEMES["weight-only by tensor"]) == ""
    assert scheme_refusal("tflm", SCHEMES["int4"]) == (
        '"tflm" does not execute int4; it takes int8, float_layers, int16_layers, int16x8, weight-only; litert would'
    )


@pytest.mark.parametrize(
    ("scheme", "of_conv2"),
    [
        ("int16x8", ["int16", "int8", "int64"]),
        ("dynamic", ["float32", "int8", "float32"]),
        ("weight-only", ["float32", "float32", "float32"]),
        ("int4", ["int8", "int4", "int32"]),
        ("int16_layers", ["int16", "int8", "int64"]),
        ("float_layers", ["float32", "float32", "float32"]),
    ],
)
def test_what_the_second_convolution_computes_with(process, quantized, scheme, of_conv2):
    found = process.call(probe.tensors, str(quantized(SCHEMES[scheme])), returns=list[tuple[str, list[str]]])
    assert [types for name, types in found if name == "CONV_2D"][1] == of_conv2
    if scheme in ("int16_layers", "float_layers"):
        assert [types for name, types in found if name == "FULLY_CONNECTED"] == [["int8", "int8", "int32"]]


def test_float_ends_if_asked(process, quantized):
    found = process.call(
        probe.tensors,
        str(quantized(Quantize(scheme="int16x8", io="float32"))),
        returns=list[tuple[str, list[str]]],
    )
    assert (found[0], found[-1][0]) == (("QUANTIZE", ["float32"]), "DEQUANTIZE")


def test_the_same_bytes_every_time(quantized):
    first = quantized(SCHEMES["int16_layers"]).read_bytes()
    assert quantized(SCHEMES["int16_layers"]).read_bytes() == first


@pytest.mark.parametrize("place", ["int16_layers", "float_layers"])
def test_a_pattern_that_fits_nothing_names_the_nearest_layer(quantized, place):
    with pytest.raises(RecipeError, match=rf'recipe\.quantize\.{place}: no layer .* "conv3"; did you mean "conv[12]"'):
        quantized(Quantize(**{place: ("conv3",)}))


@pytest.mark.parametrize(
    ("shape", "axes"), [((7, 3), [1]), ((4, 6, 3), [1, 2]), ((4, 6, 3), [1]), ((4, 6, 3), [2]), ((4, 6, 3), [-2, -3])]
)
@pytest.mark.parametrize("keep", [False, True])
def test_the_largest_value_over_steps_is_a_pooling_in_int16(process, shape, axes, keep):
    found = process.call(probe.largest, list(shape), axes, keep, returns=dict)
    assert "MAX_POOL_2D" in found["operators"] and "REDUCE_MAX" not in found["operators"]
    assert found["same"] and found["floats"] == [] and found["error"] < 1e-3
