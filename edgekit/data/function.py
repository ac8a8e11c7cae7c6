"""A dataset from the user's own code: `module:function`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np


def call(name: str) -> dict[str, np.ndarray]:
    """The arrays that a function returns.

    Args:
      name: `module:function`. The function takes nothing and returns `(x_train, y_train), (x_test, y_test)` as
        `keras.datasets` does, or a dictionary with those names.

    Raises:
      DataError: there is no such function, it raised, or it returned something else.
    """
    import numpy as np

    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        result: Any = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as problem:
        raise DataError(f"{name}: there is no module {problem.name!r}; run from the folder that holds it") from None
    except AttributeError as problem:
        raise DataError(f"{name}: {problem}") from None
    except Exception as problem:
        raise DataError(f"{name}: raised {type(problem).__name__}: {' '.join(str(problem).split())[:200]}") from problem
    finally:
        sys.path.pop(0)
    if not isinstance(result, dict):
        try:
            (x_train, y_train), (x_test, y_test) = result
        except (TypeError, ValueError):
            raise DataError(
                f"{name}: returned {type(result).__name__}; return (x_train, y_train), (x_test, y_test)"
            ) from None
        result = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return {key: np.asarray(value) for key, value in result.items() if value is not None}
