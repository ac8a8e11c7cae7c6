"""Float `.tflite` to full-integer `.tflite`, with ranges from a calibration set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.samples import calibration, read
from edgekit.data.spec import DataSpec
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, parse
from edgekit.target import Quantize

if TYPE_CHECKING:
    import numpy as np

INT8 = "model.tflite"
INTEGERS = {"int8", "int16", "int32", "int64", "bool"}


def quantize_file(model: str, data: DataSpec, settings: Quantize, folder: str) -> str:
    """Quantizes a float `.tflite` and writes `model.tflite` to `folder`.

    Returns:
      which operators stayed in floating point, where the recipe allows that; "" where none did.

    Raises:
      ModelError: the result is not integer throughout.
    """
    content = Path(model).read_bytes()
    source = parse(content, model)
    if source.subgraphs > 1:
        raise ModelError(
            f"the graph has {source.subgraphs} subgraphs ({', '.join(source.operator_names)}), of which quantization "
            "knows one: convert the model with one signature, and without loops or branches"
        )
    samples = calibration(read(data), settings.calibration_samples, data)
    whole, floats = quantize_whole(content, samples, settings)
    (Path(folder) / INT8).write_bytes(whole)
    if floats and not settings.allow_float_ops:
        raise ModelError(
            f"quantization left {floats[0]} in floating point: TensorFlow Lite has no int8 form of it; replace the "
            "layer or its activation, or --set recipe.quantize.allow_float_ops=true"
        )
    return f"left in floating point: {', '.join(floats)}" if floats else ""


def quantize_whole(model: bytes, samples: list[np.ndarray], settings: Quantize) -> tuple[bytes, list[str]]:
    """As `quantize`, with a second try where an operator stayed in floating point.

    TensorFlow has two quantizers. The newer one leaves an operator now and then, depending on the ranges that it meets;
    then the older one has its turn, unless the settings allow operators in floating point.

    Returns:
      the `.tflite`, and the operators that are still in floating point.
    """
    content = quantize(model, samples, settings)
    floats = float_operators(parse(content, INT8))
    if floats and not settings.allow_float_ops:
        older = quantize_with_older(model, samples, settings)
        if older and len(left := float_operators(parse(older, INT8))) < len(floats):
            return older, left
    return content, floats


def quantize(model: bytes, samples: list[np.ndarray], settings: Quantize) -> bytes:
    """A float `.tflite` with int8 weights (per channel) and activations (per tensor).

    Args:
      model: float `.tflite` with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.

    The two steps are those that `TFLiteConverter` runs after it converted a graph with a representative dataset; taking
    them apart means that the graph is converted once, and that any float `.tflite` can be quantized.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    calibrated = Calibrator(add_intermediate_tensors(model)).calibrate(lambda: _one_by_one(samples))
    io = tf.dtypes.as_dtype(settings.io)
    return bytes(mlir_quantize(calibrated, input_data_type=io, output_data_type=io))


def quantize_with_older(model: bytes, samples: list[np.ndarray], settings: Quantize) -> bytes | None:
    """As `quantize`, with the quantizer that TensorFlow had before; None where it does not know an operator."""
    import tensorflow as tf
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    io = tf.dtypes.as_dtype(settings.io)
    calibrator = Calibrator(add_intermediate_tensors(model))
    try:
        return bytes(calibrator.calibrate_and_quantize(lambda: _one_by_one(samples), io, io, allow_float=False))
    except RuntimeError as problem:
        print(f"the older quantizer: {problem}")
        return None


def float_operators(graph: Graph) -> list[str]:
    """The operators that still compute in floating point, each with the tensor that it makes, named after its layer.

    The conversions at the edges of a model with float inputs and outputs do not count.
    """
    found = []
    for operator in graph.operators:
        tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        if operator.name not in ("QUANTIZE", "DEQUANTIZE") and any(t.dtype not in INTEGERS for t in tensors):
            made = tensors[-1].name.split(";")[0] if operator.outputs else ""
            found.append(f"{operator.name} ({made})")
    return found


def _one_by_one(samples: list[np.ndarray]) -> Iterator[list[np.ndarray]]:
    for row in range(len(samples[0])):
        yield [x[row : row + 1] for x in samples]
