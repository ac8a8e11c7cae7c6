"""Whether a SavedModel can do more than compute: its operators, one by one, and what runs while it is loaded.

A node runs an operator or, under the same syntax, a function of the file's own library. Names of functions are the
author's, so the operators inside are judged, and a function with an operator's name is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model.hdf5 import EXPANSION
from edgekit.model.operators import AT_LOADING, COMPUTING, KEEPING

FILES = ("saved_model.cpb", "saved_model.pbtxt")
"""What TensorFlow reads too; besides saved_model.pb, one of the two would not be looked at."""
REGISTERED = ("", "tf.TrackableConstant", "tf.StaticHashTable")
"""Python classes of TensorFlow that an object may be made with."""
KINDS = ("user_object", "variable", "function", "bare_concrete_function", "constant", "captured_tensor", "resource")
"""Of objects: all but assets, which are files."""
AROUND = frozenset("MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StringJoin".split())
"""Operators that save and restore: in the graph around, and in functions that only it calls. Nothing runs them."""


def check_saved_model(path: Path) -> None:
    """Looks at a SavedModel's graph, and at the sizes of its variables.

    Raises:
      ModelError: names what reaches outside the model, or takes more memory than the file can fill.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    for name in FILES:
        if (path / name).exists():
            raise ModelError(
                f"{path}: holds {name} besides saved_model.pb; export the model again into an empty folder"
            )
    model = saved_model_pb2.SavedModel()
    try:
        content = (path / "saved_model.pb").read_bytes()
        model.ParseFromString(content)
    except (DecodeError, OSError, ValueError, RecursionError):
        raise ModelError(f"{path}: saved_model.pb is truncated or damaged; export the model again") from None
    for graph in model.meta_graphs:
        if not graph.object_graph_def.nodes:
            raise ModelError(
                f"{path}: was written by TensorFlow 1, and loading it runs what it says; export it by model.export(), "
                "or give --trust-model if you made it"
            )
        _check_graph(path, graph)
        _check_objects(path, graph)
        _check_constants(path, graph, len(content))
    _check_variables(path)


def _check_objects(path: Path, graph: Any) -> None:
    """Refuses files, foreign classes, and functions that do more than fill tables while the model is loaded."""
    if graph.asset_file_def:
        raise ModelError(f"{path}: reads the file {graph.asset_file_def[0].filename!r}; export the model without")
    nodes = graph.object_graph_def.nodes
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    run: set[int] = set()
    for node in nodes:
        kind = node.WhichOneof("kind") or "user_object"
        if kind not in KINDS or node.registered_name not in REGISTERED or node.registered_saver:
            what = node.registered_name or node.registered_saver or kind
            raise ModelError(f"{path}: holds an object of the kind {what!r}; export the model without")
        for saved in node.saveable_objects.values():
            run |= {saved.save_function, saved.restore_function}
        if kind == "resource" or node.registered_name:
            run |= {child.node_id for child in node.children}
    called = [name for number in run if 0 <= number < len(nodes) for name in _concrete(nodes[number])]
    for name in _reached(called, functions):
        for node in functions[name].node_def:
            if node.op not in AT_LOADING and node.op not in functions:
                raise ModelError(
                    f"{path}: its operation {node.name!r} ({node.op}) runs while the model is loaded; export it "
                    "without, or give --trust-model if you made it"
                )


def _check_graph(path: Path, graph: Any) -> None:
    """Looks at every operation that loading or running a SavedModel may execute."""
    from tensorflow.python.framework import op_def_registry

    library = graph.graph_def.library
    functions: dict[str, Any] = {}
    for function in library.function:
        name = function.signature.name
        if name in functions or op_def_registry.get(name) is not None or name in AROUND | COMPUTING | KEEPING:
            raise ModelError(
                f"{path}: its function {name!r} has the name of another or of an operator; export it again"
            )
        functions[name] = function
    called = {name for node in graph.object_graph_def.nodes for name in _concrete(node)}
    called |= set(graph.object_graph_def.concrete_functions)
    called |= {f.signature.name for f in library.function if "api_implements" in f.attr}
    called |= {name for gradient in library.gradient for name in (gradient.function_name, gradient.gradient_func)}
    run = [node for name in _reached(called, functions) for node in functions[name].node_def]
    around = [node for node in graph.graph_def.node if node.op not in AROUND]
    for node in (*run, *around):
        if node.op not in COMPUTING and node.op not in KEEPING and node.op not in functions:
            raise ModelError(
                f"{path}: its operation {node.name!r} ({node.op}) reaches outside the model; edgekit runs no "
                "code from a model: export it without, or give --trust-model if you made it"
            )


def _concrete(node: Any) -> Iterator[str]:
    """The functions of the library that an object stands for."""
    if node.HasField("function"):
        yield from node.function.concrete_functions
    if node.HasField("bare_concrete_function"):
        yield node.bare_concrete_function.concrete_function_name


def _reached(names: Iterable[str], functions: dict[str, Any]) -> set[str]:
    """The functions that some call, and those that these call, and so on."""
    reached: set[str] = set()
    pending = [name for name in names if name in functions]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += [n for node in functions[name].node_def for n in _calls(node) if n in functions]
    return reached


def _calls(node: Any) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _check_constants(path: Path, graph: Any, size: int) -> None:
    """Refuses constants that say in few bytes that they are large, alone or together."""
    left = EXPANSION * size + (1 << 20)
    graphs = (graph.graph_def.node, *(function.node_def for function in graph.graph_def.library.function))
    for node in (node for nodes in graphs for node in nodes):
        for value in node.attr.values():
            for tensor in (value.tensor, *value.list.tensor):
                claim = math.prod(abs(dimension.size) for dimension in tensor.tensor_shape.dim) * 4
                left -= claim
                if left < 0:
                    raise ModelError(f"{path}: its constant {node.name!r} would take {claim:,} B; not opened")


def _check_variables(path: Path) -> None:
    """Holds the sizes that the variables claim against the files that hold them."""
    import tensorflow as tf

    folder = path / "variables"
    if not (folder / "variables.index").is_file():
        return
    held = sum(file.stat().st_size for file in folder.glob("variables.data-*"))
    left = held
    try:
        stored = tf.train.load_checkpoint(str(folder / "variables"))
        types = stored.get_variable_to_dtype_map()
        shapes = stored.get_variable_to_shape_map()
    except Exception as problem:
        raise ModelError(f"{path}: variables.index is truncated or damaged; export the model again") from problem
    for name, shape in shapes.items():
        claim = math.prod(shape) * types[name].size if types[name] != tf.string else 0
        left -= claim
        if left < 0:
            raise ModelError(f"{path}: its variable {name!r} would take {claim:,} B of {held:,} B stored; not opened")
