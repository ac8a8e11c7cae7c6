"""Sources of others that lie inside installed packages."""

import importlib.util
from pathlib import Path


def cmsis_nn() -> Path | None:
    """CMSIS-NN, as bakenn's wheel holds it; None where that is not installed."""
    spec = importlib.util.find_spec("bakenn")
    return Path(spec.origin).parent / "backend/cmsis_nn/vendor/cmsis_nn" if spec and spec.origin else None
