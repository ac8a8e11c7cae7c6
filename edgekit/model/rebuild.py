"""A Keras 3 model as a `tf_keras` model, layer by layer, checked by its outputs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from edgekit.model.operations import activation_of, function_of
from edgekit.model.shapes import Shapes, fixed

TOLERANCE = 1e-5


class CannotRebuild(Exception):
    """Why a model has no twin in Keras 2, in words that fit after "because"."""


def rebuild(model: Any, shapes: Shapes, path: Path) -> Any:
    """Builds a Keras 3 model anew from the layers of `tf_keras`, with the same weights.

    Args:
      model: functional or sequential; nested models and shared layers are followed.
      shapes: what fixes the sizes that the model leaves open.
      path: of the file, for errors.

    Raises:
      CannotRebuild: a layer has no counterpart, or the outputs differ by more than 1e-5 on random samples.
      ModelError: the shapes do not fit the model.
    """
    if not getattr(model, "inputs", None) and "" in shapes:
        model.build((None, *shapes[""]))
    layers: dict[int, tuple[Any, Any]] = {}
    try:
        twin = _rebuild(model, shapes, path, layers)
        for layer, made in layers.values():
            _copy_weights(layer, made)
    except (ValueError, TypeError, AttributeError, KeyError) as problem:
        raise CannotRebuild(f"Keras 2 refuses its graph ({' '.join(str(problem).split())[:120]})") from problem
    _compare(model, twin)
    return twin


def _rebuild(model: Any, shapes: Shapes, path: Path, layers: dict[int, tuple[Any, Any]]) -> Any:
    import keras
    import tf_keras

    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        raise CannotRebuild(f"{model.name!r} has no graph of layers")
    tensors: dict[int, Any] = {}
    for tensor in graph.inputs:
        name = tensor._keras_history.operation.name
        size = fixed(name, tuple(tensor.shape[1:]), shapes, path)
        tensors[id(tensor)] = tf_keras.Input(size, dtype=tensor.dtype, name=name)

    def swap(value: Any) -> Any:
        return tensors[id(value)] if isinstance(value, keras.KerasTensor) else value

    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if isinstance(node.operation, keras.layers.InputLayer):
                continue
            args, kwargs = keras.tree.map_structure(swap, (node.arguments.args, node.arguments.kwargs))
            made = _call(node.operation, args, kwargs, path, layers)
            tensors.update(
                {id(old): new for old, new in zip(node.output_tensors, keras.tree.flatten(made), strict=True)}
            )
    outputs = keras.tree.map_structure(swap, graph._outputs_struct)
    return tf_keras.Model([tensors[id(t)] for t in graph.inputs], outputs, name=model.name)


def _call(operation: Any, args: Any, kwargs: Any, path: Path, layers: dict[int, tuple[Any, Any]]) -> Any:
    """The outputs of an operation's twin, which is made once, so that shared layers stay shared."""
    import keras

    if not isinstance(operation, (keras.Layer, keras.Model)):
        function = function_of(operation)
        if function is None:
            kind = type(operation).__name__
            raise CannotRebuild(f"the operation {operation.name!r} ({kind}) has no counterpart in Keras 2")
        return function(*args, **kwargs)
    if id(operation) not in layers:
        nested = isinstance(operation, keras.Model)
        layers[id(operation)] = (operation, _rebuild(operation, {}, path, layers) if nested else _twin(operation))
    twin = layers[id(operation)][1]
    known = {*inspect.signature(twin.call).parameters, "mask", "training"}
    outputs = twin(*args, **{k: v for k, v in kwargs.items() if v is not None and k in known})
    activation = activation_of(operation)
    return outputs if activation is None else activation(outputs)


def _twin(layer: Any) -> Any:
    """A layer of `tf_keras` with the settings of a Keras 3 layer."""
    import keras
    import tf_keras

    kind = getattr(tf_keras.layers, type(layer).__name__, None)
    if kind is None:
        raise CannotRebuild(f"the layer {layer.name!r} ({type(layer).__name__}) has no counterpart in Keras 2")
    if isinstance(layer, keras.layers.Bidirectional):
        forward, backward = _twin(layer.forward_layer), _twin(layer.backward_layer)
        return kind(forward, merge_mode=layer.merge_mode, backward_layer=backward, name=layer.name)
    if isinstance(layer, keras.layers.Wrapper):
        return kind(_twin(layer.layer), name=layer.name)
    known = {"name", "trainable", "dtype"}
    for base in kind.__mro__:
        known |= set(inspect.signature(base.__init__).parameters)
    config = {k: v for k, v in layer.get_config().items() if k in known and not k.endswith("_initializer")}
    if isinstance(policy := config.get("dtype"), dict):
        config["dtype"] = policy["config"]["name"]
    if activation_of(layer):
        config["activation"] = "linear"  # the function follows the layer
    for key, value in config.items():
        if isinstance(value, dict) and "class_name" in value:  # regularizers, constraints, activation layers
            config[key] = {"class_name": value["class_name"], "config": value["config"]}
    # The sizes that `MultiHeadAttention.from_config` asks for, so as to build it, follow from its first call.
    return kind(**config) if kind is tf_keras.layers.MultiHeadAttention else kind.from_config(config)


def _copy_weights(layer: Any, twin: Any) -> None:
    import keras

    if isinstance(layer, keras.Model):
        return  # its layers are copied one by one
    weights = layer.get_weights()
    if any(type(v.dtype).__name__ == "str" and "seed" in v.path for v in layer.variables):
        weights = [v.numpy() for v in layer.variables if "seed" not in v.path]  # generators of Dropout and its like
    if [w.shape for w in twin.get_weights()] != [w.shape for w in weights]:
        raise CannotRebuild(f"the layer {layer.name!r} ({type(layer).__name__}) has other weights in Keras 2")
    twin.set_weights(weights)
    if isinstance(layer, keras.layers.Normalization) and weights:
        twin.finalize_state()  # what it computes with is derived from the weights


def _compare(model: Any, twin: Any) -> None:
    """Both models on random samples."""
    import keras
    import numpy as np

    rng = np.random.default_rng(0)
    samples = []
    for tensor in twin.inputs:
        shape = (2, *(8 if n is None else n for n in tensor.shape[1:]))
        integers = not np.issubdtype(np.dtype(tensor.dtype.name), np.floating)
        samples.append((rng.integers(0, 2, shape) if integers else rng.random(shape)).astype(tensor.dtype.name))
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        structure = samples[0]
    want = keras.tree.flatten(model(keras.tree.pack_sequence_as(structure, samples), training=False))
    have = keras.tree.flatten(twin(samples if len(samples) > 1 else samples[0], training=False))
    for w, h in zip(want, have, strict=True):
        if not np.allclose(np.asarray(w), np.asarray(h), rtol=TOLERANCE, atol=TOLERANCE):
            raise CannotRebuild(f"rebuilt in Keras 2, its outputs differ by more than {TOLERANCE:g}")
