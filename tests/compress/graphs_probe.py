"""Graphs of many kinds of layers, put together from numbers; runs in a worker, which imports TensorFlow."""

from typing import Any

import channels_probe


def compared(choices: list[int]) -> dict[str, float]:
    """`channels_probe.compared` for a graph that the numbers describe."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(1)
    return channels_probe.compared(graph(choices))


def graph(choices: list[int]) -> Any:
    """A model of images of 6 x 6 with two channels; each three numbers add a layer: which, on what, and how."""
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((6, 6, 2))
    tensors, shared = [layers.Conv2D(4, 3, padding="same")(image)], {}
    for which, where, how in zip(*(iter(choices),) * 3, strict=False):
        tensors.append(_grown(which, tensors[where % len(tensors)], tensors, how, shared))
    ends = [layers.GlobalAveragePooling2D()(t) for t in tensors[-2:]]
    row = layers.Concatenate()([*ends, layers.Flatten()(layers.Conv2D(2, 3, activation="sigmoid")(tensors[-1]))])
    return tf_keras.Model(image, layers.Dense(3)(layers.Dense(8, "tanh")(row)))


def _grown(which: int, x: Any, tensors: list[Any], how: int, shared: dict[Any, Any]) -> Any:
    import tensorflow as tf
    import tf_keras

    layers = tf_keras.layers
    activation = ("linear", "relu", "sigmoid", "softplus", "swish")[how % 5]
    padding, bias = ("same", "valid")[how // 5 % 2], how // 10 % 2 == 0
    alike = [t for t in tensors if t.shape[-1] == x.shape[-1]]
    other = alike[how % len(alike)]
    kinds = [
        lambda: layers.Conv2D(4 + how % 3, 3, padding="same", activation=activation, use_bias=bias)(x),
        lambda: layers.Conv2D(4, 1, padding=padding, activation=activation, use_bias=bias)(x),
        lambda: layers.Dense(5, activation=activation, use_bias=bias)(x),
        lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1 + how % 2, activation=activation)(x),
        lambda: layers.SeparableConv2D(4, 3, padding="same", activation=activation, use_bias=bias)(x),
        lambda: layers.Conv2DTranspose(4, 3, padding="same", activation=activation, use_bias=bias)(x),
        lambda: layers.Conv2D(4, 3, activation=activation, use_bias=bias)(layers.ZeroPadding2D()(x)),
        lambda: layers.BatchNormalization(scale=how % 2 == 0, center=how // 2 % 2 == 0)(x),
        lambda: layers.Activation(activation)(x),
        lambda: layers.PReLU(shared_axes=([1, 2], [1, 2, 3], [3], None)[how % 4])(x),
        lambda: layers.Rescaling(2.0, offset=how % 2)(x),
        lambda: (layers.MaxPooling2D, layers.AveragePooling2D)[how % 2](3, 1, padding="same")(x),
        lambda: (layers.Add, layers.Multiply, layers.Maximum, layers.Subtract)[how % 4]()([x, other]),
        lambda: layers.Concatenate(axis=-1)([x, tensors[how % len(tensors)]]),
        lambda: x + other * 0.5 if how % 2 else tf.nn.relu6(x + 1.0),
        lambda: x * layers.Conv2D(1, 1, activation="sigmoid")(x),
        lambda: layers.Multiply()([x, layers.Dense(x.shape[-1], "sigmoid")(_pooled(x))]),
        lambda: layers.Reshape(x.shape[1:])(layers.Flatten()(x)),
        lambda: layers.Softmax()(x) if how % 2 else layers.LayerNormalization()(x),
        lambda: _again("conv", x, shared, lambda: layers.Conv2D(4, 1, activation=activation)),
        lambda: _again("dense", x, shared, lambda: layers.Dense(4, activation=activation)),
        lambda: _again("norm", x, shared, lambda: layers.BatchNormalization(scale=how % 2 == 0)),
    ]
    return kinds[which % len(kinds)]()


def _pooled(x: Any) -> Any:
    import tf_keras

    return tf_keras.layers.GlobalAveragePooling2D(keepdims=True)(x)


def _again(kind: str, x: Any, shared: dict[Any, Any], make: Any) -> Any:
    """A layer that stands in several places of the graph."""
    key = kind, x.shape[-1]
    if key not in shared:
        shared[key] = make()
    return shared[key](x)
