"""Whether a model file carries code. What does is refused before anything of it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model.container import Container, layer_name, objects

CODE_CLASSES = {"Lambda", "__lambda__", "TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "TorchModuleWrapper"}
"""Classes whose configuration holds Python bytecode, a graph, or a function to import by name."""
KERAS_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
"""Where the classes and functions of Keras come from, but for these, which reach outside the model:"""
REACHING_MODULES = ("utils", "saving", "config", "datasets", "callbacks", "legacy.saving", "preprocessing")
TENSOR_FUNCTIONS = {
    *("abs", "add_n", "broadcast_to", "cast", "clip_by_value", "concat", "convert_to_tensor", "expand_dims", "fill"),
    *("gather", "identity", "maximum", "minimum", "multiply", "one_hot", "ones_like", "pad", "pow", "range", "repeat"),
    *("reshape", "reverse", "roll", "shape", "sigmoid", "slice", "split", "sqrt", "square", "squeeze", "stack"),
    *("strided_slice", "subtract", "tanh", "tensordot", "tile", "transpose", "unstack", "where", "zeros_like"),
}
"""Functions of TensorFlow that an operation layer of Keras 2 may name; besides those below:"""
TENSOR_MODULES = ("math", "nn", "linalg", "__operators__", "signal")
DANGEROUS_OPERATIONS = {
    "EagerPyFunc",
    "PyFunc",
    "PyFuncStateless",
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "LoadLibrary",
    "Save",
    "SaveSlices",
    "WriteAudioSummary",
    "WriteImageSummary",
    "WriteScalarSummary",
    "WriteSummary",
    "PrintV2",
    "Print",
    "DebugIdentity",
    "FileSystemSetConfiguration",
    "RpcClient",
    "RpcServer",
    "DatasetToTFRecord",
    "TFRecordReaderV2",
    "TextLineReaderV2",
    "WholeFileReaderV2",
}
"""Operations of a TensorFlow graph that reach outside it. `SaveV2` and `RestoreV2`, which every SavedModel has, run
when the model is saved or restored only."""


def check_trusted(path: Path, container: Container, custom_modules: tuple[str, ...] = ()) -> None:
    """Refuses a model that carries code, or asks for code that the user did not name.

    Args:
      custom_modules: modules that the user gave for the model's own layers.

    Raises:
      ModelError: names the layer and what it carries.
    """
    if container.format == "saved_model":
        _check_saved_model(path)
    for found in objects(container.config):
        name, kind = layer_name(found), found["class_name"]
        if kind in CODE_CLASSES and not _names_tensor_function(found):
            raise ModelError(
                f"{path}: layer {name!r} is a {kind}, which is code inside the file; edgekit runs no code from a "
                "model: replace it by a layer of Keras, or give --trust-model if you made the file"
            )
        module = found.get("module")
        if isinstance(module, str) and not _is_keras(module, kind) and module.split(".")[0] not in custom_modules:
            raise ModelError(
                f"{path}: {name!r} is of the class {kind!r} from the module {module!r}, which is no layer of Keras; "
                "build the model from layers of Keras, or name your module with --custom-objects=MODULE"
            )


def _is_keras(module: str, kind: str) -> bool:
    """Whether an object of a file comes from Keras and can do no more than compute."""
    if module == "builtins":
        return kind == "function"  # by name, which Keras looks up among its own
    root = next((k for k in KERAS_MODULES if module == k or module.startswith(f"{k}.")), None)
    if root is None:
        return False
    inner = module[len(root) + 1 :].removeprefix("src.")
    return not any(inner == r or inner.startswith(f"{r}.") for r in REACHING_MODULES)


def _names_tensor_function(layer: dict[str, Any]) -> bool:
    """Whether an operation layer of Keras 2 calls a function of tensors, as `x + y` and `tf.nn.relu(x)` do."""
    if layer["class_name"] not in ("TFOpLambda", "SlicingOpLambda"):
        return False
    function = (layer.get("config") or {}).get("function")
    return isinstance(function, str) and (
        function in TENSOR_FUNCTIONS or (function.split(".")[0] in TENSOR_MODULES and function.count(".") == 1)
    )


def _check_saved_model(path: Path) -> None:
    """Looks at every operation of the graph and at what Keras stored beside it."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    except (DecodeError, OSError):
        raise ModelError(f"{path}: saved_model.pb is truncated or damaged; export the model again") from None
    for graph in model.meta_graphs:
        functions = [function.node_def for function in graph.graph_def.library.function]
        for nodes in (graph.graph_def.node, *functions):
            for node in nodes:
                if node.op in DANGEROUS_OPERATIONS:
                    raise ModelError(
                        f"{path}: its operation {node.name!r} ({node.op}) reaches outside the model; edgekit runs no "
                        "code from a model: export it without, or give --trust-model if you made it"
                    )
    metadata = path / "keras_metadata.pb"
    if metadata.is_file() and (b'"Lambda"' in (stored := metadata.read_bytes()) or b'"__lambda__"' in stored):
        raise ModelError(
            f"{path}: holds a Lambda layer, which is code inside the file; edgekit runs no code from a model: replace "
            "it by a layer of Keras, or give --trust-model if you made it"
        )
