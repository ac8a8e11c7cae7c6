"""Whether a model file carries code. What does is refused before anything of it is loaded."""

from __future__ import annotations

import builtins
import json
import math
import re
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model.container import EXPANSION, Container, layer_name, objects

CODE_CLASSES = {
    *("Lambda", "__lambda__", "TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "TorchModuleWrapper", "TFSMLayer"),
    *("JaxLayer", "FlaxLayer"),
}
"""Classes whose configuration holds Python bytecode or a graph, or names a function or a SavedModel to load."""
KERAS_ROOTS = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
CLASS_MODULES = {
    *("", "activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "losses", "metrics"),
    *("mixed_precision", "models", "ops", "optimizers", "quantizers", "random", "regularizers"),
}
"""Modules of Keras whose classes do no more than compute. Others load files, download, or import what they are told."""
FUNCTION_MODULES = {"activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers"}
FILE_KEYS = {"vocabulary", "vocabulary_file", "filepath", "file_path"}
"""Settings of layers that read a file where they hold text."""
TENSOR_FUNCTIONS = {
    *("abs", "add_n", "broadcast_to", "cast", "clip_by_value", "concat", "convert_to_tensor", "expand_dims", "fill"),
    *("gather", "identity", "maximum", "minimum", "multiply", "one_hot", "ones_like", "pad", "pow", "range", "repeat"),
    *("reshape", "reverse", "roll", "shape", "sigmoid", "slice", "split", "sqrt", "square", "squeeze", "stack"),
    *("strided_slice", "subtract", "tanh", "tensordot", "tile", "transpose", "unstack", "where", "zeros_like"),
}
"""Functions of TensorFlow that an operation layer of Keras 2 may name; besides those below:"""
TENSOR_MODULES = ("math", "nn", "linalg", "__operators__", "signal")
HARMLESS_STATE = (
    r"Assert|Case|If|While|StatefulPartitionedCall|Var\w*Op|VariableShape|ReadVariableOp|Assign\w*VariableOp|"
    r"DestroyResourceOp|DisableCopyOnRead|Resource(Gather|Scatter|Strided)\w*|TensorArray\w*|Empty|GuaranteeConst|"
    r"CheckNumerics\w*|CudnnRNN\w*|Random\w*|Rng\w*|Stateful\w*(Normal|Uniform\w*|Binomial)\w*|Multinomial|"
    r"StatelessRandomGetAlg|TruncatedNormal|ParameterizedTruncatedNormal|(Anonymous|Mutable)*HashTable\w*|LookupTable\w*"
)
"""Operations that TensorFlow calls stateful but that touch nothing outside the process."""
REACHING = r"ReadFile|MatchingFiles|PyFunc\w*|ImmutableConst|InitializeTable\w*|GenerateVocab\w*|Debug\w*|\w*Dataset\w*"
"""Operations that TensorFlow does not call stateful but that do."""


def check_trusted(path: Path, container: Container, custom_modules: tuple[str, ...] = ()) -> None:
    """Refuses a model that carries code, reads files, or asks for code that the user did not name.

    Args:
      custom_modules: modules that the user gave for the model's own layers.

    Raises:
      ModelError: names the layer and what it carries.
    """
    if container.format == "saved_model":
        _check_saved_model(path)
    # What a model was compiled with is not loaded.
    architecture = {key: value for key, value in container.config.items() if key != "compile_config"}
    for found in objects(architecture):
        _check_code(path, found)
        module, name, kind = found.get("module"), layer_name(found), _class_name(found)
        custom = str(module).split(".")[0] in custom_modules
        if module is not None and not custom and not _is_keras(str(module), kind, found["class_name"] == "function"):
            raise ModelError(
                f"{path}: {name!r} is of the class {kind!r} from the module {module!r}, which is no layer of Keras; "
                "build the model from layers of Keras, or name your module with --custom-objects=MODULE"
            )


def _check_code(path: Path, found: dict[str, Any]) -> None:
    """Refuses an object whose configuration is code, or names a file."""
    name, kind = layer_name(found), found["class_name"]
    names = {str(found.get(key)).split(">")[-1] for key in ("class_name", "registered_name")}
    if names & CODE_CLASSES and not _names_tensor_function(found):
        raise ModelError(
            f"{path}: layer {name!r} is a {kind}, which is code inside the file; edgekit runs no code from a "
            "model: replace it by a layer of Keras, or give --trust-model if you made the file"
        )
    settings = found.get("config")
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if key in FILE_KEYS and isinstance(value, str) and value:
            raise ModelError(
                f"{path}: layer {name!r} reads the file {value!r}; edgekit reads no file that a model names: "
                "save the model with the content itself, or give --trust-model if you made it"
            )


def _class_name(found: dict[str, Any]) -> str:
    """The name that Keras would look up for an object: of a function, the function's."""
    return str(found.get("config") if found["class_name"] == "function" else found["class_name"])


def _is_keras(module: str, name: str, function: bool) -> bool:
    """Whether an object of a file comes from Keras and can do no more than compute.

    Keras imports the module and takes from it what bears the name, even what that module itself only imports.
    """
    if not name.isidentifier():
        return False  # "os.system" in any module that imports os
    if module == "builtins":
        return function and not hasattr(builtins, name)  # Keras looks among its own functions first
    root = next((k for k in KERAS_ROOTS if module == k or module.startswith(f"{k}.")), None)
    if root is None:
        return False
    inner = module[len(root) :].removeprefix(".").removeprefix("src.").split(".")[0]
    if function:
        return inner in FUNCTION_MODULES
    return inner in CLASS_MODULES and (name[0].isupper() or name.startswith("__"))


def _names_tensor_function(layer: dict[str, Any]) -> bool:
    """Whether an operation layer of Keras 2 calls a function of tensors, as `x + y` and `tf.nn.relu(x)` do."""
    if layer["class_name"] not in ("TFOpLambda", "SlicingOpLambda"):
        return False
    function = (layer.get("config") or {}).get("function")
    return isinstance(function, str) and (
        function in TENSOR_FUNCTIONS or (function.split(".")[0] in TENSOR_MODULES and function.count(".") == 1)
    )


def _check_saved_model(path: Path) -> None:
    """Looks at what Keras stored beside the graph, at the graph's operations, and at the sizes of its variables."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2
    from tf_keras.protobuf import saved_metadata_pb2

    model, stored = saved_model_pb2.SavedModel(), saved_metadata_pb2.SavedMetadata()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
        if (path / "keras_metadata.pb").is_file():
            stored.ParseFromString((path / "keras_metadata.pb").read_bytes())
        layers = [json.loads(node.metadata) for node in stored.nodes if node.metadata]
    except (DecodeError, OSError, ValueError, RecursionError):
        raise ModelError(f"{path}: saved_model.pb is truncated or damaged; export the model again") from None
    for found in objects(layers):
        _check_code(path, found)
    for graph in model.meta_graphs:
        _check_graph(path, graph)
    _check_variables(path)


def _check_graph(path: Path, graph: Any) -> None:
    """Looks at every operation that loading or running a SavedModel may execute."""
    from tensorflow.python.framework import op_def_registry

    if not graph.object_graph_def.nodes:
        raise ModelError(
            f"{path}: was written by TensorFlow 1, and loading it runs what it says; export it with model.export(), or "
            "give --trust-model if you made it"
        )
    size = (path / "saved_model.pb").stat().st_size
    functions = graph.graph_def.library.function
    called = set(graph.object_graph_def.concrete_functions)
    called |= {node.bare_concrete_function.concrete_function_name for node in graph.object_graph_def.nodes}
    for function in functions:
        for node in function.node_def:
            for value in node.attr.values():
                called |= {value.func.name, *(f.name for f in value.list.func)}
    # Nothing calls the functions that save and restore: they belong to the graph around, which is not loaded.
    run = [f.node_def for f in functions if f.signature.name in called or "api_implements" in f.attr]
    for node in (n for nodes in (graph.graph_def.node, *run) for n in nodes):
        tensor = node.attr["value"].tensor
        claim = math.prod(dimension.size for dimension in tensor.tensor_shape.dim) * 4
        if node.op == "Const" and claim > EXPANSION * size + (1 << 20):
            raise ModelError(f"{path}: its constant {node.name!r} would take {claim:,} B; not opened")
        known = op_def_registry.get(node.op)
        stateful = known is None or known.is_stateful
        if re.fullmatch(REACHING, node.op) or (stateful and not re.fullmatch(HARMLESS_STATE, node.op)):
            raise ModelError(
                f"{path}: its operation {node.name!r} ({node.op}) reaches outside the model; edgekit runs no "
                "code from a model: export it without, or give --trust-model if you made it"
            )


def _check_variables(path: Path) -> None:
    """Holds the sizes that the variables claim against the files that hold them."""
    import tensorflow as tf

    folder = path / "variables"
    if not (folder / "variables.index").is_file():
        return
    held = sum(file.stat().st_size for file in folder.glob("variables.data-*"))
    try:
        stored = tf.train.load_checkpoint(str(folder / "variables"))
        types = stored.get_variable_to_dtype_map()
        shapes = stored.get_variable_to_shape_map()
    except Exception as problem:
        raise ModelError(f"{path}: variables.index is truncated or damaged; export the model again") from problem
    for name, shape in shapes.items():
        claim = math.prod(shape) * types[name].size
        if claim > held and types[name] != tf.string:
            raise ModelError(f"{path}: its variable {name!r} would take {claim:,} B of {held:,} B stored; not opened")
