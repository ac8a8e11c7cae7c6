"""Sizes that a model leaves open, fixed by the user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError

Shapes = dict[str, tuple[int, ...]]
"""Shape without batch by name of the input; "" stands for the only input."""


def parse_shapes(text: str) -> Shapes:
    """Reads `96x96x3`, or `left=96x96x3,right=10` for inputs by name.

    Raises:
      ModelError: it is not of that form.
    """
    shapes = {}
    for part in filter(None, text.split(",")):
        name, _, shape = part.rpartition("=")
        if not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8}){0,7}", shape):
            raise ModelError(f"--input-shape={text}: {part!r} is no shape; write 96x96x3, or NAME=96x96x3,NAME=10")
        shapes[name] = tuple(map(int, shape.split("x")))
    return shapes


def fixed(name: str, shape: tuple[int | None, ...], shapes: Shapes, path: Path) -> tuple[int | None, ...]:
    """An input's shape without batch, with the open sizes filled in.

    Raises:
      ModelError: the shape that was given contradicts the model's.
    """
    given = shapes.get(name, shapes.get(""))
    if given is None:
        return shape
    if len(given) != len(shape) or any(old not in (None, new) for old, new in zip(shape, given, strict=True)):
        have = "x".join("?" if n is None else str(n) for n in shape)
        raise ModelError(f"{path}: --input-shape={'x'.join(map(str, given))} does not fit input {name!r} of {have}")
    return given


def fix_shapes(model: Any, shapes: Shapes, path: Path) -> Any:
    """A `tf_keras` model with its open sizes fixed.

    Raises:
      ModelError: the model has no inputs yet and no shape was given, or one that does not fit.
    """
    import tf_keras

    if not model.inputs:
        given = next(iter(shapes.values()), None)
        if given is None:
            raise ModelError(f"{path}: the model does not say what it takes; give --input-shape, as in 96x96x3")
        inputs = tf_keras.Input(given, batch_size=None)
        return tf_keras.Model(inputs, model(inputs), name=model.name)
    if not shapes:
        return model
    names = [t.name.split(":")[0] for t in model.inputs]
    sizes = [fixed(n, tuple(t.shape[1:]), shapes, path) for n, t in zip(names, model.inputs, strict=True)]
    if sizes == [tuple(t.shape[1:]) for t in model.inputs]:
        return model
    inputs = [
        tf_keras.Input(size, name=name, dtype=t.dtype) for size, name, t in zip(sizes, names, model.inputs, strict=True)
    ]
    twin = tf_keras.models.clone_model(model, input_tensors=inputs)
    twin.set_weights(model.get_weights())
    return twin
