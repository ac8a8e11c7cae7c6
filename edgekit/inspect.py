"""What is in a model file, told without executing any of it and without importing TensorFlow."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

from edgekit.emit.resolver import BUILTIN, CUSTOM
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, read
from edgekit.model.container import Container, identify, layer_name
from edgekit.store import sha256
from edgekit.types import TensorSpec

LITERT_CUSTOM = {"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"}
"""Custom operators that LiteRT and `tflite-runtime` bring along (`tensorflow/lite/core/kernels/register.cc`)."""


class Part(Struct, frozen=True):
    """A layer of a Keras model, or an operator of a `.tflite`."""

    name: str
    """The layer's name; of an operator, the name of its first output."""
    kind: str
    """Class of the layer, or the operator with its version."""
    output: str
    """Type and shape of the output, where the file says it."""
    parameters: int
    macs: int | None = None


class Inspection(Struct, frozen=True):
    """A model file."""

    path: str
    format: str
    bytes: int
    sha256: str
    inputs: tuple[TensorSpec, ...]
    """A dimension that is open is -1."""
    outputs: tuple[TensorSpec, ...]
    parameters: int
    parts: list[Part]
    macs: int | None = None
    kinds: dict[str, int] = {}
    """How many parts of each kind there are."""
    lacking: dict[str, list[str]] = {}
    """For each runtime the operators of a `.tflite` that it has no kernel for."""


def inspect_file(path: str) -> Inspection:
    """Looks inside a Keras file or a `.tflite`.

    Raises:
      ModelError: the file is neither, or is damaged.
    """
    file = Path(path)
    if file.is_dir():
        raise ModelError(f"{path}: a folder; give a Keras file or a .tflite, such as build makes of a SavedModel")
    try:
        with file.open("rb") as opened:
            head = opened.read(8)
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read ({problem.strerror}); check the path") from None
    if head[4:] == b"TFL3":
        return _tflite(file, read(file))
    return _keras(file, identify(file))


def _tflite(path: Path, graph: Graph) -> Inspection:
    parts = []
    for operator in graph.operators:
        made = graph.tensors[operator.outputs[0]] if operator.outputs else None
        weights = [graph.tensors[i] for i in operator.inputs if i >= 0 and graph.tensors[i].bytes]
        size = sum(_elements(t.shape) for t in weights if t.scales or t.dtype.startswith(("float", "bfloat")))
        shape = f"{made.dtype} {_shape(made.shape)}" if made else ""
        name = made.name if made else ""
        parts.append(Part(name, f"{operator.name} v{operator.version}", shape, size, operator.macs))
    return Inspection(
        str(path),
        f"tflite {graph.version}",
        graph.bytes,
        graph.sha256,
        graph.inputs,
        graph.outputs,
        graph.parameters,
        parts,
        graph.macs,
        dict(Counter(operator.name for operator in graph.operators)),
        _lacking(graph),
    )


def _lacking(graph: Graph) -> dict[str, list[str]]:
    used = {(operator.name, operator.custom) for operator in graph.operators}
    others = sorted(name for name, custom in used if custom and name not in LITERT_CUSTOM)
    without = sorted(name for name, custom in used if name not in (CUSTOM if custom else BUILTIN))
    return {"litert": others, "tflite-runtime": others, "tflm": without}


def _keras(path: Path, container: Container) -> Inspection:
    counts = _weights(path, container)
    config = container.config.get("config")
    listed = config.get("layers") if isinstance(config, dict) else config
    listed = [x for x in listed if isinstance(x, dict) and "class_name" in x] if isinstance(listed, list) else []
    parts = [
        Part(layer_name(layer), str(layer["class_name"]), "", counts.get(layer_name(layer), 0)) for layer in listed
    ]
    inputs = tuple(spec for layer in listed if (spec := _input(layer)))
    return Inspection(
        str(path),
        f"{container.format} {container.keras_version}",
        path.stat().st_size,
        sha256(path),
        inputs,
        (),
        sum(counts.values()),
        parts,
        kinds=dict(Counter(part.kind for part in parts)),
    )


def _weights(path: Path, container: Container) -> dict[str, int]:
    """Parameters by layer, from the shapes of the stored weights."""
    import h5py

    counts: Counter[str] = Counter()
    try:
        if container.format == "hdf5":
            with h5py.File(path, "r") as file:
                weights = file.get("model_weights", file)
                weights.visititems(lambda name, item: _count(counts, name.split("/")[0], item))
        else:
            with (
                zipfile.ZipFile(path) as archive,
                archive.open("model.weights.h5") as stored,
                h5py.File(stored) as file,
            ):
                file.visititems(lambda name, item: _count(counts, _keras_layer(file, name), item))
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile):
        raise ModelError(f"{path}: its weights are truncated or damaged; copy or save the model again") from None
    return dict(counts)


def _keras_layer(file: Any, name: str) -> str:
    """The layer of the outer model that `layers/conv2d/…` in `model.weights.h5` belongs to; optimizers have none."""
    parts = name.split("/")
    if ("layers" not in parts[0] and "_layer" not in parts[0]) or len(parts) < 3:
        return ""
    stored = file.get(f"{parts[0]}/{parts[1]}/vars")
    return str((stored is not None and stored.attrs.get("name")) or parts[1])


def _count(counts: Counter[str], layer: str, item: Any) -> None:
    if layer and hasattr(item, "shape"):
        counts[layer] += _elements(item.shape)


def _input(layer: dict[str, Any]) -> TensorSpec | None:
    config = layer.get("config")
    if not isinstance(config, dict):
        return None
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list):
        return None
    dtype = config.get("dtype")
    return TensorSpec(layer_name(layer), tuple(-1 if n is None else n for n in shape), str(dtype or "float32"))


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for dimension in shape:
        product *= dimension
    return product


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
