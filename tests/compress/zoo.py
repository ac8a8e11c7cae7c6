"""Tiny models of every kind that people train, by name; imported in a worker, which imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CLASSES = 3


def build(name: str) -> Any:
    """A `tf_keras.Model` of the zoo; the same weights each time."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(1)
    return ZOO[name](tf_keras.layers, tf_keras)


def _one_d(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((24, 3), name="signal")
    x = layers.Conv1D(8, 5, padding="same", activation="relu", name="conv")(x)
    x = layers.MaxPooling1D(2, name="pool")(x)
    x = layers.Conv1D(8, 3, strides=2, name="strided")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _one_d_depthwise(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((24, 4), name="signal")
    x = layers.SeparableConv1D(8, 3, activation="relu", name="separable")(x)
    x = layers.DepthwiseConv1D(3, padding="same", activation="relu", name="depthwise")(x)
    x = layers.AveragePooling1D(2, name="pool")(x)
    x = layers.Conv1D(8, 3, dilation_rate=2, padding="causal", name="dilated")(x)
    return keras.Model(given, layers.Dense(CLASSES, name="dense")(layers.Flatten(name="flat")(x)))


def _sequential_1d(layers: Any, keras: Any) -> Any:
    stack = [layers.Input((24, 2)), layers.Conv1D(8, 3, activation="relu", name="conv"), layers.Dropout(0.2)]
    stack += [layers.GlobalMaxPooling1D(name="most"), layers.Dense(CLASSES, "softmax", name="dense")]
    return keras.Sequential(stack)


def _three_d(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((6, 6, 6, 1), name="volume")
    x = layers.Conv3D(4, 3, activation="relu", name="conv")(x)
    x = layers.MaxPooling3D(2, name="pool")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(layers.Flatten(name="flat")(x)))


def _two_inputs(layers: Any, keras: Any) -> Any:
    image, numbers = keras.Input((8, 8, 2), name="image"), keras.Input((5,), name="numbers")
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    y = layers.Dense(8, "relu", name="left")(numbers)
    both = layers.Concatenate(name="both")([x, y])
    return keras.Model([image, numbers], layers.Dense(CLASSES, "softmax", name="dense")(both))


def _two_outputs(layers: Any, keras: Any) -> Any:
    given = keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(given)
    x = layers.Flatten(name="flat")(x)
    ends = [layers.Dense(CLASSES, "softmax", name="kind")(x), layers.Dense(4, name="box")(x)]
    return keras.Model(given, ends)


def _residual(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="first")(x)
    x = y = layers.ReLU(name="relu1")(layers.BatchNormalization(name="norm1")(x))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="second")(x)
    x = layers.BatchNormalization(name="norm2")(x)
    x = layers.Activation("relu", name="relu2")(layers.Add(name="sum")([x, y]))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _first_norm(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((8, 8, 2), name="image")
    x = layers.Rescaling(2.0, offset=-1.0, name="rescaled")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(8, 3, activation="swish", name="conv")(x)
    x = layers.LayerNormalization(name="layer_norm")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(layers.Flatten(name="flat")(x)))


def _convolutions(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((8, 8, 4), name="image")
    x = layers.Conv2D(8, 3, padding="same", groups=2, activation="relu6", name="grouped")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu", name="depthwise")(x)
    x = layers.SeparableConv2D(8, 3, activation="relu", name="separable")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="transposed")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(given, layers.Dense(CLASSES, name="dense")(x))


def _autoencoder(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="down")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="up")(x)
    return keras.Model(given, layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="image_out")(x))


def _regression(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((8,), name="readings")
    x = layers.Dense(16, "relu", name="hidden")(x)
    return keras.Model(given, layers.Dense(1, name="value")(x))


def _dense(layers: Any, keras: Any) -> Any:
    return keras.Sequential([layers.Input((8,)), layers.Dense(12, "tanh", name="hidden"), layers.Dense(CLASSES)])


def _single(layers: Any, keras: Any) -> Any:
    given = keras.Input((8,), name="given")
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(given))


def _lstm(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((3, 4), name="signal")
    x = layers.LSTM(4, name="lstm")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _gru(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((3, 4), name="signal")
    x = layers.Bidirectional(layers.GRU(4), name="both_ways")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _conv_lstm(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((5, 4), name="signal")
    x = layers.Conv1D(8, 3, activation="relu", name="conv")(x)
    x = layers.LSTM(4, name="lstm")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _attention(layers: Any, keras: Any) -> Any:
    x = given = keras.Input((6, 8), name="signal")
    y = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="sum")([x, y]))
    x = layers.Dense(8, "relu", name="forward")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _embedding(layers: Any, keras: Any) -> Any:
    given = keras.Input((6,), dtype="int32", name="words")
    x = layers.Embedding(10, 8, name="words_in")(given)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _nested(layers: Any, keras: Any) -> Any:
    given = keras.Input((8, 8, 2), name="image")
    inner = keras.Sequential(
        [layers.Input((8, 8, 2)), layers.Conv2D(8, 3, activation="relu", name="conv")], name="body"
    )
    x = layers.Flatten(name="flat")(inner(given))
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


def _shared(layers: Any, keras: Any) -> Any:
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    twin = layers.Dense(8, "relu", name="twin")
    x = layers.Subtract(name="apart")([twin(left), twin(right)])
    return keras.Model([left, right], layers.Dense(1, "sigmoid", name="same")(x))


def _functions(layers: Any, keras: Any) -> Any:
    import tensorflow as tf

    x = given = keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(8, 3, name="conv")(x)
    x = tf.nn.relu6(x + 1.0) * 0.5
    x = tf.reduce_mean(x, axis=[1, 2])
    return keras.Model(given, layers.Dense(CLASSES, "softmax", name="dense")(x))


ZOO: dict[str, Callable[[Any, Any], Any]] = {
    "1-D": _one_d,
    "1-D depthwise": _one_d_depthwise,
    "1-D sequential": _sequential_1d,
    "3-D": _three_d,
    "two inputs": _two_inputs,
    "two outputs": _two_outputs,
    "residual": _residual,
    "first norm": _first_norm,
    "convolutions": _convolutions,
    "autoencoder": _autoencoder,
    "regression": _regression,
    "dense": _dense,
    "single": _single,
    "LSTM": _lstm,
    "GRU": _gru,
    "Conv1D and LSTM": _conv_lstm,
    "attention": _attention,
    "embedding": _embedding,
    "nested": _nested,
    "shared": _shared,
    "functions": _functions,
}
