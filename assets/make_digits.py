"""Makes `digits.keras` and `digits.npz`: the reference model and its dataset.

    python assets/make_digits.py                       MNIST as Keras downloads it
    python assets/make_digits.py --mnist mnist.npz     a copy in the same layout

The model is trained on all 60,000 training images; the dataset is a stratified share of MNIST that fits a repository:
8,000 of the training images and 2,000 of the 10,000 test images, which the model has never seen.

The committed model was saved by the oldest Keras that edgekit runs with (that of Python 3.10): a newer one writes
settings that an older one refuses.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

SEED = 1
HERE = Path(__file__).parent


def reference_model() -> keras.Model:
    """A small CNN for 28x28 grey images, values 0 to 1: about 2.4 million multiply-accumulates."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def stratified(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `count` samples with as many of each class, in random order."""
    classes = np.unique(labels)
    picked = [rng.permutation(np.flatnonzero(labels == c))[: count // len(classes)] for c in classes]
    return rng.permutation(np.concatenate(picked))


def main() -> None:
    """Trains, evaluates, and writes both files beside this script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mnist", type=Path, help="a local mnist.npz in the layout of keras.datasets.mnist")
    mnist = parser.parse_args().mnist
    if mnist:
        with np.load(mnist) as data:
            x_train, y_train, x_test, y_test = (data[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    else:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()

    keras.utils.set_random_seed(SEED)
    model = reference_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train[..., None] / 255.0, y_train, batch_size=128, epochs=4, verbose=2)
    accuracy = model.evaluate(x_test[..., None] / 255.0, y_test, verbose=0)[1]
    print(f"accuracy on the 10,000 test images: {100 * accuracy:.2f} %")
    model.save(HERE / "digits.keras")

    rng = np.random.default_rng(SEED)
    train, test = stratified(y_train, 8000, rng), stratified(y_test, 2000, rng)
    np.savez_compressed(
        HERE / "digits.npz", x_train=x_train[train], y_train=y_train[train], x_test=x_test[test], y_test=y_test[test]
    )


if __name__ == "__main__":
    main()
