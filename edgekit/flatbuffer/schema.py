"""The schema of `.tflite` files, as the generated accessors have it."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

from edgekit.errors import SetupError


@functools.cache
def accessors() -> Any:
    """The generated accessors, from their file: importing the package around them would load its native library, and
    this code also runs in processes that have loaded another TFLite runtime."""
    package = importlib.util.find_spec("ai_edge_litert")
    if package is None or not package.submodule_search_locations:
        raise SetupError("ai-edge-litert is not installed, which has the schema: pip install ai-edge-litert")
    path = Path(package.submodule_search_locations[0]) / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("edgekit_tflite_schema", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def operator_names() -> dict[int, str]:
    """Names of built-in operators, by their codes."""
    return {code: name for name, code in vars(accessors().BuiltinOperator).items() if not name.startswith("_")}


@functools.cache
def option_types() -> dict[int, Any]:
    """The classes of operators' settings, by their number in the union."""
    unions = vars(accessors().BuiltinOptions).items()
    return {code: getattr(accessors(), f"{name}T") for name, code in unions if not name.startswith("_") and code}


@functools.cache
def tensor_dtypes() -> dict[int, str]:
    """NumPy's names of types, by their codes."""
    return {code: name.lower() for name, code in vars(accessors().TensorType).items() if not name.startswith("_")}


def kind_of(model: Any, operator: Any) -> str:
    """Name of an operator's kind, in the schema's object code; "" of one that is not known."""
    code = model.operatorCodes[operator.opcodeIndex]
    return operator_names().get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
