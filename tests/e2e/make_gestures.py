"""Writes gesture.keras, trained from a seed, and gestures.npz: three waves of a wrist in noise.

python make_gestures.py FOLDER SEED
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

folder, seed = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
time = np.arange(64)[None, :, None] / 64


def gesture(turns: int, count: int) -> np.ndarray:
    phase, size = rng.uniform(0, 2 * np.pi, (count, 1, 3)), rng.uniform(0.5, 1.5, (count, 1, 3))
    return size * np.sin(2 * np.pi * turns * time + phase) + rng.normal(0, 0.5, (count, 64, 3))


x = np.concatenate([gesture(turns, 350) for turns in (2, 5, 9)]).astype(np.float32)
y = np.repeat(np.arange(3), 350)
order = rng.permutation(len(x))
x, y = x[order], y[order]
np.savez(f"{folder}/gestures.npz", x_train=x[:750], y_train=y[:750], x_test=x[750:], y_test=y[750:])
keras.utils.set_random_seed(seed)
model = keras.Sequential(
    [
        keras.Input((64, 3)),
        keras.layers.Conv1D(12, 7, 2, activation="relu"),
        keras.layers.Conv1D(16, 5, 2, activation="relu"),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
model.fit(x[:750], y[:750], epochs=10, batch_size=32, verbose=0)
model.save(f"{folder}/gesture.keras")
