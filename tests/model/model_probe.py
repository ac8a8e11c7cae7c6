"""What the tests of loading ask of a worker, which imports TensorFlow."""

from pathlib import Path

import numpy as np

from edgekit.model.read import load_file
from edgekit.types import ModelFacts, Reading


def load(model: str, folder: str) -> ModelFacts:
    """Loads a model as a build does, and writes what it answers to the inputs in `MODEL.npz` to `answers.npy`."""
    import tf_keras

    facts = load_file.run(folder, model, Reading())
    [made] = Path(folder).iterdir()
    loaded = tf_keras.models.load_model(made, compile=False)
    with np.load(f"{model}.npz") as file:
        np.save(Path(folder) / "answers.npy", loaded(file["x"], training=False))
    return facts


def load_twice(model: str, folder: str) -> bool:
    """Whether loading a model again gives the same bytes."""
    folders = [Path(folder, name) for name in ("a", "b")]
    for place in folders:
        place.mkdir()
        load_file.run(str(place), model, Reading())
    made = [[p.read_bytes() for p in sorted(place.iterdir())] for place in folders]
    return made[0] == made[1]
