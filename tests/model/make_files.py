"""Makes the small models in `files/` with Keras versions of six years, each in an environment that is thrown away.

    python tests/model/make_files.py                  all versions; about 15 minutes, 2 GB at a time
    python tests/model/make_files.py keras-3.0.5      one of them

It needs the interpreters that a version runs on, as python3.9 and python3.11 on the PATH. Each file comes with
NAME.npz: inputs, and what the library that wrote the file answered. The same file, run with `--inside`, makes them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = Path(__file__).parent / "files"
VERSIONS = {
    "keras-2.5": ("python3.9", ["tensorflow-cpu==2.5.3", "protobuf<3.21", "numpy<1.20"]),
    "keras-2.8": ("python3.9", ["tensorflow-cpu==2.8.4", "protobuf<3.21", "numpy<1.24"]),
    "keras-2.12": ("python3.11", ["tensorflow-cpu==2.12.1", "numpy<1.24"]),
    "keras-2.15": ("python3.11", ["tensorflow-cpu==2.15.1", "numpy<2"]),
    "keras-3.0.5": ("python3.11", ["tensorflow-cpu==2.16.2", "keras==3.0.5", "numpy<2"]),
    "keras-3.3.3": ("python3.11", ["tensorflow-cpu==2.16.2", "keras==3.3.3", "numpy<2"]),
    "keras-3.6.0": ("python3.11", ["tensorflow-cpu==2.16.2", "keras==3.6.0", "numpy<2"]),
    "keras-3.9.2": ("python3.11", ["tensorflow-cpu==2.18.1", "keras==3.9.2", "numpy<2"]),
    "keras-3.15": ("python3.11", ["tensorflow-cpu==2.21.0", "keras>=3.15,<3.16", "numpy<2"]),
}
"""Interpreter and packages of each."""


def main() -> None:
    """Makes an environment for each version and runs this file in it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("versions", nargs="*", default=list(VERSIONS), help=f"of {', '.join(VERSIONS)}")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return make(Path(arguments.inside))
    for version in arguments.versions:
        python, packages = VERSIONS[version]
        interpreter = shutil.which(python)
        if interpreter is None:
            sys.exit(f"{python} is not on the PATH; {version} needs it")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([interpreter, "-m", "venv", folder], check=True)
            inside = Path(folder) / "bin/python"
            subprocess.run([inside, "-m", "pip", "install", "-q", *packages], check=True)
            place = FILES / version
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            subprocess.run([inside, __file__, "--inside", place], check=True)
        print(version, sum(f.stat().st_size for f in place.iterdir()), "B", flush=True)


def make(place: Path) -> None:
    """Writes three models in every container that this Keras writes."""
    import numpy as np

    try:
        import keras

        version = tuple(map(int, keras.__version__.split(".")[:2]))
    except ImportError:
        version = (2, 5)  # then a part of TensorFlow
    if version < (3,):
        from tensorflow import keras
    rng = np.random.RandomState(1)
    for name, model in models(keras).items():
        model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
        x = [
            rng.randint(0, 20, (4, *t.shape[1:])) if "token" in t.name else rng.uniform(0, 1, (4, *t.shape[1:]))
            for t in model.inputs
        ]
        x = [a.astype("float32") for a in x]
        answers = model.predict(x if len(x) > 1 else x[0], verbose=0)
        np.savez_compressed(place / name, answers=answers, **{f"x{i}": a for i, a in enumerate(x)})
        model.save(str(place / f"{name}.h5"))
        if version >= (2, 12):
            model.save(str(place / f"{name}.keras"))


def models(keras):
    """A CNN with two inputs, a recurrent model, and one with a model inside that is shared."""
    layers = keras.layers
    left, right = keras.Input((12, 12, 2), name="left"), keras.Input((12, 12, 2), name="right")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="conv")(left))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(layers.ReLU(6.0, name="relu")(x))
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 1, name="side")(right)])
    x = layers.GlobalAveragePooling2D(name="pool")(layers.MaxPooling2D(name="max")(x))
    cnn = keras.Model([left, right], layers.Dense(3, activation="softmax", name="class")(x), name="cnn")

    recurrent = keras.Sequential(
        [
            keras.Input((6,), name="tokens"),
            layers.Embedding(20, 4, name="embedding"),
            layers.LSTM(5, return_sequences=True, name="lstm"),
            layers.GRU(4, name="gru"),
            layers.Dense(2, name="out"),
        ],
        name="recurrent",
    )

    inner = keras.Sequential(
        [keras.Input((8,), name="row"), layers.Dense(6, activation="relu", name="hidden")], name="inner"
    )
    shared = layers.Dense(4, activation="tanh", name="shared")
    first, second = keras.Input((8,), name="first"), keras.Input((8,), name="second")
    both = layers.Concatenate(name="both")([shared(inner(first)), shared(inner(second))])
    nested = keras.Model([first, second], layers.Dense(2, name="end")(both), name="nested")
    return {"cnn": cnn, "recurrent": recurrent, "nested": nested}


if __name__ == "__main__":
    main()
