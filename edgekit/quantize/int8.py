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


def quantize_file(model: str, data: DataSpec, settings: Quantize, folder: str) -> None:
    """Quantizes a float `.tflite` and writes `model.tflite` to `folder`.

    Raises:
      ModelError: the result is not integer throughout.
    """
    samples = calibration(read(data), settings.calibration_samples, data)
    path = Path(folder) / INT8
    path.write_bytes(quantize(Path(model).read_bytes(), samples, settings))
    check_integer(read_graph(path))


def quantize(model: bytes, samples: np.ndarray, settings: Quantize) -> bytes:
    """A float `.tflite` with int8 weights (per channel) and activations (per tensor).

    Args:
      model: float `.tflite` with one input and batch size 1.
      samples: calibration set, (N, *input shape without batch), as the model takes it.

    The two steps are those that `TFLiteConverter` runs after it converted a graph with a representative dataset; taking
    them apart means that the graph is converted once, and that any float `.tflite` can be quantized.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    def one_by_one() -> Iterator[list[np.ndarray]]:
        for sample in samples:
            yield [sample[None]]

    calibrated = Calibrator(add_intermediate_tensors(model)).calibrate(one_by_one)
    io = tf.dtypes.as_dtype(settings.io)
    return bytes(mlir_quantize(calibrated, input_data_type=io, output_data_type=io))


def check_integer(graph: Graph) -> None:
    """Refuses a model in which an operator still computes in floating point.

    The conversions at the edges of a model with float inputs and outputs are allowed.

    Raises:
      ModelError: names the first such operator and its tensor.
    """
    for operator in graph.operators:
        if operator.name in ("QUANTIZE", "DEQUANTIZE"):
            continue
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0 and graph.tensors[index].dtype not in INTEGERS:
                tensor = graph.tensors[index]
                raise ModelError(
                    f"quantization left {operator.name} in {tensor.dtype} (tensor {tensor.name!r}): TensorFlow Lite "
                    "has no int8 form of it; replace the layer, or its activation, by one that has"
                )
