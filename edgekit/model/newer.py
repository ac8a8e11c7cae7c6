"""Files of a newer Keras than the installed one: settings that it does not know are dropped where they say nothing."""

from __future__ import annotations

import copy
import inspect
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model.container import Container, layer_name, objects


def older_copy(path: Path, container: Container, place: Path) -> list[str]:
    """Writes a copy of a Keras 3 file that the installed Keras can read.

    Args:
      path: `.keras` archive or HDF5 file.
      place: of the copy, of the same ending.

    Returns:
      what was dropped, as "layer or initializer: setting"; empty where all are known, and then there is no copy.

    Raises:
      ModelError: a setting that is not known has a value that means something.
    """
    config, dropped = copy.deepcopy(container.config), []
    for part in objects(config):
        known, settings = _known(part["class_name"]), part.get("config")
        if not known or not isinstance(settings, dict):
            continue
        unknown = {name: settings.pop(name) for name in set(settings) - known}
        off = [name for name, value in unknown.items() if value in (None, False, "", [], {})]
        for name, value in sorted(unknown.items()):
            # What a switch that is off would use, as renorm = false and renorm_momentum = 0.99, says nothing either.
            if name not in off and not any(name.startswith(f"{switch}_") for switch in off):
                raise ModelError(
                    f"{path}: {layer_name(part)!r} has {name} = {value!r}, which the installed Keras does not know; "
                    f"install Keras {container.keras_version}, which wrote it, or save the model without it"
                )
            dropped.append(f"{layer_name(part)}: {name}")
    if dropped:
        copy_with(path, container, config, place)
    return dropped


def copy_with(path: Path, container: Container, config: dict[str, Any], place: Path) -> None:
    """Writes a copy of a file with another architecture."""
    if container.format == "keras":
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(place, "w") as new:
            for member in old.infolist():
                content = json.dumps(config) if member.filename == "config.json" else old.read(member)
                new.writestr(member, content)
        return
    import h5py

    shutil.copyfile(path, place)
    with h5py.File(place, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)


def _known(kind: str) -> set[str]:
    """The settings that the installed Keras knows of a class; empty where it does not know the class."""
    import keras

    places = (keras.layers, keras.initializers, keras.regularizers, keras.constraints)
    cls = next((found for place in places if isinstance(found := getattr(place, kind, None), type)), None)
    if cls is None:
        return set()
    # The base class of layers takes these by other names.
    known = {"name", "trainable", "dtype", "autocast", "batch_shape", "batch_input_shape", "input_shape"}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            known |= set(inspect.signature(vars(base)["__init__"]).parameters) if base is not object else set()
    return known
