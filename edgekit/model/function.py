"""Inference functions for one sample at a time, and their conversion to float `.tflite`.

`TFLiteConverter.from_keras_model` saves a SavedModel and loads it again, which takes most of its time. A traced
function is frozen by the converter itself (docs/measured/benchmarks.md has the ratio).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.flatbuffer.detection import DETECTION, with_detections
from edgekit.flatbuffer.ends import apart, with_ends
from edgekit.model.shapes import Shapes, fixed, parse_shapes
from edgekit.types import Reading


def to_tflite(function: Any, owner: Any = None) -> bytes:
    """A function as a float32 `.tflite`.

    Args:
      function: of this module: traced, with batch size 1; where it has the `names` of its outputs, these are used.
      owner: of the variables that the function reads, to go by way of a SavedModel: slower, but LSTM layers stay whole.

    Raises:
      ModelError: TensorFlow Lite lacks an operation of the graph.
    """
    import tensorflow as tf

    serving, owner = getattr(function, "detector", (function, owner))
    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([serving], owner)
        converter.allow_custom_ops = serving is not function
        converter.exclude_conversion_metadata = True  # says how it was converted; no runtime reads it
        content = bytes(converter.convert())
        return (
            with_detections(content) if serving is not function else with_ends(content, getattr(function, "names", ()))
        )
    except Exception as problem:
        raise ModelError(f"TensorFlow cannot convert the model: {reason(str(problem))}") from problem


def keras_function(model: Any) -> Any:
    """Of a `tf_keras` model."""
    signature = [_signature(t.name.split(":")[0], (1, *t.shape[1:]), t.dtype) for t in model.inputs]
    names = getattr(model, "output_names", ())
    return _trace(
        lambda *inputs: model(list(inputs) if len(inputs) > 1 else inputs[0], training=False), signature, names
    )


def keras_3_function(model: Any, shapes: Shapes, path: Path) -> Any:
    """Of a Keras 3 model.

    Raises:
      ModelError: the model does not say what it takes, or leaves a size open.
    """
    import keras

    if not getattr(model, "inputs", None):
        raise ModelError(f"{path}: the model does not say what it takes; give --input-shape, as in 96x96x3")
    signature = []
    for tensor in model.inputs:
        name = tensor._keras_history.operation.name
        size = fixed(name, tuple(tensor.shape[1:]), shapes, path)
        if None in size:
            raise ModelError(f"{path}: input {name!r} has an open size; fix it with --input-shape")
        signature.append(_signature(name, (1, *size), tensor.dtype))
    structure = list(model.inputs) if len(model.inputs) > 1 else model.inputs[0]

    def infer(*inputs: Any) -> Any:
        return model(keras.tree.pack_sequence_as(structure, list(inputs)), training=False)

    return _trace(infer, signature, [t._keras_history.operation.name for t in getattr(model, "outputs", None) or ()])


def saved_model_function(path: Path, settings: Reading) -> Any:
    """Of the serving signature of a SavedModel.

    Raises:
      ModelError: it has no such signature, or leaves a size open.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as problem:
        raise ModelError(f"{path}: TensorFlow cannot load it: {reason(str(problem))}") from problem
    signatures = getattr(loaded, "signatures", None)
    signatures = signatures if isinstance(signatures, Mapping) else {}
    serving = signatures.get("serving_default") or next(iter(signatures.values()), None)
    if not isinstance(serving, tf.types.experimental.ConcreteFunction):
        raise ModelError(f"{path}: has no function to serve; export it with model.export()")
    shapes = parse_shapes(settings.input_shape)
    names, signature = [], []
    for name, spec in serving.structured_input_signature[1].items():
        size = fixed(name, tuple(spec.shape[1:]) if spec.shape.rank is not None else (None,), shapes, path)
        if None in size:
            raise ModelError(f"{path}: input {name!r} has an open size; fix it with --input-shape")
        names.append(name)
        signature.append(_signature(name, (1, *size), spec.dtype))

    outputs = sorted(serving.structured_outputs)  # whose own order changes from process to process

    def infer(*inputs: Any) -> Any:
        made = serving(**dict(zip(names, inputs, strict=True)))
        return [made[name] for name in outputs]

    function = _trace(infer, signature, outputs)
    function.loaded = loaded  # whose variables the function reads, but does not keep alive
    if stands_in(serving):
        function.detector = serving, loaded
    return function


def stands_in(serving: Any) -> bool:
    """Whether a SavedModel's function calls a composite whose body only stands in for the operator at a detector's end.

    The converter puts the operator there where it goes by way of a SavedModel; TensorFlow itself computes nothing.
    """
    functions = serving.graph.as_graph_def().library.function
    return any(DETECTION in str(function.attr["_implements"]) for function in functions)


def _signature(name: str, shape: tuple[int | None, ...], dtype: Any) -> Any:
    import re

    import tensorflow as tf

    return tf.TensorSpec(shape, dtype, name=re.sub(r"\W", "_", name))


def _trace(infer: Any, signature: list[Any], names: Sequence[str] = ()) -> Any:
    """The function of a batch of one.

    Args:
      names: of its outputs, in the order in which TensorFlow flattens them.
    """
    import tensorflow as tf

    function = tf.function(infer, input_signature=signature, autograph=False).get_concrete_function()
    function.names = apart(names)
    return function


def reason(problem: str) -> str:
    """What of a converter's error a person can use, in one line."""
    lines = [line.strip() for line in problem.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "Some ops" in line or "custom ops" in line.lower()]
    return " ".join((telling or lines or ["it gave no reason"])[0].split())[:300]
