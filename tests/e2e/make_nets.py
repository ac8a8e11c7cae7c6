"""Writes small networks of many kinds, each in a project of its own with samples that it has learned a little from.

python make_nets.py FOLDER
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from keras import layers
from PIL import Image

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
keras.utils.set_random_seed(1)
CLASSES, SEVERAL = "sparse_categorical_crossentropy", 400


def project(
    name: str,
    model: keras.Model,
    loss: object,
    given: object,
    wanted: object,
    entry: str = "",
    epochs: int = 6,
    **arrays,
) -> Path:
    """A model that has learned a little, its samples, and the table that names both."""
    place = folder / name
    place.mkdir(parents=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(given, wanted, epochs=epochs, verbose=0)
    model.save(place / "net.keras")
    if arrays:
        np.savez(place / "data.npz", **arrays)
    data = "data.npz" if arrays else "photos"
    (place / "pyproject.toml").write_text(f'[tool.edgekit.models.net]\nmodel = "net.keras"\ndata = "{data}"\n{entry}')
    return place


signals = rng.normal(size=(SEVERAL, 24, 3)).astype(np.float32)
moving = rng.integers(0, 3, SEVERAL)
signals += moving[:, None, None] * np.sin(np.arange(24))[None, :, None].astype(np.float32)
person = rng.integers(0, 20, SEVERAL)


def over_time(*parts) -> keras.Model:
    return keras.Sequential([keras.Input((24, 3)), *parts, layers.Dense(3, activation="softmax")])


convolutions = [layers.Conv1D(n, 3, activation="relu", padding="same") for n in (8, 12)]
project(
    "time", over_time(*convolutions, layers.GlobalAveragePooling1D()), CLASSES, signals, moving, x=signals, y=moving
)
project(
    "persons",
    over_time(layers.Conv1D(8, 3, activation="relu"), layers.Flatten()),
    CLASSES,
    signals,
    moving,
    'group = "person"\n',
    x=signals,
    y=moving,
    person=person,
)
project("lstm", over_time(layers.LSTM(6)), CLASSES, signals, moving, x=signals, y=moving)
project("gru", over_time(layers.GRU(6)), CLASSES, signals, moving, x=signals, y=moving)

tokens = keras.Input((24, 3))
wide = layers.Dense(8)(tokens)
attended = layers.LayerNormalization()(wide + layers.MultiHeadAttention(2, 4)(wide, wide))
pooled = layers.GlobalAveragePooling1D()(layers.Dense(8, activation="relu")(attended))
project(
    "attention",
    keras.Model(tokens, layers.Dense(3, activation="softmax")(pooled)),
    CLASSES,
    signals,
    moving,
    x=signals,
    y=moving,
)

left, right = keras.Input((6,), name="left"), keras.Input((4,), name="right")
a, b = rng.normal(size=(SEVERAL, 6)).astype(np.float32), rng.normal(size=(SEVERAL, 4)).astype(np.float32)
both = layers.Concatenate()([layers.Dense(12, activation="relu")(left), layers.Dense(6, activation="relu")(right)])
kind, amount = (a[:, 0] > b[:, 0]).astype(int), (a[:, 1] + b[:, 1] ** 2).astype(np.float32)
project(
    "two-inputs",
    keras.Model([left, right], layers.Dense(2, activation="softmax")(both)),
    CLASSES,
    [a, b],
    kind,
    **{"x.left": a, "x.right": b},
    y=kind,
)
shared = layers.Dense(16, activation="relu")(left)
heads = {"kind": layers.Dense(2, activation="softmax", name="kind"), "amount": layers.Dense(1, name="amount")}
project(
    "two-outputs",
    keras.Model(left, {name: head(shared) for name, head in heads.items()}),
    {"kind": CLASSES, "amount": "mse"},
    a,
    {"kind": kind, "amount": amount},
    'metric = { kind = "accuracy", amount = "mae" }\n',
    x=a,
    **{"y.kind": kind, "y.amount": amount},
)


def dense(inputs: int, *parts) -> keras.Model:
    return keras.Sequential([keras.Input((inputs,)), layers.Dense(16, activation="relu"), *parts])


numbers = (2 * a[:, 0] + a[:, 1] ** 2).astype(np.float32)
for metric in ("mae", "mse"):
    entry = f'metric = "{metric}"\n'
    project(metric, dense(6, layers.Dense(1)), "mse", a, numbers, entry, 15, x=a, y=numbers)
project("sigmoid", dense(6, layers.Dense(1, activation="sigmoid")), "binary_crossentropy", a, kind, x=a, y=kind)
project("unlabelled", dense(6, layers.Dense(2, activation="softmax")), CLASSES, a, kind, x=a)

pictures = rng.integers(0, 120, (SEVERAL, 12, 12, 3))
red = rng.integers(0, 2, SEVERAL)
pictures[red == 1, :, :, 0] += 60
pictures[red == 0, :, :, 1] += 60


def of_pictures(*parts) -> keras.Model:
    start = [keras.Input((12, 12, 3)), layers.Rescaling(1 / 255)]
    return keras.Sequential([*start, *parts, layers.Dense(2, activation="softmax")])


place = project(
    "folders",
    of_pictures(layers.Conv2D(8, 3, activation="relu"), layers.Flatten()),
    CLASSES,
    pictures.astype(np.float32),
    red,
)
for number, (picture, is_red) in enumerate(zip(pictures, red, strict=True)):
    at = place / "photos" / ("red" if is_red else "green")
    at.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.astype(np.uint8)).save(at / f"{number}.png")

x = inputs = keras.Input((12, 12, 3))
x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(layers.Rescaling(1 / 255)(x))
for number in range(9):
    part = layers.Conv2D(6, 3, padding="same", activation="relu", name=f"in{number}")(x)
    x = layers.ReLU()(x + layers.Conv2D(8, 1, name=f"out{number}")(part))
deep = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
project("residual", deep, CLASSES, pictures.astype(np.float32), red, x=pictures.astype(np.float32), y=red)
project(
    "depthwise",
    of_pictures(
        layers.Conv2D(8, 3, activation="relu"),
        layers.DepthwiseConv2D(3, activation="relu"),
        layers.Conv2D(12, 1, activation="relu"),
        layers.GlobalAveragePooling2D(),
    ),
    CLASSES,
    pictures.astype(np.float32),
    red,
    x=pictures.astype(np.float32),
    y=red,
)
