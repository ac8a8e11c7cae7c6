"""What the tests of quantization ask of a worker, which imports TensorFlow."""

from pathlib import Path

import numpy as np

from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec
from edgekit.model.read import load_file
from edgekit.quantize.convert import convert_file
from edgekit.quantize.int8 import quantize_file
from edgekit.quantize.settings import Quantize
from edgekit.types import Reading


def ours(model: str, data: DataSpec, settings: Quantize, folder: str) -> str:
    """A Keras file through the stages of a build, to `folder/model.tflite`; returns the note."""
    places = [Path(folder, name) for name in ("load", "convert")]
    for place in places:
        place.mkdir(parents=True)
    load_file.run(str(places[0]), model, Reading())
    convert_file.run(str(places[1]), str(next(places[0].iterdir())), "")
    return quantize_file.run(folder, str(places[1] / "float.tflite"), data, settings)


def plain(model: str, data: DataSpec, settings: Quantize, path: str) -> None:
    """A Keras file through `TFLiteConverter.from_keras_model`, as TensorFlow's guide says, with the same samples."""
    import keras
    import tensorflow as tf
    import tf_keras

    [samples] = calibration(read_dataset(data), settings.calibration_samples, data)
    library = keras if model.endswith("digits.keras") else tf_keras
    converter = tf.lite.TFLiteConverter.from_keras_model(library.models.load_model(model, compile=False))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(settings.io)
    Path(path).write_bytes(converter.convert())


def answers(model: str, samples: str) -> list[list[float]]:
    """What TensorFlow's own interpreter gives for samples of real numbers, as stored in the output."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model)
    interpreter.allocate_tensors()
    [into], [out] = interpreter.get_input_details(), interpreter.get_output_details()
    given = []
    for x in np.load(samples):
        if into["dtype"] == np.int8:
            scale, zero = into["quantization"]
            x = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(into["index"], x[None])
        interpreter.invoke()
        given.append(interpreter.get_tensor(out["index"])[0].tolist())
    return given
