"""Float `.tflite` to full-integer `.tflite`, with ranges from a calibration set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import QUANTIZING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError
from edgekit.flatbuffer.detection import DETECTION, detects, with_float_detections
from edgekit.flatbuffer.edit import ranges, with_ranges
from edgekit.flatbuffer.read import parse_graph
from edgekit.model.convertible import check_loops, instead_of
from edgekit.model.finite import check_ranges
from edgekit.quantize.bias import correct_bias
from edgekit.quantize.casts import with_integer_forms, without_casts
from edgekit.quantize.equalize import equalize
from edgekit.quantize.integers import float_operators
from edgekit.quantize.lstm import sound
from edgekit.quantize.masks import bounded, scores
from edgekit.quantize.normalize import behind, normalized, with_heads
from edgekit.quantize.ranges import better_ranges
from edgekit.quantize.rounding import round_weights
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

INT8 = "model.tflite"


@stage("quantize", process=TENSORFLOW, libraries=QUANTIZING)
def quantize_file(work: Work, model: Artifact, data: DataSpec, settings: Quantize) -> str:
    """Quantizes a float `.tflite` and writes `model.tflite` to `folder`.

    Returns:
      what the reader of a report should know: masks that were made smaller, inputs that are normalized first, and which
      operators stayed in floating point, where the recipe allows that; "" where there is nothing to say.

    Raises:
      ModelError: the result is not integer throughout.
    """
    content = Path(model.path).read_bytes()
    check_loops(parse_graph(content, model.path))
    samples = calibration(read_dataset(data), settings.calibration_samples, data)
    whole, note = integers(content, samples, settings)
    (work.folder / INT8).write_bytes(whole)
    return note


def integers(model: bytes, samples: list[np.ndarray], settings: Quantize) -> tuple[bytes, str]:
    """A float `.tflite` as int8, and a note; see `quantize_file`.

    Raises:
      ModelError: the result is not integer throughout.
    """
    content, note = bounded(model, samples)
    split = normalized(content, samples, settings.normalize)
    whole, floats = quantize_whole(split.model, behind(split.heads, samples), settings)
    if floats and not settings.allow_float_ops:
        raise ModelError(
            f"quantization left {floats[0]} in floating point: TensorFlow Lite has no int8 form of it; "
            f"{instead_of(floats[0])}, or --set recipe.quantize.allow_float_ops=true"
        )
    whole = with_float_detections(whole)
    if detects(parse_graph(whole, INT8)):
        floats = [*floats, f"{DETECTION}, which no runtime has in integers"]
    left = f"left in floating point: {', '.join(floats)}" if floats else ""
    return with_heads(whole, split.heads), "; ".join(filter(None, (note, split.note, left)))


@stage("calibrate", process=TENSORFLOW, libraries=QUANTIZING)
def calibrate_file(work: Work, model: Artifact, data: DataSpec, settings: Quantize) -> None:
    """Writes the float `.tflite` with better weights, as the settings say, and the range of each tensor to `folder`."""
    content = Path(model.path).read_bytes()
    check_loops(parse_graph(content, model.path))
    samples = calibration(read_dataset(data), settings.calibration_samples, data)
    _, rounded = improved(content, samples, settings)
    (work.folder / "calibrated.tflite").write_bytes(calibrate(rounded, samples, settings))


def quantize_whole(model: bytes, samples: list[np.ndarray], settings: Quantize) -> tuple[bytes, list[str]]:
    """As `quantize`, with a second try where an operator stayed in floating point.

    TensorFlow has two quantizers. The newer one leaves an operator now and then, depending on the ranges that it meets;
    then the older one has its turn, unless the settings allow operators in floating point.

    Returns:
      the `.tflite`, and the operators that are still in floating point.
    """
    content = quantize(model, samples, settings)
    floats = float_operators(parse_graph(content, INT8))
    if floats and not settings.allow_float_ops:
        older = quantize_with_older(model, samples, settings)
        if older and len(left := float_operators(parse_graph(older, INT8))) < len(floats):
            return older, left
    return content, floats


def quantize(model: bytes, samples: list[np.ndarray], settings: Quantize) -> bytes:
    """A float `.tflite` with int8 weights (per channel, or per tensor) and activations (per tensor).

    Args:
      model: float `.tflite` with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.
    """
    model, rounded = improved(model, samples, settings)
    quantized = _as_integers(calibrate(rounded, samples, settings), settings)
    return correct_bias(model, quantized, samples) if settings.bias_correction else quantized


def calibrate(model: bytes, samples: list[np.ndarray], settings: Quantize) -> bytes:
    """A float `.tflite` that holds the range of each tensor.

    Together with the next step this is what `TFLiteConverter` does after it converted a graph with a representative
    dataset; taking it apart means that the graph is converted once, that any float `.tflite` can be quantized, and
    that ranges can be chosen by other methods than the smallest and the largest value.
    """
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    calibrated = Calibrator(add_intermediate_tensors(model)).calibrate(lambda: _one_by_one(samples))
    known = ranges(calibrated)
    check_ranges(calibrated, known)
    chosen = known if settings.calibration == "minmax" else better_ranges(model, samples, known, settings)
    return with_ranges(calibrated, scores(model, samples, chosen, 16 if settings.scheme == "int16x8" else 8))


def quantize_with_older(model: bytes, samples: list[np.ndarray], settings: Quantize) -> bytes | None:
    """As `quantize`, with the quantizer that TensorFlow had before; None where it does not know an operator, or fails.

    It finds ranges by itself, by their smallest and largest value, whatever the settings say.
    """
    import tensorflow as tf
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    model, rounded = improved(model, samples, settings)
    io, by_tensor = tf.dtypes.as_dtype(settings.io), settings.granularity == "tensor"
    calibrator = Calibrator(add_intermediate_tensors(rounded))
    try:
        quantized = calibrator.calibrate_and_quantize(
            lambda: _one_by_one(samples), io, io, allow_float=False, disable_per_channel=by_tensor
        )
        quantized = sound(bytes(quantized))
        parse_graph(quantized, "its file")  # it can write scales that are no numbers
    except (RuntimeError, ModelError) as problem:
        print(f"the older quantizer: {problem}")
        return None
    return correct_bias(model, quantized, samples) if settings.bias_correction else quantized


def improved(model: bytes, samples: list[np.ndarray], settings: Quantize) -> tuple[bytes, bytes]:
    """The model to be quantized, with masks that int8 can bear, and the same with rounded weights; both are alike
    unless the settings ask for it."""
    model, _ = bounded(model, samples)
    if settings.equalize:
        model = equalize(model, samples)
    if settings.rounding == "gptq":
        return model, round_weights(model, samples, settings.granularity)
    return model, model


def _as_integers(calibrated: bytes, settings: Quantize) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    io = tf.dtypes.as_dtype(settings.io)
    by_tensor = settings.granularity == "tensor"
    quantized = mlir_quantize(calibrated, disable_per_channel=by_tensor, input_data_type=io, output_data_type=io)
    return sound(with_integer_forms(without_casts(bytes(quantized))))


def _one_by_one(samples: list[np.ndarray]) -> Iterator[list[np.ndarray]]:
    for row in range(len(samples[0])):
        yield [x[row : row + 1] for x in samples]
