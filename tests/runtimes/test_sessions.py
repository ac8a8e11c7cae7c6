import random

import msgspec
import numpy as np
import pytest

from edgekit.engine import worker
from edgekit.errors import DataError, EdgekitError, ModelError
from edgekit.runtimes import installed
from edgekit.types import TensorSpec

RUNTIMES = ["litert", "tflite-runtime", "tflm"]
MODELS = ["hello_world_int8", "wake_word_int8", "two_signatures_float", "magic_wand_int8", "mnist_lstm_int8"]


@pytest.fixture(scope="module", params=RUNTIMES)
def runtime(request):
    """A runtime's name and a call into the one process that has loaded it."""
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    with worker.Worker() as process:
        # the tests' own functions, in runtime_probe.py
        def call(function, *arguments, returns=None):
            return process.call(f"runtime_probe:{function}", request.param, *arguments, returns=returns)

        yield request.param, call


@pytest.fixture(scope="module")
def litert_worker():
    with worker.Worker() as process:
        yield process


@pytest.fixture
def model(shared):
    return lambda name: str(shared / "models" / "tflite" / f"{name}.tflite")


def samples(count, length, seed=1):
    generator = random.Random(seed)
    return [[generator.random() for _ in range(length)] for _ in range(count)]


def test_hello_world_is_a_sine_under_each_runtime(runtime, model):
    _, call = runtime
    angles = [0.0, 0.8, 1.57, 3.14, 4.71, 6.2]
    heights = call("answers", model("hello_world_int8"), [[a] for a in angles], True, returns=list[list[float]])
    assert [h for (h,) in heights] == pytest.approx([0, 0.717, 1, 0, -1, -0.083], abs=0.1)


def test_tensors_are_described_as_the_file_has_them(runtime, model):
    _, call = runtime
    inputs, outputs = call("specs", model("wake_word_int8"), returns=list[tuple[TensorSpec, ...]])
    assert inputs == (
        TensorSpec("serving_default_input_1:0", (1, 30, 1, 40), "int8", pytest.approx(0.0037010426), -128),
    )
    assert outputs == (TensorSpec("StatefulPartitionedCall:0", (1, 3), "int8", 1 / 256, -128),)


def test_float_tensors_have_no_scale(runtime, model):
    _, call = runtime
    inputs, _ = call("specs", model("two_signatures_float"), returns=list[tuple[TensorSpec, ...]])
    assert inputs == (TensorSpec("add_x:0", (1,), "float32"),)


def test_the_state_of_an_lstm_does_not_leak_into_the_next_sample(runtime, model, shared):
    _, call = runtime
    path = model("mnist_lstm_int8")
    images = (np.load(shared / "mnist.npz")["x_test"][:12] / 255).reshape(12, -1).tolist()
    forwards = call("answers", path, images, True, returns=list[list[float]])
    assert call("answers", path, images[::-1], True, returns=list[list[float]])[::-1] == forwards
    assert call("answers", path, images, False, returns=list[list[float]]) != forwards  # it has a state indeed


def test_a_sample_of_another_shape_is_refused(runtime, model):
    _, call = runtime
    with pytest.raises(DataError, match=r"hello_world.*\[1, 1\], not \[1, 2\]"):
        call("run_shape", model("hello_world_int8"), [1, 2])


def test_a_model_with_an_unknown_operator_is_refused_by_name(runtime, model, tmp_path, litert_worker):
    name, call = runtime
    path = str(tmp_path / "custom.tflite")
    litert_worker.call("runtime_probe:write_unknown_operator", model("hello_world_int8"), path, returns=type(None))
    with pytest.raises(ModelError) as refused:
        call("specs", path)
    said = str(refused.value)
    assert said.startswith(f"{path}: refused by {name} {installed(name)}: ")
    assert "custom" in said.lower() and "\n" not in said


@pytest.mark.parametrize("content", [b"", b"TFL", b"no model at all", b"\x1c\0\0\0TFL3" + bytes(100)])
def test_a_file_that_is_no_model_is_refused(runtime, tmp_path, content):
    _, call = runtime
    path = tmp_path / "garbage.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"garbage\.tflite"):
        call("specs", str(path))


def test_a_missing_file_is_refused(runtime, tmp_path):
    _, call = runtime
    with pytest.raises(ModelError, match=r"absent\.tflite: cannot be read: No such file"):
        call("specs", str(tmp_path / "absent.tflite"))


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_damaged_model_ends_at_most_its_own_process(name, model, tmp_path):
    """`tflite-runtime` dies of a truncated file, the others refuse it."""
    path = tmp_path / "truncated.tflite"
    with open(model("wake_word_int8"), "rb") as whole:
        path.write_bytes(whole.read()[:30000])
    with pytest.raises(EdgekitError):
        worker.call("runtime_probe:specs", name, str(path), returns=list, time_limit=20)


def test_values_are_quantized_as_the_runtimes_do_it(runtime, tmp_path, litert_worker):
    name, call = runtime
    scale = 0.25
    ties = [scale * (n + 0.5) for n in range(-70, 70)]
    values = [*ties, 0.0, 0.49999997 * scale, -0.49999997 * scale, 1e6, -1e6, *samples(1, 60)[0]]
    path = str(tmp_path / "quantize.tflite")
    litert_worker.call("runtime_probe:write_quantize", path, len(values), scale, 3, returns=type(None))
    theirs, ours = call("quantized", path, values, returns=list[list[int]])
    if name == "litert":  # XNNPACK rounds ties to even
        theirs, ours = theirs[len(ties) :], ours[len(ties) :]
    assert theirs == ours


@pytest.mark.parametrize("name", MODELS)
def test_the_arena_is_the_smallest_that_suffices(name, model, litert_worker):
    del litert_worker
    if not installed("tflm"):
        pytest.skip("tflm is not installed")
    smallest, used, fits, fits_less = worker.call("runtime_probe:arena_edge", model(name), returns=list[int])
    assert smallest % 16 == 0 and smallest >= used > 0
    assert fits and not fits_less


def test_specs_survive_the_way_between_processes(runtime, model):
    _, call = runtime
    found = call("specs", model("hello_world_int8"), returns=list[tuple[TensorSpec, ...]])
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[tuple[TensorSpec, ...]]) == found
