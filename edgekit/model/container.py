"""What a model file is, told from its content; nothing in it is executed."""

from __future__ import annotations

import io
import json
import math
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from edgekit.errors import ModelError
from edgekit.files import near
from edgekit.model.hdf5 import check_hdf5, most

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
CONFIG_LIMIT = 16 << 20
"""Bytes of the largest architecture that is read."""

SIZES = ("units", "filters", "input_dim", "output_dim", "key_dim", "num_heads")
"""Settings of layers of which a product is the least number of weights."""
INPUT_LIMIT = 1 << 28
"""Bytes of the largest input."""
ADVICE = "check --model, or the path in pyproject.toml"
WEIGHTS = "model.weights.h5"
MEMBERS = ("config.json", "metadata.json", WEIGHTS)
"""Of an archive, besides the folder of assets (vocabularies)."""
ENCRYPTED = 0x1

Format = Literal["hdf5", "keras", "saved_model", "tflite"]


class Container(Struct, frozen=True):
    """A model file as it describes itself."""

    format: Format
    """`keras` is the zip archive of Keras 2.12 and later."""
    keras_version: str
    """As written in the file; `unknown` where it says nothing."""
    config: dict[str, Any]
    """The model's architecture, without what it and the models in it were compiled with; empty for a graph."""
    stored: int = 0
    """Bytes of the weights in the file."""
    changed: bool = False
    """Whether a model inside brought what it was compiled with, so that the file is not to be loaded as it is."""
    saved: str = ""
    """When it was saved, such as `2026-11-24 01:45:09`, where the file says so."""

    @property
    def major(self) -> int:
        """2 for everything before Keras 3."""
        return 3 if self.keras_version.startswith("3") else 2


def identify(path: Path) -> Container:
    """Reads what a model file says of itself, without loading the model.

    Raises:
      ModelError: the file is missing, empty, truncated, or not a model.
    """
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Container("saved_model", "unknown", {})
        raise ModelError(f"{path}: a folder without saved_model.pb; give a Keras file, a SavedModel or a .tflite")
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model file; {near(path, ADVICE)}") from None
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None
    if not head:
        raise ModelError(f"{path}: the file is empty; save the model again")
    if head.startswith(ZIP) or head == HDF5:
        _check_one_format(path)
        return _from_zip(path) if head.startswith(ZIP) else _from_hdf5(path)
    if head[4:] == b"TFL3":
        return Container("tflite", "unknown", {})
    raise ModelError(f"{path}: not a Keras file (neither HDF5 nor a .keras archive); write it with model.save()")


def objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object with a class in an architecture: layers, nested and wrapped ones, initializers, functions."""
    pending = [config]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if isinstance(node.get("class_name"), str):
                yield node
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def layers(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The layers of an architecture, those of nested models and inside wrappers included."""
    inner = config.get("config")
    listed = inner if isinstance(inner, list) else []  # a sequential model of Keras 1 and early Keras 2
    if isinstance(inner, dict):
        listed = list(found) if isinstance(found := inner.get("layers"), list) else []
        listed += [inner[key] for key in ("layer", "cell", "forward_layer", "backward_layer") if key in inner]
        listed += cells if isinstance(cells := inner.get("cells"), list) else []
    for layer in listed:
        if isinstance(layer, dict) and isinstance(layer.get("class_name"), str):
            yield layer
            yield from layers(layer)


def layer_name(layer: dict[str, Any]) -> str:
    """The name of a layer in an architecture."""
    inner = layer.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return str(name or layer.get("name") or layer["class_name"])


def _check_one_format(path: Path) -> None:
    """Refuses a file that is an archive and HDF5 at once: Keras could open the one that was not looked at."""
    import h5py

    if zipfile.is_zipfile(path) and h5py.is_hdf5(path):
        raise ModelError(f"{path}: both a .keras archive and an HDF5 file; save the model again")


