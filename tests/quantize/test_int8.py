from pathlib import Path

import numpy as np
import pytest
import quantize_probe as probe

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import read_graph
from edgekit.quantize.settings import Quantize
from edgekit.types import TensorSpec

ROOT = Path(__file__).parents[2]


def described(source, shape, classes, scale=1.0):
    return DataSpec(
        str(source), "", Preprocessing(scale=scale), (TensorSpec("x", (1, *shape), "float32"),), classes, seed=1
    )


@pytest.fixture(scope="module")
def cases(models, tmp_path_factory):
    """Models with data: the Keras file, its dataset, and samples to try."""
    folder = tmp_path_factory.mktemp("data")
    with np.load(ROOT / "assets/digits.npz") as file:
        np.save(folder / "digits.npy", (file["x_test"][:100, ..., None] / 255).astype(np.float32))
    found = {"digits": (ROOT / "assets/digits.keras", described(ROOT / "assets/digits.npz", (28, 28, 1), 10, 1 / 255))}
    rng = np.random.default_rng(0)
    for name, shape, classes in (("functional_keras2.h5", (12, 12, 2), 4), ("floating.h5", (4, 4, 4, 1), 2)):
        x = rng.random((400, *shape), np.float32)
        np.savez(folder / f"{name}.npz", x_train=x[:300], x_test=x[300:])
        np.save(folder / f"{name}.npy", x[300:])
        found[name] = (models / name, described(folder / f"{name}.npz", shape, classes))
    return {name: (str(model), data, str(folder / f"{name}.npy")) for name, (model, data) in found.items()}


@pytest.mark.parametrize("name", ["digits", "functional_keras2.h5"])
@pytest.mark.parametrize("io", ["int8", "float32"])
def test_the_outputs_are_those_of_from_keras_model(process, cases, tmp_path, name, io):
    model, data, samples = cases[name]
    settings = Quantize(calibration_samples=100, io=io)
    assert process.call(probe.ours, model, data, settings, str(tmp_path), returns=str) == ""
    process.call(probe.plain, model, data, settings, str(tmp_path / "plain.tflite"), returns=None)
    both = [
        np.array(process.call(probe.answers, str(tmp_path / file), samples, returns=list[list[float]]))
        for file in ("model.tflite", "plain.tflite")
    ]
    assert np.array_equal(*both)
    assert len(np.unique(both[0], axis=0)) > 20
    ends = read_graph(tmp_path / "model.tflite")
    assert {spec.dtype for spec in (*ends.inputs, *ends.outputs)} == {io}
    assert ends.inputs[0].shape[0] == 1


def test_weights_and_activations_are_integers(process, cases, tmp_path):
    model, data, _ = cases["digits"]
    process.call(probe.ours, model, data, Quantize(), str(tmp_path), returns=str)
    graph = read_graph(tmp_path / "model.tflite")
    assert {t.dtype for t in graph.tensors} <= {"int8", "int32"}
    assert [op.name for op in graph.operators if op.name in ("QUANTIZE", "DEQUANTIZE")] == []


def test_an_operator_that_stays_in_floating_point_is_refused_by_name(process, cases, tmp_path):
    model, data, _ = cases["floating.h5"]
    with pytest.raises(ModelError, match=r"CONV_3D.*replace"):
        process.call(probe.ours, model, data, Quantize(calibration_samples=50), str(tmp_path), returns=str)


def test_unless_the_recipe_allows_it_and_then_it_is_told(process, cases, tmp_path):
    model, data, samples = cases["floating.h5"]
    settings = Quantize(calibration_samples=50, allow_float_ops=True)
    note = process.call(probe.ours, model, data, settings, str(tmp_path), returns=str)
    assert note == "left in floating point: CONV_3D (floating/conv/Conv3D)"
    assert process.call(probe.answers, str(tmp_path / "model.tflite"), samples, returns=list[list[float]])


def test_other_samples_give_other_ranges(process, cases, tmp_path):
    model, data, _ = cases["digits"]
    for count in (10, 100):
        settings = Quantize(calibration_samples=count)
        process.call(probe.ours, model, data, settings, str(tmp_path / str(count)), returns=str)
    few, many = ((tmp_path / str(count) / "model.tflite").read_bytes() for count in (10, 100))
    assert few != many and len(few) == pytest.approx(len(many), rel=0.01)
