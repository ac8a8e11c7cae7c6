import normalize_probe as probe
import numpy as np
import pytest

from edgekit.engine.worker import Worker
from edgekit.firmware.run import missing
from edgekit.flatbuffer.read import read_graph
from edgekit.runtimes.values import dequantize, quantize
from edgekit.types import TensorSpec

OWN, DERIVED = (
    ("Normalization", "BatchNormalization", "Rescaling"),
    ("dense", "sequence", "flat sequence", "conv valid"),
)


def found(process, kind, path):
    return process.call(probe.found, kind, str(path), returns=dict[str, float | str | bool])


@pytest.mark.parametrize("kind", [*OWN, *DERIVED])
def test_features_of_sizes_from_a_hundredth_to_a_million_all_keep_their_steps(process, kind, tmp_path):
    made = found(process, kind, tmp_path / "model.tflite")
    assert made["own"] == (kind in OWN)
    assert made["moved"] < 1e-4  # the float model is the same, as far as float32 goes
    assert made["sqnr"] > 25
    assert made["left"] == ""
    assert (made["input"], made["name"]) == ("float32", "sensors")
    assert "'sensors' stays float32" in made["note"] and "NAME_quantize.h" in made["note"]
    begin = [operator.name for operator in read_graph(tmp_path / "model.tflite").operators[:3]]
    assert begin == ["SUB", "MUL", "QUANTIZE"]


def test_where_zeros_are_put_around_the_cause_is_named(process, tmp_path):
    made = found(process, "conv same", tmp_path / "model.tflite")
    assert made["input"] == "int8"
    assert made["note"].startswith("4 of the 5 features of input 'sensors' have fewer than 16 of int8's 256 steps")


@pytest.mark.skipif(bool(missing()), reason="no compiler or simulator for Cortex-M")
def test_standalone_c_takes_the_normalized_features(process, tmp_path):
    found(process, "Normalization", tmp_path / "model.tflite")
    with Worker(tmp_path / "log") as tflm:
        assert tflm.call(probe.standalone, str(tmp_path / "model.tflite"), returns=list[float])[0] > 0


@pytest.mark.parametrize("kind", ["dense", "conv same"])
def test_the_advice_is_to_normalize(process, kind):
    ((settings, text),) = process.call(probe.advised, kind, returns=list[tuple[tuple[str, ...], str]])
    assert settings == (("recipe.quantize.normalize=true",) if kind == "dense" else ())
    assert ("put a Normalization layer first" in text) == (kind == "conv same")


def test_real_values_are_normalized_before_they_are_quantized():
    spec = TensorSpec("x", (1, 2), "int8", 0.5, 3, (100.0, 0.0), (0.01, 1000.0))
    real = np.float32([[200, 0.002], [0, -0.001]])
    assert quantize(real, spec).tolist() == [[5, 7], [1, 1]]
    assert dequantize(quantize(real, spec), spec) == pytest.approx(real)
