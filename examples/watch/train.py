"""Trains activity.keras on features that edgekit made:

edgekit features --model=activity --out=train.npz
python train.py train.npz
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras as keras

from edgekit.profile.project import find_project

HERE = Path(__file__).resolve().parent
EPOCHS, BATCH = 60, 64


def preprocessed(x: np.ndarray) -> np.ndarray:
    """What the model takes: with the numbers of pyproject.toml, so that training and a build do the same."""
    settings = find_project(HERE).models["activity"].preprocessing
    return ((x - np.float32(settings.mean)) / np.float32(settings.std)).astype(np.float32)


def network() -> keras.Model:
    """Three convolutions over time, each of which halves it; 247,000 multiply-accumulates."""
    inputs = keras.Input((100, 6))
    x = inputs
    for filters, width in ((24, 7), (32, 5), (48, 5)):
        x = keras.layers.Conv1D(filters, width, strides=2, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(7, activation="softmax")(x))


def rotated(x: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Windows as a watch gives them that sits otherwise on the wrist: turned about an axis and an angle each.

    Args:
      x: (N, 100, 6): accelerations and rates of rotation.
    """
    axis = rng.normal(size=(len(x), 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.radians(degrees) * rng.normal(size=(len(x), 1, 1))
    cross = np.zeros((len(x), 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]], cross[:, [1, 2, 0], [2, 0, 1]] = axis, -axis
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross  # Rodrigues' formula
    return np.concatenate([x[..., :3] @ turn, x[..., 3:] @ turn], axis=2).astype(np.float32)


def fit(x: np.ndarray, y: np.ndarray) -> keras.Model:
    """Trains a network on windows that each epoch turns and scales a little otherwise."""
    rng, model = np.random.default_rng(1), network()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * (len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    for _ in range(EPOCHS):
        turned = rotated(x, 10, rng) * rng.normal(1, 0.1, (len(x), 1, 1))
        model.fit(preprocessed(turned), y, batch_size=BATCH, verbose=0)
    weights = model.get_weights()
    keras.backend.clear_session()  # so that layers are counted from the first again
    trained = network()  # without the state of the optimizer, which takes more than half of a file
    trained.set_weights(weights)
    return trained


def main() -> None:
    """Trains on the training subjects, and says how good the model is for each of the others."""
    data = dict(np.load(sys.argv[1]))
    keras.utils.set_random_seed(1)
    model = fit(data["x_train"], data["y_train"])
    model.save(HERE / "activity.keras")
    right = model.predict(preprocessed(data["x_test"]), verbose=0).argmax(axis=1) == data["y_test"]
    for subject in np.unique(data["subject_test"]):
        of_one = right[data["subject_test"] == subject]
        print(f"subject {subject}, not trained on: {100 * of_one.mean():.1f} % of {len(of_one)} windows")
    print(f"all: {100 * right.mean():.1f} %")


if __name__ == "__main__":
    main()
