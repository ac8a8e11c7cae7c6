"""The layers of a model with what only its library knows: shapes, costs, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.flatbuffer.parts import operator_parts
from edgekit.flatbuffer.read import Graph, parse_graph
from edgekit.model.container import identify
from edgekit.model.custom import custom_scope, own_names
from edgekit.model.function import keras_3_function, keras_function, saved_model_function, to_tflite
from edgekit.model.layer_macs import layer_macs
from edgekit.model.read import read_model
from edgekit.model.shapes import parse_shapes
from edgekit.model.trust import check_trusted
from edgekit.runtimes.support import Kernels, lacking
from edgekit.types import FLOAT, Part, Reading, Summary, TensorSpec


def summarize(
    model: str, settings: Reading, runtimes: dict[str, Kernels], techniques: dict[str, tuple[str, str]]
) -> Summary:
    """Loads a model and describes it; its graph is converted to see which operators it needs.

    Args:
      model: a Keras file or a SavedModel.
      runtimes: what each has, by its name.
      techniques: module and class of those that change a model layer by layer, by their names.

    Raises:
      ModelError: it cannot be loaded, or carries code.
    """
    path = Path(model)
    container = identify(path)
    if not settings.trust:
        check_trusted(path, container, own_names(settings.custom_objects))
    if container.format == "saved_model":
        graph = parse_graph(to_tflite(saved_model_function(path, settings)), FLOAT)
        parts, operators = operator_parts(graph), _lacking(graph, runtimes)
        return Summary(graph.inputs, graph.outputs, parts, operators, graph.macs, (), graph.parameters)
    with custom_scope(settings.custom_objects):
        loaded, why = read_model(path, container, settings)
        able = {name: getattr(import_module(module), kind).fits for name, (module, kind) in techniques.items()}
        parts = tuple(_parts(loaded, {} if why else able))
        notes = [f"is no Keras 2 model, so it is quantized but not trained: {why}"] if why else []
        try:
            function = keras_3_function(loaded, parse_shapes(settings.input_shape), path) if why else _function(loaded)
            operators = _lacking(parse_graph(to_tflite(function), FLOAT), runtimes)
        except ModelError as problem:
            operators = {}
            notes.append(str(problem).removeprefix(f"{path}: "))
    known = [part.macs for part in parts]
    macs = None if None in known else sum(n or 0 for n in known)
    inputs, outputs = (tuple(map(_spec, tensors or ())) for tensors in (loaded.inputs, loaded.outputs))
    return Summary(inputs, outputs, parts, operators, macs, tuple(notes), loaded.count_params())


def _function(model: Any) -> Any:
    for tensor in model.inputs:
        if None in tensor.shape[1:]:
            raise ModelError(f"input {tensor.name.split(':')[0]!r} has an open size; fix it with --input-shape")
    return keras_function(model)


def _lacking(graph: Graph, runtimes: dict[str, Kernels]) -> dict[str, list[str]]:
    return {name: [str(lack) for lack in lacking(graph, kernels)] for name, kernels in runtimes.items()}


def _parts(model: Any, able: dict[str, Callable[[Any], bool]], prefix: str = "", times: int = 1) -> Iterator[Part]:
    """The layers in the order of the graph, those of nested models in their place; a shared one once.

    Args:
      able: by the name of a technique, whether it can change a layer.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        yield Part(model.name, type(model).__name__, "", model.count_params(), None)
        return
    calls: dict[int, tuple[Any, list[Any]]] = {}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            layer = node.layer if hasattr(node, "layer") else node.operation
            calls.setdefault(id(layer), (layer, []))[1].append(node)
    for layer, nodes in calls.values():
        if hasattr(layer, "layers"):
            yield from _parts(layer, able, f"{prefix}{layer.name}/", times * len(nodes))
            continue
        shapes = [([tuple(t.shape) for t in _inputs(node)], _outputs(node)) for node in nodes]
        macs = [layer_macs(layer, given, tuple(made[0].shape)) if given else 0 for given, made in shapes]
        yield Part(
            prefix + layer.name,
            type(layer).__name__,
            ", ".join(_shape(t) for t in shapes[0][1]) if shapes else "",
            layer.count_params() if hasattr(layer, "count_params") else 0,
            None if None in macs else times * sum(n or 0 for n in macs),
            tuple(name for name, fits in able.items() if fits(layer)),
        )


def _inputs(node: Any) -> list[Any]:
    if hasattr(node, "keras_inputs"):
        return [] if node.is_input else list(node.keras_inputs)
    return list(node.input_tensors)


def _outputs(node: Any) -> list[Any]:
    made = node.outputs if hasattr(node, "keras_inputs") else node.output_tensors
    return list(made) if isinstance(made, (list, tuple)) else [made]


def _shape(tensor: Any) -> str:
    sizes = "x".join("?" if n is None else str(n) for n in (1, *tensor.shape[1:]))
    return f"{_dtype(tensor)} {sizes}"


def _dtype(tensor: Any) -> str:
    return str(getattr(tensor.dtype, "name", tensor.dtype))


def _spec(tensor: Any) -> TensorSpec:
    name = tensor._keras_history[0].name if hasattr(tensor, "_keras_history") else tensor.name
    return TensorSpec(name, (1, *(-1 if n is None else n for n in tensor.shape[1:])), _dtype(tensor))
