"""Every form of a model goes through the flow and comes out as an integer model with the same answers."""

import subprocess
import sys
from pathlib import Path

import forms_probe as probe
import msgspec
import numpy as np
import pytest
from slow_part import all_but

from edgekit.build import produce
from edgekit.compress.prune import Prune
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine.make import Maker
from edgekit.engine.store import Store
from edgekit.engine.worker import Worker, call
from edgekit.errors import CrashError, DataError, ModelError
from edgekit.flatbuffer.read import read_graph
from edgekit.measure.accuracy import score_file
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec
from edgekit.quantize.int8 import quantize_file
from edgekit.quantize.integers import float_operators
from edgekit.quantize.settings import Quantize
from edgekit.report.progress import Progress
from edgekit.types import Measurement, Reading, TensorSpec

TARGET = """
description = "whatever quantizes"
[hardware]
cpu = "any"
[recipe.quantize]
calibration_samples = 64
[runtimes]
ship = "litert"
"""


@pytest.fixture(scope="module")
def forms(once):
    """The folder of `make_forms.py`."""

    def fill(folder):
        maker = Path(__file__).with_name("make_forms.py")
        done = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return once("forms", fill)


@pytest.fixture(scope="module")
def maker(forms, tmp_path_factory):
    """Workers that stand in the folder of the forms, as a user in the folder of a project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(forms)
        with Maker(Store(tmp_path_factory.mktemp("store")), Progress(quiet=True)) as maker:
            yield maker


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("targets")
    (folder / "plain.toml").write_text(TARGET)
    return load_target("plain", [folder])


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A process that executes `.tflite` files."""
    with Worker(tmp_path_factory.mktemp("log") / "log") as process:
        yield process


@pytest.fixture
def product(maker, target, forms):
    """A function that takes a model through the flow."""

    def build(model, data=None, input_shape="", custom_objects="", recipe_shape="", **recipe):
        source = model if ":" in model else str(forms / model)
        data = data or (str(forms / f"{model}.npz") if (forms / f"{model}.npz").exists() else "random")
        reading = Reading(input_shape, custom_objects)
        spec = ModelSpec("m", source, data, Preprocessing(), reading)
        changed = msgspec.structs.replace(target.recipe, input_shape=recipe_shape, **recipe)
        return produce(spec, msgspec.structs.replace(target, recipe=changed), maker)

    return build


@pytest.fixture
def answers(runtime, tmp_path):
    """A function that runs a `.tflite` over the evaluation set as a build does: (samples, outputs) in real values."""

    def run(model, data):
        arguments = [str(tmp_path), model, data, "litert", 1, None]
        runtime.call(score_file, *arguments, returns=list[Measurement])
        return np.load(tmp_path / "predictions.npy")

    return run


def assert_close(have, want):
    """Quantization leaves a few percent of noise; inputs in a wrong order leave nothing of the signal."""
    assert have.shape == want.shape
    noise = np.mean((have - want) ** 2) / np.var(want)
    assert noise < 0.02, f"noise {noise:.3f} of the signal"


def integer(artifact):
    """Whether every operator computes in integers."""
    return not float_operators(read_graph(Path(artifact.path)))


FORMS = {
    "difference_2.h5": {},
    "difference_3.keras": {},
    "outputs_2.h5": {},
    "outputs_3.keras": {},
    "tokens_2.h5": {},
    "tokens_3.keras": {},
    "open_sizes_2.h5": {"input_shape": "10x10x2"},
    "open_sizes_3.keras": {"input_shape": "image=10x10x2"},
    "own_layer_2.h5": {"custom_objects": "scale_tf_keras"},
    "own_layer_3.keras": {"custom_objects": "scale_keras"},
    "recurrent_2.h5": {},
    "saved_2": {},
    "saved_3": {},
    "float.tflite": {},
    "int8.tflite": {},
}
FORMS_OF_KERAS_2 = {"outputs_2.h5", "tokens_2.h5", "open_sizes_2.h5", "own_layer_2.h5", "saved_2"}
"""Those that differ from what stands beside them in who wrote the file, and no more."""


@pytest.mark.parametrize("name", all_but(FORMS.keys() - FORMS_OF_KERAS_2, FORMS))
def test_an_integer_model_answers_like_the_original(product, answers, forms, name):
    made = product(name, **FORMS[name])
    assert integer(made.shipped)
    with np.load(forms / f"{name}.npz") as file:
        want = file["answer_0"]
    assert_close(answers(made.shipped.path, made.data), want)


