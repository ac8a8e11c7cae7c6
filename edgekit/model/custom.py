"""The user's own layers: a module that is imported because the user named it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from edgekit.engine.python import import_own
from edgekit.errors import ModelError


def defined(module: str) -> dict[str, Any]:
    """What the user's module defines itself, by name: what it only imports is not for a model file to name.

    Args:
      module: name of a module, importable from the current folder, or "" for none.

    Raises:
      ModelError: there is no such module, or importing it raised.
    """
    if not module:
        return {}
    try:
        found = vars(import_own(module))
    except ModuleNotFoundError as problem:
        raise ModelError(f"--custom-objects={module}: there is no module {problem.name!r}") from None
    except Exception as problem:
        said = " ".join(str(problem).split())[:200]
        raise ModelError(f"--custom-objects={module}: raised {type(problem).__name__}: {said}") from problem
    root = module.split(".")[0]
    return {k: v for k, v in found.items() if callable(v) and k[0] != "_" and _root(v) == root}


def own_names(module: str) -> dict[str, str]:
    """The names that the user's module defines, each with the module where it is; empty for ""."""
    return {name: str(value.__module__) for name, value in defined(module).items()}


@contextlib.contextmanager
def custom_scope(module: str) -> Iterator[None]:
    """Makes what a module defines known to both libraries of Keras while a model is loaded.

    Args:
      module: name of a module, importable from the current folder, or "" for none.

    Raises:
      ModelError: there is no such module, or importing it raised.
    """
    if not module:
        yield
        return
    import keras
    import tf_keras

    own = defined(module)
    registered = {f"{p}>{k}": v for k, v in own.items() for p in ("Custom", module.split(".")[-1])}
    with keras.saving.custom_object_scope(own), tf_keras.utils.custom_object_scope(own | registered):
        yield


def _root(value: Any) -> str:
    return str(getattr(value, "__module__", "")).split(".")[0]
