"""Smaller copies of a model, to be taught by it."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from edgekit.compress.blocks import blocks, inside, without
from edgekit.compress.dependencies import CONVOLUTIONS, Dependencies
from edgekit.compress.layers import flattened
from edgekit.compress.narrow import narrowed
from edgekit.config import Settings
from edgekit.errors import RecipeError

WHERE = "recipe.distil.student"


class Student(Settings, frozen=True):
    """A smaller copy of the teacher: the same architecture with fewer channels or fewer repeated blocks."""

    width: Annotated[float, Meta(gt=0, le=1)] = 1.0
    depth: Annotated[float, Meta(gt=0, le=1)] = 1.0


def smaller_copy(model: Any, settings: Student, seed: int) -> Any:
    """A model of the same architecture with fewer channels, or fewer repeated blocks, and fresh weights.

    Channels that the model's inputs and outputs fix, or that edgekit cannot follow, stay as many as they are.

    Args:
      model: functional `tf_keras.Model`; it stays as it is.

    Raises:
      RecipeError: the model has nothing that could be fewer.
    """
    import numpy as np
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    model = flattened(model)
    if settings.depth < 1:
        model = _shallower(model, settings.depth)
    if settings.width < 1:
        found = Dependencies(model)
        groups = found.groups()
        if not groups:
            raise RecipeError(f"{WHERE}.width: no layer's channels can be fewer; give a builder, module:function")
        model = narrowed(
            model, found, np.concatenate([g.labels[max(1, round(settings.width * len(g.labels))) :] for g in groups])
        )
    copy = tf_keras.models.clone_model(model)
    for layer in copy.layers:
        if type(layer).__name__ == "Normalization":  # whose weights are the data's mean and variance
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return copy


def repeats(model: Any) -> list[tuple[str, str]]:
    """What can be left out of a model: residual blocks, and layers that make what they read and follow one like them;
    each with the layer whose output takes its place."""
    found = blocks(model)
    taken = {name for block in found for name in inside(model, block)}
    for layer in model.layers:
        if type(layer).__name__ not in CONVOLUTIONS or len(layer.inbound_nodes) != 1 or layer.name in taken:
            continue
        parents = [parent for parent, _, _, _ in layer.inbound_nodes[0].iterate_inbound()]
        if len(parents) == 1 and layer.input_shape == layer.output_shape and type(parents[0]) is type(layer):
            found.append((layer.name, parents[0].name))
    order = {layer.name: n for n, layer in enumerate(model.layers)}
    return sorted(found, key=lambda block: order[block[0]])


def _shallower(model: Any, depth: float) -> Any:
    """The model without a share of its repeated blocks, taken evenly."""
    import numpy as np

    there = repeats(model)
    number = round((1 - depth) * len(there))
    if not there:
        raise RecipeError(f"{WHERE}.depth: the model has no repeated block; set width, or give module:function")
    for place in np.linspace(len(there) - 1, 0, number).round().astype(int).tolist():
        model = without(model, there[place])
    return model
