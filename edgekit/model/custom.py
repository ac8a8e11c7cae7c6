"""The user's own layers: a module that is imported because the user named it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from edgekit.errors import ModelError


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

    sys.path.insert(0, str(Path.cwd()))
    try:
        defined = {k: v for k, v in vars(importlib.import_module(module)).items() if callable(v) and k[0] != "_"}
    except ModuleNotFoundError as problem:
        raise ModelError(f"--custom-objects={module}: there is no module {problem.name!r}") from None
    except Exception as problem:
        said = " ".join(str(problem).split())[:200]
        raise ModelError(f"--custom-objects={module}: raised {type(problem).__name__}: {said}") from problem
    finally:
        sys.path.pop(0)
    registered = {f"{p}>{k}": v for k, v in defined.items() for p in ("Custom", module.split(".")[-1])}
    with keras.saving.custom_object_scope(defined), tf_keras.utils.custom_object_scope(defined | registered):
        yield
