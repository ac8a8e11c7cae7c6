import math

import numpy as np
import pytest
from scipy import stats

from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.engine import worker
from edgekit.errors import DataError, ModelError
from edgekit.measure.accuracy import accuracy, accuracy_drop, churn, fidelity, score_file, sqnr
from edgekit.measure.metrics import classes
from edgekit.runtimes import installed
from edgekit.types import Measurement, TensorSpec

COUNT = 300
AS_REFERENCE = {"keep": True, "real": True}


@pytest.fixture(scope="module")
def model(shared):
    """A stateful int8 LSTM that reads digits, (1, 28, 28) to (1, 10)."""
    return str(shared / "models" / "tflite" / "mnist_lstm_int8.tflite")


@pytest.fixture(scope="module")
def digits(shared):
    """(x, y): digits as the LSTM takes them."""
    with np.load(shared / "mnist.npz") as file:
        return file["x_test"][:COUNT], file["y_test"][:COUNT]


@pytest.fixture
def samples(digits, tmp_path):
    """A function that writes an evaluation set and describes it."""

    def write(x=digits[0], y=None):
        arrays = {"x_train": x[:1], "x_test": x} | ({} if y is None else {"y_test": y})
        np.savez(tmp_path / "digits.npz", **arrays)
        shape = TensorSpec("image", (1, 28, 28), "float32")
        return DataSpec(str(tmp_path / "digits.npz"), "", Preprocessing(scale=1 / 255), (shape,), 10, seed=1)

    return write


def score(model, data, folder, runtime="litert", reference=None, process=worker, **named):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    folder.mkdir(exist_ok=True)
    arguments = (str(folder), model, data, runtime, 1, reference)
    return process.call(score_file, *arguments, returns=list[Measurement], **named)


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime", "tflm"])
def test_digits_are_read_with_the_accuracy_that_the_predictions_have(
    runtimes, runtime, model, digits, samples, tmp_path
):
    y = digits[1]
    [found] = score(model, samples(y=y), tmp_path, runtime, process=runtimes.get(runtime))
    written = np.load(tmp_path / "predictions.npy")
    assert written.shape == (COUNT, 10)
    assert written.dtype == np.float32
    assert written.sum(axis=1) == pytest.approx(np.ones(COUNT), abs=0.05)  # softmax, dequantized
    hits = int((written.argmax(axis=1) == y).sum())
    interval = stats.binomtest(hits, COUNT).proportion_ci(method="wilson")
    assert found.value == pytest.approx(100 * hits / COUNT) and found.value > 90
    assert (found.low, found.high) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert (found.name, found.unit, found.samples) == ("accuracy", "%", COUNT)
    assert found.runtime == f"{runtime} {installed(runtime)}"


def test_each_sample_is_answered_from_a_fresh_state(model, digits, samples, tmp_path):
    with worker.Worker() as process:
        forwards = score(model, samples(), tmp_path / "f", process=process)
        score(model, samples(digits[0][::-1]), tmp_path / "b", process=process)
    answers = [np.load(tmp_path / name / "predictions.npy") for name in ("f", "b")]
    assert np.array_equal(answers[0], answers[1][::-1])
    assert forwards == []  # no labels and no reference: nothing to say


def test_progress_is_told(runtimes, model, samples, tmp_path):
    told, process = [], runtimes["litert"]
    score(model, samples(), tmp_path, process=process, progress=lambda text, share: told.append((text, share)))
    assert told[-1] == (f"sample {COUNT}/{COUNT}", 1.0)
    assert len(told) == math.ceil(COUNT / 256)


def test_two_runtimes_are_compared(tflm, model, digits, samples, tmp_path):
    y = digits[1]
    score(model, samples(), tmp_path / "theirs", "tflm", process=tflm, named=AS_REFERENCE)
    reference = str(tmp_path / "theirs" / "outputs.npz")
    _, churned, noise, drop = score(model, samples(y=y), tmp_path / "ours", "litert", reference)
    a, b = (np.load(tmp_path / name / "predictions.npy").argmax(axis=1) for name in ("ours", "theirs"))
    assert churned.value == pytest.approx(100 * np.mean(a != b)) and churned.unit == "points"
    assert drop.value == pytest.approx(100 * (np.mean(b == y) - np.mean(a == y)))
    assert drop.low < drop.value < drop.high
    assert noise.unit == "dB" and (noise.value is None or noise.value > 10)

    unlabelled = score(model, samples(), tmp_path / "ours", "litert", reference)
    assert [m.name for m in unlabelled] == ["churn", "sqnr", "fidelity", "lost_outputs"]


def test_an_integer_model_is_a_reference_in_real_values(model, samples, tmp_path):
    with worker.Worker() as process:
        score(model, samples(), tmp_path / "before", process=process, named=AS_REFERENCE)
        reference = str(tmp_path / "before" / "outputs.npz")
        found = score(model, samples(), tmp_path / "after", reference=reference, process=process)
    values = {m.name: (m.value, m.reason) for m in found}
    assert values["sqnr"] == (None, "no noise: the predictions are equal") and values["fidelity"] == (100, "")


class TestMeasures:
    """On predictions that can be checked by hand: ten samples, three classes."""

    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    right = np.eye(3, dtype=np.float32)[labels]
    two_wrong = np.eye(3, dtype=np.float32)[np.where(np.arange(10) < 2, 2, labels)]

    def test_accuracy(self):
        assert accuracy(self.two_wrong, self.labels).value == 80

    def test_drop_is_what_the_reference_had_more(self):
        assert accuracy_drop(self.two_wrong, self.right, self.labels).value == 20
        gain = accuracy_drop(self.right, self.two_wrong, self.labels)
        assert gain.value == -20 and gain.low < -20 < gain.high

    def test_churn_and_fidelity_add_up(self):
        assert churn(self.two_wrong, self.right).value == 20
        assert fidelity(self.two_wrong, self.right).value == 80

    def test_sqnr(self):
        assert sqnr(self.right * np.float32(0.9), self.right).value == pytest.approx(20, abs=1e-4)

    @pytest.mark.parametrize(
        ("predictions", "reference", "why"),
        [(right, right, "equal"), (right, 0 * right, "zero"), (np.nan * right, right, "finite")],
    )
    def test_sqnr_without_a_value_says_why(self, predictions, reference, why):
        found = sqnr(predictions, reference)
        assert found.value is None and why in found.reason

    def test_one_output_is_a_class_above_a_half(self):
        assert classes(np.array([[0.2], [0.5], [0.51], [3]], np.float32)).tolist() == [0, 0, 1, 1]


def test_a_refused_model_is_named(samples, tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(60))
    with pytest.raises(ModelError, match=r"m\.tflite: refused by litert"):
        score(str(tmp_path / "m.tflite"), samples(), tmp_path)


def test_a_model_of_another_shape_is_refused(shared, samples, tmp_path):
    other = str(shared / "models" / "tflite" / "hello_world_int8.tflite")
    with pytest.raises(DataError, match="28, 28"):
        score(other, samples(), tmp_path)
