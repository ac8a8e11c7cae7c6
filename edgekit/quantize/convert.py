"""Keras to float `.tflite`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.model.read import open_normal

FLOAT = "float.tflite"


def convert_file(model: str, folder: str) -> None:
    """Converts the model in a file and writes `float.tflite` to `folder`."""
    (Path(folder) / FLOAT).write_bytes(convert(open_normal(model)))


def convert(model: Any) -> bytes:
    """A Keras model as a float32 `.tflite` with batch size 1.

    The graph is frozen here and not by way of a SavedModel, which takes most of the time of
    `TFLiteConverter.from_keras_model` (docs/benchmarks.md has the ratio).
    """
    import tensorflow as tf

    frozen = freeze(model)
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def freeze(model: Any) -> Any:
    """The inference graph of a `tf_keras` model with its weights as constants, for one sample at a time."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec((1, *t.shape[1:]), t.dtype, name=t.name.split(":")[0]) for t in model.inputs]

    @tf.function(input_signature=signature)
    def infer(*inputs: Any) -> Any:
        return model(inputs if len(inputs) > 1 else inputs[0], training=False)

    return convert_variables_to_constants_v2(infer.get_concrete_function())
