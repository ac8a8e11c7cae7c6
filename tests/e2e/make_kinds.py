"""Writes models of several kinds with few samples each: a text, a regression, and photos whose classes are swapped.

python make_kinds.py FOLDER
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


def trained(name: str, model: keras.Model, loss: str, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    (folder / name).mkdir()
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(x, y, epochs=epochs, verbose=0)
    model.save(folder / name / "net.keras")


words = rng.integers(1, 40, (600, 12)).astype(np.int32)
above = (words.mean(axis=1) > 20).astype(int)
tokens = keras.Input((12,), dtype="int32")
sums = layers.GlobalAveragePooling1D()(layers.Embedding(40, 8)(tokens))
trained(
    "text",
    keras.Model(tokens, layers.Dense(2, activation="softmax")(sums)),
    "sparse_categorical_crossentropy",
    words,
    above,
    8,
)
np.savez(folder / "text/data.npz", x=words, y=above)

values = rng.normal(size=(800, 6)).astype(np.float32)
numbers = (2 * values[:, 0] + values[:, 1] ** 2).astype(np.float32)
net = [keras.Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(1)]
trained("regression", keras.Sequential(net), "mse", values, numbers, 15)
np.savez(folder / "regression/data.npz", x=values, y=numbers)

red = rng.integers(0, 2, 120)
photos = rng.integers(0, 120, (120, 16, 16, 3))
photos[red == 1, :, :, 0] += 60
photos[red == 0, :, :, 1] += 60
convolution = [
    keras.Input((16, 16, 3)),
    layers.Rescaling(1 / 255),
    layers.Conv2D(8, 3, activation="relu"),
    layers.Flatten(),
    layers.Dense(2, activation="softmax"),
]
trained(
    "swapped",
    keras.Sequential(convolution),
    "sparse_categorical_crossentropy",
    photos.astype(np.float32),
    1 - red,
    6,
)
for number, (photo, is_red) in enumerate(zip(photos, red, strict=True)):
    place = folder / "swapped/data" / ("red" if is_red else "green")
    place.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo.astype(np.uint8)).save(place / f"{number}.png")
