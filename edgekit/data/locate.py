"""What stands for a dataset in a key: a hash of the file, the folder, or the function's module."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from edgekit.data.spec import RANDOM
from edgekit.errors import DataError
from edgekit.types import Artifact


def locate(source: str, sha256: Callable[[Path], str]) -> Artifact:
    """The dataset as an artifact.

    Args:
      source: `random`, `module:function`, or an absolute path.
      sha256: of a file or folder.

    Raises:
      DataError: there is no such file, folder or module.
    """
    if source == RANDOM:
        return Artifact("data", source, 0, RANDOM)
    path = Path(source) if Path(source).is_absolute() else _module_file(source)
    try:
        return Artifact("data", source, path.stat().st_size if path.is_file() else 0, sha256(path))
    except FileNotFoundError:
        raise DataError(f"{path}: no such dataset; check --data, or the model's data in pyproject.toml") from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None


def _module_file(source: str) -> Path:
    """The source of a function's module; it is not imported, except for the packages around it."""
    module = source.partition(":")[0]
    local = Path.cwd().joinpath(*module.split("."))
    for path in (local.with_suffix(".py"), local / "__init__.py"):
        if path.is_file():
            return path
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise DataError(f"{source}: there is no module {module!r}; run from the folder that holds it")
    return Path(found.origin)
