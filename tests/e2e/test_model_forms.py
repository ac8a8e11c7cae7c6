"""Models in the forms that people have, at the command line."""

import json
import resource
import sys

import pytest
from command_line import edgekit, run
from refusal import assert_refused

PROJECT = """
[tool.edgekit.models.sizes]
model = "my_models:sizes"
data = "random"
input_shape = "12x9x2"

[tool.edgekit.models.own]
model = "own.h5"
data = "random"
custom_objects = "my_layers"

[tool.edgekit.models.volume]
model = "my_models:volume"
data = "random"
"""
LAYERS = """
import tf_keras


class Scale(tf_keras.layers.Layer):
    def call(self, x):
        return 2.5 * x
"""
MODELS = """
import os
import signal

import tf_keras as k


def sizes():
    image = k.Input((None, None, 2), name="image")
    x = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 3, activation="relu")(image))
    return k.Model(image, k.layers.Dense(3)(x))


def volume():
    "With an operator that TensorFlow Lite has in floating point only."
    x = inputs = k.Input((4, 4, 4, 1), name="volume")
    x = k.layers.Flatten()(k.layers.Conv3D(2, 2, name="solid")(x))
    return k.Model(inputs, k.layers.Dense(2)(x))


def own():
    from my_layers import Scale

    inputs = k.Input((6,))
    k.Model(inputs, k.layers.Dense(3)(Scale(name="scale")(inputs))).save("own.h5")


def crashes():
    os.kill(os.getpid(), signal.SIGSEGV)


def raises():
    raise ValueError("no such\\nweights")


def nothing():
    return None
"""
TARGET = """
description = "as little as a build can be"
[hardware]
cpu = "any"
[recipe.quantize]
calibration_samples = 8
[runtimes]
ship = "litert"
"""


@pytest.fixture(scope="module")
def project(once):
    """A project with models in several forms. Not to be changed."""

    def fill(folder):
        (folder / "targets").mkdir()
        for name, content in {
            "pyproject.toml": PROJECT,
            "my_layers.py": LAYERS,
            "my_models.py": MODELS,
            "targets/small.toml": TARGET,
        }.items():
            (folder / name).write_text(content)
        done = run([sys.executable, "-c", "import my_models; my_models.own()"], folder, TF_USE_LEGACY_KERAS="1")
        assert done.returncode == 0, done.stderr

    return once("forms_project", fill)


def build(project, *options, out):
    return edgekit(project, "build", "--target=small", f"--out={out}", *options)


def test_the_project_says_how_a_model_is_read(project, tmp_path):
    allowed = "--set=recipe.quantize.allow_float_ops=true"
    done = build(project, allowed, out=tmp_path)
    assert done.returncode == 0, done.stderr
    reports = {p.parent.name: json.loads(p.read_text()) for p in tmp_path.rglob("report.json")}
    assert reports.keys() == {"sizes", "own", "volume"}
    assert reports["own"]["model"]["format"].startswith("hdf5 2.")
    assert any("floating point: CONV_3D" in remark for remark in reports["volume"]["remarks"])
    assert not any("floating point" in remark for name in ("sizes", "own") for remark in reports[name]["remarks"])
    found = json.loads(edgekit(project, "inspect", str(tmp_path / "small/sizes/model.tflite"), "--json").stdout)
    assert found["inputs"][0]["shape"] == [1, 12, 9, 2] and found["inputs"][0]["dtype"] == "int8"


def refuse(project, tmp_path, options, words):
    done = build(project, *options, out=tmp_path / "build")
    assert_refused(done, tmp_path, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model=volume"], ["Conv3D", "solid", "floating point", "allow_float_ops=true"]),
        (["--model=sizes", "--input-shape=9x9x3"], ["--input-shape=9x9x3", "'image'", "?x?x2"]),
        (["--model=own", "--custom-objects=nowhere"], ["--custom-objects=nowhere", "no module 'nowhere'"]),
        (["--model=own", "--custom-objects=my_models"], ["own.h5", "'scale' (Scale)", "--custom-objects"]),
        (["--model=my_models:crashes", "--data=random"], ["load", "SIGSEGV", "log"]),
        (["--model=my_models:raises", "--data=random"], ["my_models:raises", "ValueError", "no such weights"]),
        (["--model=my_models:nothing", "--data=random"], ["my_models:nothing", "NoneType"]),
        (["--model=my_models:absent", "--data=random"], ["my_models:absent", "'absent'"]),
    ],
    ids=lambda value: value[-2 if "random" in value[-1] else -1] if isinstance(value, list) else None,
)
def test_what_cannot_be_built_is_said_in_a_line(project, tmp_path, options, words):
    refuse(project, tmp_path, options, words)


