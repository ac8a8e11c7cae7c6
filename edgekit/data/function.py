"""A dataset from the user's own code: `module:function`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgekit.engine.python import import_own
from edgekit.errors import DataError, EdgekitError

if TYPE_CHECKING:
    import numpy as np


def call(name: str) -> dict[str, np.ndarray]:
    """The arrays that a function returns.

    Args:
      name: `module:function`. The function takes nothing and returns `(x_train, y_train), (x_test, y_test)` as
        `keras.datasets` does, or a dictionary with those names. For several inputs, x is a dictionary by their names;
        for several outputs, y is a dictionary by theirs, or a tuple in their order.

    Raises:
      DataError: there is no such function, it raised, or it returned something else.
    """
    import numpy as np

    function = resolve(name, DataError)
    try:
        result: Any = function()
    except Exception as problem:
        raise DataError(f"{name}: raised {type(problem).__name__}: {' '.join(str(problem).split())[:200]}") from problem
    if not isinstance(result, dict):
        try:
            (x_train, y_train), (x_test, y_test) = result
        except (TypeError, ValueError):
            raise DataError(
                f"{name}: returned {type(result).__name__}; return (x_train, y_train), (x_test, y_test)"
            ) from None
        result = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    arrays: dict[str, np.ndarray] = {}
    for key, value in result.items():
        if isinstance(value, dict):  # several inputs or outputs, by name
            arrays |= {f"{key}.{name}": np.asarray(inner) for name, inner in value.items()}
        elif isinstance(value, tuple) and key[0] == "y":  # several outputs, in the model's order
            arrays |= {f"{key}.{n}": np.asarray(inner) for n, inner in enumerate(value) if inner is not None}
        elif value is not None:
            arrays[key] = np.asarray(value)
    return arrays


def resolve(name: str, error: type[EdgekitError]) -> Callable[[], Any]:
    """A function of the user by `module:function`; the module is imported from the project or the environment.

    Raises:
      error: there is no such module or function, or importing it raised.
    """
    module, _, attribute = name.partition(":")
    try:
        function = getattr(import_own(module), attribute, None)
    except ModuleNotFoundError as problem:
        raise error(f"{name}: there is no module {problem.name!r}; run from the folder that holds it") from None
    except Exception as problem:
        raise error(f"{name}: raised {type(problem).__name__}: {' '.join(str(problem).split())[:200]}") from problem
    if not callable(function):
        raise error(f"{name}: {module} has no function {attribute!r}")
    return function
