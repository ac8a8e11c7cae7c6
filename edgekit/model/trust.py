"""Whether a model file can do more than compute. What can is refused before anything of it is loaded.

Both libraries of Keras turn the architecture in a file into calls: a class, a function or a text is looked up by its
name, in registries, in modules that the file names, and in all of TensorFlow. So what a file may name is listed
(`allowed`), wherever in it that stands; the rest needs the user's word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from edgekit.errors import ModelError
from edgekit.model import allowed
from edgekit.model.container import Container, layer_name, objects
from edgekit.model.graph_trust import check_saved_model
from edgekit.model.order import references

CODE_CLASSES = {
    *("Lambda", "__lambda__", "TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "TorchModuleWrapper", "TFSMLayer"),
    *("JaxLayer", "FlaxLayer", "ClassMethod", "InstanceMethod", "InstanceProperty"),
}
"""Of what is not allowed, the classes that people meet: they hold bytecode or a graph, or name what is called."""


def check_trusted(path: Path, container: Container, own: Mapping[str, str] = {}) -> None:
    """Refuses a model that carries code, reads files, or names what is neither on the list nor the user's.

    Args:
      own: names that the user's module defines, each with the module that it comes from.

    Raises:
      ModelError: names the layer and what it carries.
    """
    if container.format == "saved_model":
        check_saved_model(path)
        for found in objects(_metadata(path)):
            if found["class_name"] in CODE_CLASSES and not _is_tensor_function(found.get("config")):
                _refuse(path, layer_name(found), found)
    # Depth first, in the order of the file. `free`: texts mean nothing, as in names of layers and in own classes.
    pending: list[tuple[Any, str, str, bool]] = [(container.config, "", "model", False)]
    while pending:
        value, key, name, free = pending.pop()
        if isinstance(value, str) and not free:
            _check_text(path, name, key, value, own)
        elif isinstance(value, list):
            pending += [(item, f"{key}[]" if isinstance(item, str) else key, name, free) for item in reversed(value)]
        elif isinstance(value, dict):
            seen: set[str] = set()
            if "class_name" in value:
                seen, free = _check_object(path, name, value, own)
                name = name if value["class_name"] in allowed.DATA else layer_name(value)
            for inner in reversed([inner for inner in value if inner not in seen]):
                pending.append((value[inner], inner, name, free or inner in allowed.NAMES))
    for found in objects(container.config):
        nodes = found.get("inbound_nodes")
        if isinstance(nodes, list) and not all(any(references(node)) for node in nodes if node):
            raise ModelError(
                f"{path}: layer {layer_name(found)!r} is called with constants alone, which would run while the model "
                "is loaded; save the model without it, or give --trust-model if you made it"
            )


def _metadata(path: Path) -> list[Any]:
    """What Keras 2 stored beside a SavedModel's graph. TensorFlow does not read it; code is refused all the same."""
    from google.protobuf.message import DecodeError
    from tf_keras.protobuf import saved_metadata_pb2

    stored = saved_metadata_pb2.SavedMetadata()
    try:
        if (path / "keras_metadata.pb").is_file():
            stored.ParseFromString((path / "keras_metadata.pb").read_bytes())
        return [json.loads(node.metadata) for node in stored.nodes if node.metadata]
    except (DecodeError, OSError, ValueError, RecursionError):
        raise ModelError(f"{path}: keras_metadata.pb is truncated or damaged; export the model again") from None


