"""What stands for a model or dataset in a key: a hash of the file, the folder, or the function's module."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from edgekit.data.spec import RANDOM
from edgekit.engine.python import own_module_file
from edgekit.errors import EdgekitError
from edgekit.files import near
from edgekit.types import Artifact

OPTIONS = {"keras": "--model", "data": "--data"}


def locate(kind: str, source: str, sha256: Callable[[Path], str], error: type[EdgekitError]) -> Artifact:
    """A model or dataset as an artifact.

    Args:
      kind: `keras` or `data`.
      source: `random`, `module:function`, or an absolute path.
      sha256: of a file or folder.

    Raises:
      error: there is no such file, folder or module.
    """
    if source == RANDOM:
        return Artifact(kind, source, 0, RANDOM)
    function = not Path(source).is_absolute()
    path = _module_file(source, error) if function else Path(source)
    try:
        digest = sha256(path)
        if function:  # a module may hold several
            digest = hashlib.sha256(f"{digest}:{source}".encode()).hexdigest()
        return Artifact(kind, source, path.stat().st_size if path.is_file() else 0, digest)
    except (FileNotFoundError, NotADirectoryError):
        what = "model file" if kind == "keras" else "dataset"
        advice = f"check {OPTIONS[kind]}, or the path in pyproject.toml"
        raise error(f"{path}: no such {what}; {near(path, advice)}") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None


def _module_file(source: str, error: type[EdgekitError]) -> Path:
    """The source of a function's module; it is not imported, except for the packages around it."""
    module = source.partition(":")[0]
    if path := own_module_file(module):
        return path
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise error(f"{source}: there is no module {module!r}; put its file into the project's folder")
    return Path(found.origin)