class TestInspect:
    @pytest.fixture
    def int8(self, shared):
        return shared / "models/tflite/wake_word_int8.tflite"

    def test_is_quick(self, project, int8):
        def spent(*arguments):
            """Processor time, which other programs do not change by much: the least of three."""
            times = []
            for _ in range(3):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                assert edgekit(project, *arguments).returncode == 0
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            return min(times)

        assert spent("inspect", str(int8)) < 4 * spent("--list")

    def test_does_not_import_tensorflow(self, int8):
        code = (
            "import sys; from edgekit.commands.inspect import inspect_file; inspect_file(sys.argv[1]);"
            "sys.exit('tensorflow' in sys.modules)"
        )
        assert run([sys.executable, "-c", code, str(int8)], int8.parent).returncode == 0

    def test_says_which_runtime_lacks_which_operator(self, project, shared, tmp_path):
        folder = shared / "models/tflite"
        for file in ("wake_word_int8.tflite", "mnist_lstm_int8.tflite"):
            found = json.loads(edgekit(project, "inspect", str(folder / file), "--json").stdout)
            assert found["lacking"] == {"litert 2.3.0": [], "tflite-runtime 2.14.0": [], "tflm": []}
        done = build(project, "--model=volume", "--set=recipe.quantize.allow_float_ops=true", out=tmp_path)
        assert done.returncode == 0, done.stderr
        model = tmp_path / "small/volume/model.tflite"
        found = json.loads(edgekit(project, "inspect", str(model), "--json").stdout)
        assert found["lacking"] == {"litert 2.3.0": [], "tflite-runtime 2.14.0": [], "tflm": ["CONV_3D"]}

    def test_a_keras_file(self, project):
        found = json.loads(edgekit(project, "inspect", "own.h5", "--json").stdout)
        assert [part["kind"] for part in found["parts"]] == ["InputLayer", "Scale", "Dense"]
        assert found["parameters"] == 21 and found["inputs"][0]["shape"] == [-1, 6]

    def test_the_layers_with_shapes_and_costs_and_what_targets_make_of_them(self, project):
        found = json.loads(edgekit(project, "inspect", "own.h5", "--custom-objects=my_layers", "--json").stdout)
        assert [part["output"] for part in found["parts"]] == ["float32 1x6", "float32 1x6", "float32 1x3"]
        assert found["macs"] == 18 and found["outputs"][0]["shape"] == [1, 3]
        [target] = found["targets"]
        assert (target["target"], target["lacking"], target["left"]) == ("small", [], {})

    def test_what_cannot_be_loaded_is_described_from_its_text(self, project):
        done = edgekit(project, "inspect", "own.h5")
        assert done.returncode == 0 and "not loaded: layer 'scale' (Scale)" in done.stdout

    @pytest.mark.slow
    def test_a_saved_model(self, project, tmp_path):
        code = f"import tensorflow as tf, my_models; tf.saved_model.save(my_models.sizes(), {str(tmp_path / 'm')!r})"
        assert run([sys.executable, "-c", code], project, TF_USE_LEGACY_KERAS="1").returncode == 0
        done = edgekit(project, "inspect", str(tmp_path / "m"))
        assert done.returncode == 2 and "--input-shape" in done.stderr
        found = json.loads(edgekit(project, "inspect", str(tmp_path / "m"), "--input-shape=12x9x2", "--json").stdout)
        assert found["format"] == "saved_model" and found["macs"] == 4 * 9 * 2 * 10 * 7 + 12
        assert {part["kind"].split()[0] for part in found["parts"]} == {"CONV_2D", "MEAN", "FULLY_CONNECTED"}

    def test_a_folder(self, project):
        done = edgekit(project, "inspect", "targets")
        assert done.returncode == 2 and done.stderr == (
            "edgekit: targets: a folder without saved_model.pb; give a Keras file, a SavedModel or a .tflite\n"
        )