def _check_claims(path: Path, config: dict[str, Any]) -> None:
    """Refuses layers that have far more weights, alone or together, than their file can hold, before any are made."""
    left, batch = most(path.stat().st_size), 1
    for layer in layers(config):
        inner = layer.get("config")
        if not isinstance(inner, dict):
            continue
        shape = inner.get("batch_shape") or inner.get("batch_input_shape")
        known = [size for size in shape if isinstance(size, int) and size > 0] if isinstance(shape, list) else []
        if 4 * math.prod(known) > INPUT_LIMIT:
            raise ModelError(f"{path}: input {layer_name(layer)!r} would take {4 * math.prod(known):,} B; not opened")
        if known and isinstance(shape, list) and isinstance(shape[0], int):
            batch = max(batch, shape[0])
        kernel = inner.get("kernel_size")
        sizes = [inner.get(key) for key in SIZES] + (kernel if isinstance(kernel, list) else [kernel])
        counts = [size for size in sizes if isinstance(size, int) and size > 0]
        claim = 4 * math.prod(counts) * (batch if inner.get("stateful") else 1) if counts else 0
        left -= claim
        if left < 0:
            name = layer_name(layer)
            raise ModelError(f"{path}: layer {name!r} would take {claim:,} B or more, which the file lacks; not opened")


def _parse(text: str | bytes) -> Any:
    """JSON in which each key stands once: of two, a reader may take either.

    Raises:
      ValueError: it is no JSON, or has a key twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def _uncompiled(config: dict[str, Any]) -> bool:
    """Takes out what a model and the models in it were compiled with; whether there was some inside."""
    config.pop("compile_config", None)
    inside = [found for found in objects(config) if "compile_config" in found]
    for found in inside:
        del found["compile_config"]
    return bool(inside)


def _from_zip(path: Path) -> Container:
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            _check_members(path, archive.infolist())
            stored = 0
            if "config.json" not in members:
                raise ModelError(f"{path}: an archive, but not of Keras (no config.json); write it with model.save()")
            config = _parse(archive.read("config.json"))
            metadata = _parse(archive.read("metadata.json")) if "metadata.json" in members else {}
            if WEIGHTS in members:
                with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as weights:
                    stored = check_hdf5(path, weights)
    except (ValueError, RecursionError, MemoryError):
        raise ModelError(f"{path}: its config.json is not valid; save the model again") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, KeyError, NotImplementedError):
        raise ModelError(f"{path}: truncated or damaged archive; copy or save the model again") from None
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise ModelError(f"{path}: its config.json is no model; save the model again")
    changed = _uncompiled(config)
    _check_claims(path, config)
    saved = str(metadata.get("date_saved", "")).replace("@", " ")
    saved = saved if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", saved, re.ASCII) else ""
    return Container("keras", _version(metadata.get("keras_version")), config, stored, changed, saved)


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    left = most(path.stat().st_size)
    names: set[str] = set()
    for member in members:
        name, parts = member.filename, Path(member.filename).parts
        left -= member.file_size
        if name.startswith(("/", "\\")) or ".." in parts or (parts and ":" in parts[0]):
            raise ModelError(f"{path}: its entry {name!r} leaves the archive's folder; not opened")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ModelError(f"{path}: its entry {name!r} is a link; not opened")
        if left < 0 or (name.endswith(".json") and member.file_size > CONFIG_LIMIT):
            raise ModelError(f"{path}: its entry {name!r} would take {member.file_size:,} B; not opened")
        plain = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not member.flag_bits & ENCRYPTED
        if not plain or not (name in MEMBERS or parts[:1] == ("assets",)) or name.endswith((".npz", ".pkl", ".pickle")):
            raise ModelError(
                f"{path}: an archive that is not of Keras: its entry {name!r} is nothing that model.save() writes"
            )
        if name in names:
            raise ModelError(f"{path}: holds the entry {name!r} twice; save the model again")
        names.add(name)


def _from_hdf5(path: Path) -> Container:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            stored = check_hdf5(path, file)
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
            weights_only = "layer_names" in file.attrs or "layers" in file
    except (OSError, RuntimeError, KeyError, ValueError):
        raise ModelError(f"{path}: truncated or damaged HDF5 file; copy or save the model again") from None
    if config is None:
        what = "weights without an architecture" if weights_only else "HDF5, but not of Keras"
        raise ModelError(f"{path}: {what}; save the whole model with model.save()")
    if isinstance(config, (str, bytes)) and len(config) > CONFIG_LIMIT:
        raise ModelError(f"{path}: its model_config would take {len(config):,} B; not opened")
    try:
        # As Keras does: JSON in bytes could be UTF-16 too.
        parsed = _parse(config.decode() if isinstance(config, bytes) else config)
    except (ValueError, RecursionError, TypeError, MemoryError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ModelError(f"{path}: its model_config is not valid; save the model again")
    changed = _uncompiled(parsed)
    _check_claims(path, parsed)
    return Container("hdf5", _version(version), parsed, stored, changed)


def _version(text: Any) -> str:
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return text if re.fullmatch(r"\d+(\.\d+)*[\w.+-]*", text) else "unknown"
