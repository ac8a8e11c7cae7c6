"""A Keras 3 model as a `tf_keras` model, layer by layer, checked by its outputs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError

TOLERANCE = 1e-5


def rebuild(model: Any, path: Path) -> Any:
    """Builds a Keras 3 model anew from the layers of `tf_keras`, with the same weights.

    Args:
      model: functional or sequential; nested models and shared layers are followed.
      path: of the file, for errors.

    Raises:
      ModelError: a layer has no counterpart, or the outputs differ by more than 1e-5 on random samples.
    """
    result = _rebuild(model, path, {})
    _compare(model, result, path)
    return result


def _rebuild(model: Any, path: Path, layers: dict[int, Any]) -> Any:
    import keras
    import tf_keras

    graph = getattr(model, "_functional", None) or model
    if not isinstance(graph, keras.Model) or not hasattr(graph, "_nodes_by_depth"):
        raise ModelError(f"{path}: model {model.name!r} has no graph of layers; save a functional or sequential model")
    tensors: dict[int, Any] = {}
    for tensor in graph.inputs:
        tensors[id(tensor)] = tf_keras.Input(
            tensor.shape[1:], dtype=tensor.dtype, name=tensor._keras_history.operation.name
        )
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if isinstance(node.operation, keras.layers.InputLayer):
                continue
            layer = _counterpart(node.operation, path, layers)
            swap = lambda x: tensors[id(x)] if isinstance(x, keras.KerasTensor) else x  # noqa: E731
            args, kwargs = keras.tree.map_structure(swap, (node.arguments.args, node.arguments.kwargs))
            outputs = layer(*args, **{k: v for k, v in kwargs.items() if v is not None})
            flat = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            tensors.update({id(old): new for old, new in zip(node.output_tensors, flat, strict=True)})
    inputs, outputs = keras.tree.map_structure(lambda t: tensors[id(t)], (list(graph.inputs), list(graph.outputs)))
    return tf_keras.Model(inputs, outputs, name=model.name)


def _counterpart(operation: Any, path: Path, layers: dict[int, Any]) -> Any:
    """The `tf_keras` layer for a Keras 3 layer, made once, so that shared layers stay shared."""
    import keras

    if id(operation) not in layers:
        if isinstance(operation, keras.Model):
            layers[id(operation)] = _rebuild(operation, path, layers)
        else:
            layers[id(operation)] = _layer(operation, path)
    return layers[id(operation)]


def _layer(layer: Any, path: Path) -> Any:
    import tf_keras

    kind = getattr(tf_keras.layers, type(layer).__name__, None)
    if kind is None or not hasattr(layer, "get_weights"):
        raise ModelError(
            f"{path}: {layer.name!r} ({type(layer).__name__}) has no counterpart in Keras 2, which pruning needs"
        )
    known = {"name", "trainable", "dtype"}
    for base in kind.__mro__:
        known |= set(inspect.signature(base.__init__).parameters)
    config = {k: v for k, v in layer.get_config().items() if k in known and not k.endswith("_initializer")}
    policy = config.get("dtype")
    if isinstance(policy, dict):
        config["dtype"] = policy["config"]["name"]
    for key, value in config.items():
        if isinstance(value, dict) and "class_name" in value:  # regularizers and constraints
            config[key] = {"class_name": value["class_name"], "config": value["config"]}
    twin = kind.from_config(config)
    weights = layer.get_weights()
    if weights:
        twin.build(_build_shape(layer))
        if [w.shape for w in twin.get_weights()] != [w.shape for w in weights]:
            raise ModelError(f"{path}: layer {layer.name!r} has other weights in Keras 2; cannot be rebuilt")
        twin.set_weights(weights)
    return twin


def _build_shape(layer: Any) -> Any:
    shape = layer.get_build_config()
    return shape["input_shape"] if shape and "input_shape" in shape else layer.input.shape


def _compare(model: Any, twin: Any, path: Path) -> None:
    import keras
    import numpy as np

    rng = np.random.default_rng(0)
    samples = []
    for tensor in model.inputs:
        shape = (2, *(8 if n is None else n for n in tensor.shape[1:]))
        integers = not np.issubdtype(np.dtype(tensor.dtype), np.floating)
        samples.append((rng.integers(0, 2, shape) if integers else rng.random(shape)).astype(tensor.dtype))
    argument = samples if len(samples) > 1 else samples[0]
    want = keras.tree.flatten(model(argument, training=False))
    have = keras.tree.flatten(twin(argument, training=False))
    for w, h in zip(want, have, strict=True):
        if not np.allclose(np.asarray(w), np.asarray(h), rtol=TOLERANCE, atol=TOLERANCE):
            raise ModelError(f"{path}: rebuilt in Keras 2 its outputs differ by more than {TOLERANCE}; not trusted")
