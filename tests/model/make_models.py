"""Writes small models of both libraries of Keras, good and bad ones, with the answers that they give.

Run as a process of its own, `make_models.py FOLDER`, so that pytest's own process never imports TensorFlow.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tf_keras  # noqa: E402


def functional(k):
    layers = k.layers
    image = k.Input((12, 12, 2), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", kernel_regularizer="l2", name="conv")(image)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.ReLU(max_value=6.0, name="relu6")(y)
    x = layers.Add(name="residual")([x, y])
    x = layers.SeparableConv2D(6, 3, strides=2, name="separable")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    return k.Model(image, layers.Dense(4, activation="softmax", name="dense")(x), name="functional")


def sequential(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((10, 10, 1)),
            layers.Conv2D(4, 3, activation="elu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(5),
            layers.LeakyReLU(),
            layers.Dense(3, activation="softmax"),
        ],
        name="sequential",
    )


def shared_layers(k):
    layers = k.layers
    both = k.Input((8,), name="both")
    dense = layers.Dense(8, activation="tanh", name="twice")
    x = dense(dense(both))
    return k.Model(both, layers.Concatenate(name="joined")([x, dense(x)]), name="shared")


def nested(k):
    layers = k.layers
    inner_in = k.Input((6, 6, 3), name="inner_image")
    inner_out = layers.Conv2D(3, 3, padding="same", activation="relu", name="inner_conv")(inner_in)
    inner = k.Model(inner_in, inner_out, name="inner")
    tail = k.Sequential([k.Input((6, 6, 3)), layers.Flatten(), layers.Dense(2)], name="tail")
    image = k.Input((6, 6, 3), name="image")
    return k.Model(image, tail(inner(inner(image))), name="nested")


def floating(k):
    """With an operator that TensorFlow Lite knows in floating point only."""
    x = inputs = k.Input((4, 4, 4, 1), name="volume")
    x = k.layers.Flatten()(k.layers.Conv3D(2, 2, name="conv")(x))
    return k.Model(inputs, k.layers.Dense(2)(x), name="floating")


def without_weights(k):
    inputs = k.Input((4, 4, 3), name="image")
    return k.Model(inputs, k.layers.Softmax()(k.layers.GlobalAveragePooling2D()(inputs)), name="without_weights")


def fill(model, rng):
    """Weights that matter: with those of a new model, a normalization that was left out would not be noticed."""
    weights = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        positive = "variance" in getattr(variable, "path", variable.name)
        weights.append(rng.uniform(0.5, 1.5, shape) if positive else rng.normal(0, 0.4, shape))
    model.set_weights(weights)
    return model


def write(model, folder, name, rng):
    x = rng.random((16, *model.inputs[0].shape[1:]), dtype=np.float32)
    np.savez(folder / f"{name}.npz", x=x, y=np.asarray(model(x, training=False)))
    model.save(folder / name)


def bad(k, folder, suffixes):
    class Scale(k.layers.Layer):
        def call(self, x):
            return 2 * x

    for kind, layer in (("custom", Scale(name="my_scale")), ("lambda", k.layers.Lambda(lambda x: 2 * x, name="twice"))):
        image = k.Input((28, 28, 1))
        model = k.Model(image, k.layers.Dense(10)(k.layers.Flatten()(layer(image))))
        for suffix in suffixes:
            model.save(folder / f"{kind}_{suffix}")


def main(folder):
    rng = np.random.default_rng(0)
    for k, suffixes in ((keras, ("keras3.keras", "keras3.h5")), (tf_keras, ("keras2.keras", "keras2.h5"))):
        for make in (functional, sequential, shared_layers, nested):
            model = fill(make(k), rng)
            for suffix in suffixes:
                write(model, folder, f"{make.__name__}_{suffix}", rng)
        bad(k, folder, suffixes)
    write(fill(floating(tf_keras), rng), folder, "floating.h5", rng)
    write(without_weights(tf_keras), folder, "without_weights.h5", rng)
    functional(tf_keras).save_weights(folder / "only.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
