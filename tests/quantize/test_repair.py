"""Each fault of the files that `ai-edge-quantizer` writes, on a model that shows it, executed by the real runtimes."""

import numpy as np
import pytest
import repair_probe as probe
import schemes_probe

from edgekit.errors import ModelError, RecipeError
from edgekit.quantize.schemes import quantize_with_scheme
from edgekit.quantize.settings import Quantize
from edgekit.runtimes import RUNTIMES

KINDS = ("large", "split", "biases", "shared", "transposed", "heads", "depthwise", "rounding", "recurrent")


@pytest.fixture(scope="session")
def prepared(once, process):
    def fill(folder):
        for kind in KINDS:
            (folder / kind).mkdir()
            process.call(probe.prepare, kind, str(folder / kind), returns=None)

    return once("repair", fill)


@pytest.fixture
def quantize(runtimes, prepared, tmp_path):
    """Quantizes a model; returns what is noted, and the operators each with the types of what it reads."""

    def run(kind, **settings):
        wanted, worker = Quantize(**settings), runtimes["litert"]
        source = prepared / kind / ("calibrated.tflite" if wanted.static else "float.tflite")
        note = worker.call(quantize_with_scheme, str(tmp_path), str(source), wanted, returns=str)
        made = str(tmp_path / "model.tflite")
        return note, worker.call(schemes_probe.tensors, made, returns=list[tuple[str, list[str]]])

    return run


@pytest.fixture
def sqnr(runtimes, prepared, tmp_path):
    """How far a runtime's answers are from those of the float model, in dB."""

    def run(kind, runtime):
        if runtime not in runtimes:
            pytest.skip(f"{runtime} is not installed")
        folder = str(prepared / kind)
        source, made = f"{folder}/float.tflite", str(tmp_path / "model.tflite")
        wanted = runtimes["litert"].call(probe.answers, source, "litert", folder, returns=list[float])
        given = runtimes[runtime].call(probe.answers, made, runtime, folder, returns=list[float])
        noise = np.subtract(wanted, given)
        return float(10 * np.log10(np.square(wanted).sum() / np.square(noise).sum()))

    return run


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_of_a_large_model_are_where_every_runtime_looks(quantize, sqnr, runtime):
    quantize("large", scheme="int16x8")
    assert sqnr("large", runtime) > 40  # TFLM answered zeros


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_split_of_which_one_part_is_not_read(quantize, sqnr, runtime):
    _, operators = quantize("split", scheme="int16x8")
    assert "float32" not in dict(operators)["SPLIT"]
    assert sqnr("split", runtime) > 40  # the part that is not read stayed float


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({"scheme": "int16x8"}, 45),
        ({"scheme": "int16x8", "granularity": "tensor"}, 45),
        ({"float_layers": ("dense",)}, 40),
    ],
    ids=str,
)
def test_biases_far_above_the_weights_are_kept_whole(quantize, sqnr, runtime, settings, least):
    quantize("biases", **settings)
    assert sqnr("biases", runtime) > least  # 0.3 dB with clipped ones


def test_biases_with_weights_of_four_bits_leave_room_for_xnnpack(quantize, sqnr):
    quantize("biases", scheme="int4")
    assert sqnr("biases", "litert") > 20  # XNNPACK multiplies by 16: with 30 bits for the bias it was zero, 3.3 dB


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_biases_of_a_layer_that_stands_in_two_places(quantize, sqnr, runtime):
    quantize("shared", scheme="int16x8")
    assert sqnr("shared", runtime) > 45


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_a_transposed_convolution_under_dynamic_quantization(quantize, sqnr, runtime, granularity):
    quantize("transposed", scheme="dynamic", granularity=granularity)
    assert sqnr("transposed", runtime) > 35  # tflite-runtime has no kernel for it


def test_tflm_takes_the_first_scale_of_a_weight_for_all(quantize, sqnr):
    """Why `RUNTIMES` has it that weight-only is for one scale a weight there."""
    quantize("depthwise", scheme="weight-only")
    assert sqnr("depthwise", "litert") > 40 > 25 > sqnr("depthwise", "tflm")
    quantize("depthwise", scheme="weight-only", granularity="tensor")
    assert sqnr("depthwise", "tflm") > 35


def test_four_bits_only_where_there_are_kernels(quantize, sqnr):
    note, operators = quantize("depthwise", scheme="int4")
    assert {name: types[1] for name, types in operators if len(types) == 3} == {
        "CONV_2D": "int4",
        "DEPTHWISE_CONV_2D": "int8",
        "FULLY_CONNECTED": "int4",
    }
    assert note.startswith("with weights of eight bits: DEPTHWISE_CONV_2D (")
    assert sqnr("depthwise", "litert") > 15


@pytest.mark.parametrize("layer", ["first", "second"])
def test_a_layer_is_not_taken_for_another_whose_tensor_begins_alike(quantize, layer):
    _, operators = quantize("heads", float_layers=(layer,))  # they make "Identity" and "Identity_1"
    weights = [types[1] for name, types in operators if name == "FULLY_CONNECTED"]
    assert sorted(weights) == ["float32", "int8"]


def test_what_stays_float_is_noted_or_refused_by_its_layer(quantize):
    with pytest.raises(ModelError, match=r'name its layer in recipe\.quantize\.float_layers, "tf\.math\.floor", or'):
        quantize("rounding", scheme="int16x8")
    note, _ = quantize("rounding", scheme="int16x8", allow_float_ops=True)
    assert note.startswith("left in floating point: FLOOR (")
    assert quantize("rounding", scheme="int16x8", float_layers=("tf.math.floor",))[0] == ""


def test_weights_that_stay_float_are_noted(quantize):
    assert quantize("depthwise", scheme="weight-only")[0] == ""
    assert quantize("recurrent", scheme="weight-only")[0].startswith(
        "with float32 weights: UNIDIRECTIONAL_SEQUENCE_LSTM"
    )


def test_layers_in_int16_of_a_scheme_without_integers_are_refused(quantize):
    with pytest.raises(RecipeError, match=r'int16_layers: scheme = "dynamic" computes in floating point'):
        quantize("heads", scheme="dynamic", int16_layers=("first",))
