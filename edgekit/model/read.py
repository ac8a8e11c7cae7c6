"""Reading a Keras file of any version into a `tf_keras` model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model.container import Container, identify, layer_name, layers
from edgekit.model.rebuild import rebuild
from edgekit.types import ModelFacts, TensorSpec

NORMAL = "model.h5"
"""Name of the one form: HDF5, whose bytes depend on the model alone."""


def load_file(model: str, folder: str) -> ModelFacts:
    """Reads a Keras file and writes it to `folder` in the one form that the stages take.

    Raises:
      ModelError: the file is not a Keras model, or holds what cannot be built.
    """
    path = Path(model)
    container = identify(path)
    loaded = read(path, container)
    facts = ModelFacts(
        f"{container.format} {container.keras_version}",
        tuple(_spec(t, path) for t in loaded.inputs),
        tuple(_spec(t, path) for t in loaded.outputs),
        len(loaded.layers),
        loaded.count_params(),
    )
    save(loaded, Path(folder) / NORMAL)
    return facts


def read(path: Path, container: Container) -> Any:
    """The `tf_keras` model in a Keras file; the library that wrote the file is tried first.

    Raises:
      ModelError: neither library reads it.
    """
    ways = [_with_keras_3, _with_keras_2] if container.major == 3 else [_with_keras_2, _with_keras_3]
    problems = []
    for way in ways:
        try:
            return way(path)
        except ModelError:
            raise
        except Exception as problem:
            print(f"{way.__name__}: {problem!r}")
            problems.append(problem)
    for layer in layers(container.config):
        if not _known(layer):
            raise ModelError(
                f"{path}: layer {layer_name(layer)!r} is of the class {layer['class_name']!r}, which Keras does not "
                "know; build the model from layers of Keras"
            )
    first = " ".join(str(problems[0]).split())[:200]
    raise ModelError(f"{path}: Keras cannot load it: {first}")


def save(model: Any, path: Path) -> None:
    """Writes a `tf_keras` model without optimizer; the same model gives the same bytes."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HDF5 is on purpose: a .keras archive holds the date
        model.save(path, include_optimizer=False, save_format="h5")


def open_normal(path: str) -> Any:
    """Opens what `save` wrote."""
    import tf_keras

    return tf_keras.models.load_model(path, compile=False)


def _with_keras_2(path: Path) -> Any:
    import tf_keras

    return tf_keras.models.load_model(path, compile=False, safe_mode=True)


def _with_keras_3(path: Path) -> Any:
    import keras

    return rebuild(keras.saving.load_model(path, compile=False, safe_mode=True), path)


def _spec(tensor: Any, path: Path) -> TensorSpec:
    shape = tuple(tensor.shape)
    if None in shape[1:]:
        named = "x".join("?" if n is None else str(n) for n in shape[1:])
        raise ModelError(f"{path}: {tensor.name!r} has an open size ({named}); save the model with a fixed input shape")
    return TensorSpec(tensor.name.split(":")[0], (1, *shape[1:]), tensor.dtype.name)


def _known(layer: dict[str, Any]) -> bool:
    """Whether one of the libraries has the class of a layer (or other object) in an architecture."""
    import keras
    import tf_keras

    name, module = layer["class_name"], str(layer.get("module") or "keras")
    if ">" in str(layer.get("registered_name") or "") or not module.startswith(("keras", "tf_keras", "builtins")):
        return False
    is_layer = "config" in layer and ("inbound_nodes" in layer or "name" in (layer["config"] or {}))
    return not is_layer or any(
        hasattr(place, name) for lib in (keras, tf_keras) for place in (lib.layers, lib.models, lib)
    )
