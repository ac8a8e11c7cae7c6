"""Weights that a model makes, counted when its layers ask for them, and held against those in its file."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError

FACTOR, SPARE = 4, 16 << 20
"""How much more a model may make than its file holds: weights may be stored in fewer bits, and some not at all."""


@contextlib.contextmanager
def weights_within(path: Path, stored: int) -> Iterator[None]:
    """Ends the loading of a model whose layers ask for far more weights than its file holds.

    Args:
      stored: bytes of the weights in the file.

    Raises:
      ModelError: names the layer that asked for more.
    """
    import keras
    import tf_keras

    left = FACTOR * stored + SPARE
    refused: list[str] = []

    def counted(add_weight: Callable[..., Any]) -> Callable[..., Any]:
        def count(layer: Any, *arguments: Any, **named: Any) -> Any:
            nonlocal left
            claim = 4 * max(_elements(value) for value in (named.get("shape"), *arguments))
            left -= claim
            if left < 0:
                held = f"the file holds {stored:,} B of weights"
                refused.append(f"{path}: layer {layer.name!r} would take {claim:,} B, and {held}; not opened")
                raise MemoryError(refused[0])
            return add_weight(layer, *arguments, **named)

        return count

    kinds = (keras.layers.Layer, tf_keras.layers.Layer)
    before = [kind.add_weight for kind in kinds]
    for kind in kinds:
        kind.add_weight = counted(kind.add_weight)
    try:
        yield
    except Exception:
        if refused:
            raise ModelError(refused[0]) from None
        raise
    finally:
        for kind, add_weight in zip(kinds, before, strict=True):
            kind.add_weight = add_weight


def _elements(shape: Any) -> int:
    """Elements of a shape; 1 of what is none."""
    try:
        return math.prod(abs(int(size or 1)) for size in shape) if not isinstance(shape, (str, dict)) else 1
    except (TypeError, ValueError):
        return 1