@pytest.mark.parametrize("name", ["difference_2.h5", "difference_3.keras", "recurrent_2.h5"])
def test_inputs_stay_in_the_order_of_the_model(product, name):
    made = product(name)
    assert [i.name for i in made.facts.inputs] == ["zeta", "alpha"]
    for artifact in (made.graphs["float"], made.shipped):
        found = [i.name for i in read_graph(Path(artifact.path)).inputs]
        assert ["zeta" in found[0], "alpha" in found[1]] == [True, True], found


@pytest.mark.parametrize("name", ["outputs_2.h5", "outputs_3.keras"])
def test_outputs_stay_in_the_order_of_the_model(product, name):
    made = product(name)
    assert [o.shape for o in made.facts.outputs] == [(1, 3), (1, 2)]
    assert [o.shape for o in read_graph(Path(made.shipped.path)).outputs] == [(1, 3), (1, 2)]


def test_a_builder_and_a_function_with_several_inputs(product):
    for builder in ("my_models:keras_2", "my_models:keras_3"):
        made = product(builder, data="my_models:dataset")
        assert made.facts.form == "keras" and integer(made.shipped)
        assert [i.name for i in made.facts.inputs] == ["zeta", "alpha"]


@pytest.mark.parametrize("name", ["open_sizes_2.h5", "open_sizes_3.keras"])
def test_a_size_that_stays_open_is_refused(product, name):
    with pytest.raises(ModelError, match=rf"{name}: .*'?image'? has an open size .*--input-shape"):
        product(name)


def test_the_target_can_fix_a_size(product):
    made = product("open_sizes_2.h5", data="random", recipe_shape="12x9x2")
    assert made.facts.inputs[0].shape == (1, 12, 9, 2)


@pytest.mark.parametrize("shape", ["10x10", "10x10x3", "image=10x10x3"])
def test_a_shape_that_does_not_fit_is_refused(product, shape):
    with pytest.raises(ModelError, match="does not fit input 'image' of \\?x\\?x2"):
        product("open_sizes_2.h5", input_shape=shape)


@pytest.mark.parametrize("name", ["saved_3", "float.tflite", "int8.tflite"])
def test_what_cannot_be_trained_is_not_pruned(product, name):
    made = product(name, prune=Prune(sparsity=0.5))
    assert [note for note in made.notes if note.startswith("skipped: prune")]
    with pytest.raises(ModelError, match=r"recipe\.prune is required, but the model cannot be trained"):
        product(name, prune=Prune(sparsity=0.5, required=True))


def test_an_input_by_a_wrong_name(product, forms):
    np.savez(forms / "wrong.npz", **{f"x_{p}.{n}": np.zeros((64, 6)) for p in ("train", "test") for n in ("zeta", "b")})
    with pytest.raises(DataError, match=r"wrong\.npz: x_train\.alpha missing; the model has 2 inputs"):
        product("difference_2.h5", data=str(forms / "wrong.npz"))


def test_a_fused_lstm_forgets_between_samples(product, answers, forms, tmp_path):
    made = product("recurrent_2.h5")
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in read_graph(Path(made.shipped.path)).operator_names
    with np.load(forms / "recurrent_2.h5.npz") as file:
        x = {name: file[f"x_test.{name}"] for name in ("zeta", "alpha")}
    order = np.random.default_rng(1).permutation(len(x["zeta"]))
    parts = {f"x_train.{n}": np.roll(v, 1, axis=-1) for n, v in x.items()} | {
        f"x_test.{n}": v[order] for n, v in x.items()
    }
    np.savez(tmp_path / "shuffled.npz", **parts)
    shuffled = msgspec.structs.replace(made.data, source=str(tmp_path / "shuffled.npz"))
    np.testing.assert_array_equal(answers(made.shipped.path, shuffled), answers(made.shipped.path, made.data)[order])


def test_a_loop_is_refused_before_it_crashes_the_quantizer(forms, tmp_path):
    data = DataSpec("random", "random", Preprocessing(), (TensorSpec("x", (1, 6, 3), "float32"),), 2, 1)
    with pytest.raises(ModelError, match=r"WHILE.*without loops"):
        call(quantize_file, str(tmp_path), str(forms / "loops.tflite"), data, Quantize(), returns=str)


def test_a_crash_is_one_plain_sentence(forms, tmp_path):
    with pytest.raises(CrashError, match=r"^the process died with SIG\w+; what it printed is in ") as raised:
        call(probe.quantize_loop, str(forms / "loops.tflite"), returns=int, log=tmp_path / "log")
    assert "\n" not in str(raised.value) and raised.value.exit_code == 2
