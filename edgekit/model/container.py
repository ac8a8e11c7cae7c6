"""What a model file is, told from its content; nothing in it is executed."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from edgekit.errors import ModelError

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"


class Container(Struct, frozen=True):
    """A Keras file as it describes itself."""

    format: str
    """`hdf5` or `keras` (the zip archive of Keras 2.12 and later)."""
    keras_version: str
    """As written in the file; `unknown` where it says nothing."""
    config: dict[str, Any]
    """The model's architecture."""

    @property
    def major(self) -> int:
        """2 for everything before Keras 3."""
        return 3 if self.keras_version.startswith("3") else 2


def identify(path: Path) -> Container:
    """Reads what a Keras file says of itself, without loading the model.

    Raises:
      ModelError: the file is missing, empty, truncated, not a Keras model, or holds code.
    """
    if path.is_dir():
        raise ModelError(f"{path}: a folder; build takes .keras and .h5 files: write one with model.save()")
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model file; check --model, or the path in pyproject.toml") from None
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None
    if not head:
        raise ModelError(f"{path}: the file is empty; save the model again")
    if head.startswith(ZIP):
        container = _from_zip(path)
    elif head == HDF5:
        container = _from_hdf5(path)
    elif head[4:] == b"TFL3":
        raise ModelError(f"{path}: already a TensorFlow Lite file; build takes Keras files (bench and carray take it)")
    else:
        raise ModelError(f"{path}: not a Keras file (neither HDF5 nor a .keras archive); write it with model.save()")
    for layer in layers(container.config):
        if layer["class_name"] in ("Lambda", "__lambda__"):
            raise ModelError(
                f"{path}: layer {layer_name(layer)!r} is a Lambda, which is Python code inside the file; "
                "edgekit runs no code from a model: replace it by a layer of Keras"
            )
    return container


def layers(config: Any) -> Iterator[dict[str, Any]]:
    """Every object with a class in an architecture, nested and wrapped ones included."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from layers(value)


def layer_name(layer: dict[str, Any]) -> str:
    """The name of a layer in an architecture."""
    inner = layer.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return str(name or layer.get("name") or layer["class_name"])


def _from_zip(path: Path) -> Container:
    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise ModelError(f"{path}: an archive, but not of Keras (no config.json); write it with model.save()")
            config = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in archive.namelist() else {}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError):
        raise ModelError(f"{path}: truncated or damaged archive; copy or save the model again") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path}: its config.json is not valid; save the model again") from None
    return Container("keras", _version(metadata.get("keras_version")), config)


def _from_hdf5(path: Path) -> Container:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
            weights_only = "layer_names" in file.attrs or "layers" in file
    except (OSError, RuntimeError, KeyError):
        raise ModelError(f"{path}: truncated or damaged HDF5 file; copy or save the model again") from None
    if config is None:
        what = "weights without an architecture" if weights_only else "HDF5, but not of Keras"
        raise ModelError(f"{path}: {what}; save the whole model with model.save()")
    try:
        return Container("hdf5", _version(version), json.loads(config))
    except (ValueError, RecursionError):
        raise ModelError(f"{path}: its model_config is not valid; save the model again") from None


def _version(text: Any) -> str:
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return text if re.fullmatch(r"\d+(\.\d+)*[\w.+-]*", text) else "unknown"
