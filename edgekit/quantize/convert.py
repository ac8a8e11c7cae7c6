"""Keras to float `.tflite`."""

from __future__ import annotations

from typing import Any

from edgekit.engine.libraries import LOADING, READING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.flatbuffer.read import parse_graph
from edgekit.model.function import keras_function, to_tflite
from edgekit.model.read import FLOAT, open_keras
from edgekit.model.unroll import unrolled
from edgekit.quantize.casts import with_portable_masks
from edgekit.quantize.repeats import with_gathers
from edgekit.types import Artifact


@stage("convert", process=TENSORFLOW, libraries=(*LOADING, *READING))
def convert_file(work: Work, model: Artifact, custom_objects: str) -> str:
    """Converts the model in a file and writes `float.tflite` to `folder`.

    Returns:
      what was done differently, for the report; "" where nothing was.
    """
    content, note = without_loops(open_keras(model.path, custom_objects))
    (work.folder / FLOAT).write_bytes(content)
    return note


def without_loops(model: Any) -> tuple[bytes, str]:
    """A `tf_keras` model as a float32 `.tflite` that can be quantized, and what was done differently for that.

    A loop cannot be quantized. Where freezing leaves one, from a recurrent layer, TensorFlow's own way through a
    SavedModel is tried, which knows the fused LSTM; if that does not help, the layer is unrolled.
    """
    content, note = convert(model), ""
    if _loops(content) and _loops(content := convert_fused(model)):
        flat, names = unrolled(model)
        content, note = convert(flat), f"unrolled, because a loop cannot be quantized: {', '.join(names)}"
    return with_gathers(with_portable_masks(content)), note


def _loops(content: bytes) -> bool:
    return "WHILE" in parse_graph(content, "the float model").operator_names


def convert(model: Any) -> bytes:
    """A `tf_keras` model as a float32 `.tflite` with batch size 1.

    Raises:
      ModelError: TensorFlow Lite lacks an operation of the model.
    """
    return to_tflite(keras_function(model))


def convert_fused(model: Any) -> bytes:
    """As `convert`, by way of a SavedModel: slower, but LSTM layers become one operator each."""
    import tensorflow as tf

    owner = tf.Module()  # of the weights alone: with the model itself, every function of every layer would be saved too
    owner.weights = model.variables
    return to_tflite(keras_function(model), owner)
