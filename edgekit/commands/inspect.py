"""What is in a model file, and what each target would make of it."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edgekit.compress.technique import Technique
from edgekit.engine import worker
from edgekit.engine.limits import Look, limits
from edgekit.errors import ModelError, WorkerError
from edgekit.files import sha256
from edgekit.flatbuffer.macs import elements
from edgekit.flatbuffer.names import read_named
from edgekit.flatbuffer.parts import operator_parts
from edgekit.flatbuffer.read import Graph
from edgekit.model.container import Container, identify, layer_name
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.console import print_table
from edgekit.report.text import printable, shown
from edgekit.runtimes.support import lacking, listed, supported
from edgekit.types import Part, Reading, Summary, TensorSpec
from edgekit.units import show


class Support(Struct, frozen=True):
    """What a target would make of a model, as far as it can be told before building."""

    target: str
    runtime: str
    """The one that ships, with its release."""
    lacking: list[str] | None
    """Operators that it has no kernel for; None where they are not known."""
    over: list[str]
    """Limits of the budget that the file breaks as it is."""
    left: dict[str, list[str]]
    """For each technique of the recipe the layers with weights that it cannot change."""


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
    parts: tuple[Part, ...]
    macs: int | None = None
    kinds: dict[str, int] = {}
    """How many parts of each kind there are."""
    lacking: dict[str, list[str]] = {}
    """For each runtime the operators that it has no kernel for."""
    targets: tuple[Support, ...] = ()
    notes: tuple[str, ...] = ()


def inspect(path: str, settings: Reading, targets: list[Target]) -> Inspection:
    """Looks inside a model file, in other processes. A Keras file that cannot be loaded is described from its text.

    Args:
      targets: to say what each would make of it.

    Raises:
      ModelError: the file is no model, or is damaged.
    """
    runtimes = dict(supported(name) for name in sorted(listed()))
    found = worker.call_confined(inspect_file, path, returns=Inspection, what=path, **limits(path, Look.READ))
    if not found.format.startswith("tflite"):
        try:
            techniques = {name: (kind.__module__, kind.__name__) for name, kind in by_layer().items()}
            arguments = (path, settings, runtimes, techniques)
            within = limits(path, Look.LOAD)
            summarize = "edgekit.analyze.summary:summarize"
            known = worker.call_confined(summarize, *arguments, returns=Summary, what=path, **within)
        except (ModelError, WorkerError) as problem:
            if not found.parts:
                raise
            found = replace(found, notes=(f"not loaded: {str(problem).removeprefix(f'{path}: ')}",))
        else:
            found = _loaded(found, known)
    return replace(found, targets=tuple(_support(found, target) for target in targets))


def by_layer() -> dict[str, type[Technique]]:
    """The techniques that change a model layer by layer, by their names."""
    return {name: kind for name, kind in Recipe.known().items() if kind.fits is not Technique.fits}


def _loaded(found: Inspection, known: Summary) -> Inspection:
    parts = known.parts or found.parts
    return replace(
        found,
        inputs=known.inputs or found.inputs,
        outputs=known.outputs,
        parameters=known.parameters,
        parts=parts,
        macs=known.macs,
        kinds=dict(Counter(part.kind for part in parts)),
        lacking=known.lacking,
        notes=known.notes,
    )


def _support(found: Inspection, target: Target) -> Support:
    ship = target.runtimes.ship
    runtime = supported(ship)[0] if ship in listed() else ship
    absolute = {name: limit for name, limit in target.budget.limits.items() if not limit.change}
    values = {"macs": found.macs, "model_size": found.bytes if found.format.startswith("tflite") else None}
    over = [
        f"{name} {show(value, unit)} of {show(limit, unit)}"
        for name, unit in (("model_size", "B"), ("macs", "1"))
        if (value := values[name]) is not None and (limit := absolute.get(name)) is not None and value > limit
    ]
    graph = found.format.startswith(("tflite", "saved_model"))
    layers = [] if graph else [part for part in found.parts if part.parameters and part.output]
    left = {
        technique: [p.name for p in layers if technique not in p.techniques and p.macs != 0]
        for technique in by_layer()
        if technique in target.recipe.techniques
    }
    return Support(target.name, runtime, found.lacking.get(runtime), over, {k: v for k, v in left.items() if v})


def inspect_file(path: str) -> Inspection:
    """Looks inside a model file without executing any of it and without TensorFlow.

    Raises:
      ModelError: it is no model, or is damaged.
    """
    file = Path(path)
    container = identify(file)
    if container.format == "tflite":
        return _tflite(file, read_named(file))
    if container.format == "saved_model":
        size = sum(part.stat().st_size for part in file.rglob("*") if part.is_file())
        return Inspection(path, "saved_model", size, sha256(file), (), (), 0, ())
    return _keras(file, container)


def _tflite(path: Path, graph: Graph) -> Inspection:
    return Inspection(
        str(path),
        f"tflite {graph.version}",
        graph.bytes,
        graph.sha256,
        graph.inputs,
        graph.outputs,
        graph.parameters,
        operator_parts(graph),
        graph.macs,
        dict(Counter(operator.name for operator in graph.operators)),
        {name: [str(lack) for lack in lacking(graph, kernels)] for name, kernels in map(supported, listed())},
    )


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
        tuple(parts),
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
        counts[layer] += elements(item.shape)


def _input(layer: dict[str, Any]) -> TensorSpec | None:
    config = layer.get("config")
    if not isinstance(config, dict):
        return None
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list):
        return None
    dtype = config.get("dtype")
    return TensorSpec(layer_name(layer), tuple(-1 if n is None else n for n in shape), str(dtype or "float32"))


@shown
def print_inspection(found: Inspection) -> None:
    """A model file: its ends, its parts, and their sums."""
    print(f"{found.path}: {found.format}, {show(found.bytes, 'B')} ({found.bytes:,} B), SHA-256 {found.sha256}")
    for word, specs in (("input", found.inputs), ("output", found.outputs)):
        for spec in specs:
            shape = "x".join("?" if n < 0 else str(n) for n in spec.shape)
            scale = f", scale {spec.scale:.9g}, zero point {spec.zero_point}" if spec.scale else ""
            print(f"{word:<7} {printable(spec.name)}: {spec.dtype} {shape}{scale}")
    rows = [
        [printable(p.name), p.kind, p.output, f"{p.parameters:,}", "" if p.macs is None else f"{p.macs:,}"]
        for p in found.parts
    ]
    total = "" if found.macs is None else f"{found.macs:,}"
    rows.append(["total", "", "", f"{found.parameters:,}", total])
    print_table(["name", "kind", "output", "parameters", "multiply-accumulates"], rows, right=(3, 4))
    for note in found.notes:
        print(f"note: {printable(note, 300)}")
    if found.targets:
        print()
        support = [[s.target, s.runtime, "; ".join(_words(s))] for s in found.targets]
        print_table(["target", "runtime", "what it would make of this model"], support)


def _words(found: Support) -> list[str]:
    said = ["operators not known"] if found.lacking is None else []
    if found.lacking:
        said = [f"no kernel for {', '.join(map(printable, found.lacking))}"]
    said += [f"over budget: {line}" for line in found.over]
    said += [f"{technique} leaves {', '.join(map(printable, names))}" for technique, names in found.left.items()]
    return said or ["runs it"]
