"""Float `.tflite` to full-integer `.tflite`, with ranges from a calibration set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.data.samples import calibration, read
from edgekit.data.spec import DataSpec
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph
from edgekit.flatbuffer.read import read as read_graph
from edgekit.target import Quantize

if TYPE_CHECKING:
    import numpy as np

INT8 = "model.tflite"
INTEGERS = {"int8", "int16", "int32", "int64", "bool"}


def quantize_file(model: str, data: DataSpec, settings: Quantize, folder: str) -> str:
    """Quantizes a float `.tflite` and writes `model.tflite` to `folder`.

    TensorFlow has two quantizers. The newer one leaves an operator in floating point now and then, depending on the
    ranges that it meets; then the older one has its turn.

    Returns:
      which operators stayed in floating point, where the recipe allows that; "" where none did.

    Raises:
      ModelError: the result is not integer throughout.
    """
    source = read_graph(Path(model))
    if source.subgraphs > 1:
        raise ModelError(
            f"the graph has {source.subgraphs} subgraphs ({', '.join(source.operator_names)}), of which quantization "
            "knows one: convert the model with one signature, and without loops or branches"
        )
    samples = calibration(read(data), settings.calibration_samples, data)
    path, content = Path(folder) / INT8, Path(model).read_bytes()
    path.write_bytes(quantize(content, samples, settings))
    floats = float_operators(read_graph(path))
    older = None if not floats or settings.allow_float_ops else quantize_with_older(content, samples, settings)
    if older:
        path.write_bytes(older)
        floats = float_operators(read_graph(path))
    if floats and not settings.allow_float_ops:
        raise ModelError(
            f"quantization left {floats[0]} in floating point: TensorFlow Lite has no int8 form of it; replace the "
            "layer or its activation, or --set recipe.quantize.allow_float_ops=true"
        )
    return f"left in floating point: {', '.join(floats)}" if floats else ""


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
