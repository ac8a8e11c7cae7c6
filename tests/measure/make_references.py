"""Models whose float `.tflite` is, or is not, what they were: `python make_references.py FOLDER`."""

import os
import sys
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "0"}

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(22)
folder = Path(sys.argv[1])


def write(name, model, *shapes, saved_model=False):
    """The model, random samples without labels, and its float `.tflite`."""
    model.export(folder / name, verbose=False) if saved_model else model.save(folder / f"{name}.keras")
    rng = np.random.default_rng(0)
    inputs = [i.name for i in model.inputs]
    arrays = {f"x_{part}": rng.normal(size=(80, *shapes[0])).astype("f4") for part in ("train", "test")}
    if len(shapes) > 1:
        arrays = {
            f"x_{part}.{n}": rng.normal(size=(80, *shape)).astype("f4")
            for part in ("train", "test")
            for n, shape in zip(inputs, shapes, strict=True)
        }
    np.savez(folder / f"{name}.npz", **arrays)


# XNNPACK 2.3 computes the product of a transposed map with itself wrongly.
i = layers.Input((6, 6, 4))
rows = layers.Permute((3, 1, 2))(layers.Conv2D(3, 1, activation="tanh")(i))
square = keras.ops.matmul(rows, rows)
twisted = keras.Model(i, layers.Dense(2, activation="softmax")(layers.Flatten()(square)))
write("twisted", twisted, (6, 6, 4))
converter = tf.lite.TFLiteConverter.from_keras_model(twisted)
(folder / "twisted.tflite").write_bytes(converter.convert())

i, j = layers.Input((24, 3), name="motion"), layers.Input((5,), name="facts")
h = layers.GlobalAveragePooling1D()(layers.Conv1D(8, 5, activation="relu")(i))
h = layers.Concatenate()([h, j])
heads = [layers.Dense(3, activation="softmax", name="kind")(h), layers.Dense(2, name="place")(h)]
write("heads", keras.Model([i, j], heads), (24, 3), (5,))

for name in ("sequence", "other"):  # the same layers with other weights
    i = layers.Input((12, 4))
    write(name, keras.Model(i, layers.Dense(1, activation="sigmoid")(layers.LSTM(6)(i))), (12, 4))

i = layers.Input((9,))
write("graph", keras.Model(i, layers.Dense(4)(layers.Dense(7, activation="relu")(i))), (9,), saved_model=True)
