"""Trains denoise.keras: `python train.py`, a minute of processor time. It sees no photograph of `held_out`."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras

from pictures import TILE, dataset, noisy, photographs
from quality import psnr

MODEL = Path(__file__).resolve().parent / "denoise.keras"
CHANNELS, LAYERS = 32, 5
PATCH, BATCH, STEPS = 48, 8, 1600
SEED = 1


def network(height: int | None, width: int | None) -> tf_keras.Model:
    """Noisy pixels from 0 to 1 to clean ones: what is added to a pixel is computed at half of the resolution.

    Source: Zhang et al. 2018, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image Denoising", where the
    resolution is halved likewise; the difference as output is of Zhang et al. 2017, "Beyond a Gaussian Denoiser".
    """
    layers = tf_keras.layers
    given = layers.Input((height, width, 3), name="noisy")
    made = layers.Conv2D(CHANNELS, 2, strides=2, activation="relu", name="halve")(given)
    for number in range(LAYERS):
        made = layers.Conv2D(CHANNELS, 3, padding="same", activation="relu", name=f"filter_{number}")(made)
    made = layers.Conv2DTranspose(3, 2, strides=2, name="double")(made)
    made = layers.Add(name="difference")([given, made])
    return tf_keras.Model(given, layers.ReLU(max_value=1, name="clean")(made), name="denoise")


def start_as_blur(net: tf_keras.Model, deviation: float = 1.2) -> None:
    """Weights with which the model is nearly a Gaussian blur; from random ones it learns too slowly.

    Channels 0 to 11 pass on the 2x2x3 pixels of each cell, 12 to 23 the blurred ones: `double` takes the difference.
    """
    rng = np.random.default_rng(SEED)
    pixels = 12
    halve, double = (net.get_layer(name) for name in ("halve", "double"))
    kernel, bias = halve.get_weights()
    kernel[..., :pixels] = np.eye(pixels).reshape(2, 2, 3, pixels)
    halve.set_weights([kernel, bias])
    for number in range(LAYERS):
        layer = net.get_layer(f"filter_{number}")
        kernel, bias = layer.get_weights()
        kernel = rng.normal(0, 0.01, kernel.shape).astype(np.float32)
        for channel in range(2 * pixels):
            kernel[1, 1, channel, channel] += number > 0 or channel < pixels
        if number == 0:
            kernel[:, :, :pixels, pixels : 2 * pixels] += _blur(deviation)
        layer.set_weights([kernel, bias])
    kernel, bias = double.get_weights()
    kernel[:] = 0
    cells = np.eye(pixels).reshape(2, 2, 3, pixels)
    kernel[..., :pixels], kernel[..., pixels : 2 * pixels] = -cells, cells
    double.set_weights([kernel, bias])


def _blur(deviation: float) -> np.ndarray:
    """A Gaussian of 6x6 pixels between the pixels of cells, (3, 3, 12, 12)."""
    made = np.zeros((3, 3, 12, 12), np.float32)
    for to, (row, column, colour) in enumerate(np.ndindex(2, 2, 3)):
        for dy, dx, (of, (y, x, c)) in itertools.product(range(3), range(3), enumerate(np.ndindex(2, 2, 3))):
            apart = (2 * (dy - 1) + y - row) ** 2 + (2 * (dx - 1) + x - column) ** 2
            made[dy, dx, of, to] = np.exp(-apart / (2 * deviation**2)) * (c == colour)
    return made / made.sum(axis=(0, 1, 2))


def examples(pictures: list[np.ndarray], rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of noisy and clean patches without end: turned, mirrored, darkened, with channels swapped."""
    while True:
        clean = np.empty((BATCH, PATCH, PATCH, 3), np.uint8)
        for patch in clean:
            picture = pictures[rng.integers(len(pictures))]
            row, column = (rng.integers(0, size - PATCH + 1) for size in picture.shape[:2])
            cut = np.rot90(picture[row : row + PATCH, column : column + PATCH], rng.integers(4))
            patch[:] = cut[:: rng.choice([-1, 1])][..., rng.permutation(3)] * rng.uniform(0.5, 1)
        yield noisy(clean, rng).astype(np.float32) / 255, clean.astype(np.float32) / 255


def main() -> None:
    """Trains, saves, and says how good the model is on photographs that it never saw."""
    tf_keras.utils.set_random_seed(SEED)
    net = network(None, None)
    start_as_blur(net)
    rate = tf_keras.optimizers.schedules.CosineDecay(5e-4, STEPS)
    trained = tf_keras.Model(net.input, net.get_layer("difference").output)  # a pixel cut off at 0 or 1 teaches nothing
    trained.compile(tf_keras.optimizers.Adam(rate), "mse")
    pictures = list(photographs("train").values())
    started = time.process_time()
    trained.fit(examples(pictures, np.random.default_rng(SEED)), steps_per_epoch=STEPS // 32, epochs=32, verbose=2)
    model = network(TILE, TILE)
    model.set_weights(net.get_weights())
    model.save(MODEL)
    data = dataset()
    made = model.predict(data["x_test"].astype(np.float32) / 255, verbose=0)
    print(f"{time.process_time() - started:.0f} s of processor time; {psnr(data['y_test'], made):.2f} dB, never seen")


if __name__ == "__main__":
    main()