def _check_object(path: Path, near: str, found: dict[str, Any], own: Mapping[str, str]) -> tuple[set[str], bool]:
    """Looks at an object's class.

    Returns:
      the keys that were looked at here, and whether all texts in it are the user's own concern.
    """
    kind, module, registered = (found.get(key) for key in ("class_name", "module", "registered_name"))
    for key, value in (("class_name", kind or 0), ("module", module or ""), ("registered_name", registered or "")):
        if not isinstance(value, str):
            raise ModelError(f"{path}: {near!r} holds an object whose {key} is no text; save the model again")
    if not isinstance(found.get("shared_object_id") or 0, (int, float)):
        raise ModelError(f"{path}: {near!r} holds an object whose shared_object_id is no number; save the model again")
    kind, registered, config = str(kind), registered or "", found.get("config")
    seen = {"class_name", "module", "registered_name"}
    if kind == "function":
        seen.add("config")
        called, listed = config, allowed.FUNCTIONS if _place(module) in allowed.FUNCTION_MODULES else ()
    else:
        called, listed = kind, allowed.CLASSES if module is None else allowed.MODULES.get(_place(module), ())
    if _is_own(called, module, registered, own):
        return seen, True
    if kind in allowed.DATA and not module and not registered:
        return seen, False
    computes = kind not in allowed.OPERATION_LAYERS or _is_tensor_function(config)
    if isinstance(called, str) and called in listed and registered in ("", kind, called) and computes:
        return seen, False
    _refuse(path, layer_name(found) if isinstance(config, dict) else near, found)


def _refuse(path: Path, name: str, found: dict[str, Any]) -> NoReturn:
    kind, module = found["class_name"], found.get("module")
    if {str(n).split(">")[-1] for n in (kind, found.get("registered_name"))} & CODE_CLASSES:
        raise ModelError(
            f"{path}: layer {name!r} is a {kind}, which is code inside the file; edgekit runs no code from a "
            "model: replace it by a layer of Keras, or give --trust-model if you made the file"
        )
    called = found.get("config") if kind == "function" else kind
    registered = str(found.get("registered_name") or "")
    place = f" from the module {module!r}" if module else ""
    place += f", registered as {registered!r}" if registered not in ("", kind, "function", called) else ""
    what = f"{name!r} is of the class {called!r}{place}, which is" if place else f"layer {name!r} ({called}) is"
    raise ModelError(
        f"{path}: {what} no layer of Keras that only computes; build the model from layers of Keras, or name your "
        "module with --custom-objects=MODULE"
    )


def _place(module: str | None) -> str:
    """A module without what versions of Keras changed about its name."""
    parts = (module or "").split(".")
    if parts[0] == "tf_keras":
        parts[0] = "keras"
    return ".".join(parts[:1] + parts[2:] if parts[1:2] == ["src"] else parts)


def _is_own(name: Any, module: str | None, registered: str, own: Mapping[str, str]) -> bool:
    """Whether the user's module defines an object, under the name by which Keras would find it."""
    roots = {place.split(".")[0] for place in own.values()}
    if module and module != "builtins" and module.split(".")[0] not in roots:
        return False
    known = registered in ("", "function") or registered.split(">")[-1] in own
    return known and isinstance(name, str) and name.split(">")[-1] in own


def _is_tensor_function(config: Any) -> bool:
    """Whether an operation layer of Keras 2 calls a function of tensors, as `x + y` and `tf.nn.relu(x)` do."""
    function = config.get("function") if isinstance(config, dict) else None
    return isinstance(function, str) and function.removeprefix("compat.v1.") in allowed.TENSOR_FUNCTIONS


def _check_text(path: Path, name: str, key: str, value: str, own: Mapping[str, str]) -> None:
    """Refuses a setting that is text where Keras could look something up by it, or read a file."""
    role = next((names for ending, names in allowed.ROLES.items() if key.endswith(ending)), None)
    if key in allowed.FILES:
        if not value:
            return
        raise ModelError(
            f"{path}: layer {name!r} reads the file {value!r}; edgekit reads no file that a model names: "
            "save the model with the content itself, or give --trust-model if you made it"
        )
    if role is not None:
        harmless = value in role or value in own
    elif key.removesuffix("[]").endswith("dtype"):
        harmless = value in allowed.DTYPES
    else:
        harmless = key in allowed.TEXTS or key == "vocabulary[]" or _is_tensor_function({key: value})
    if not harmless:
        raise ModelError(
            f"{path}: {name!r} has {key.removesuffix('[]')} = {value[:80]!r}, which no layer of Keras takes; "
            "save the model without it, or give --trust-model if you made it"
        )
