"""Pruning of weights by magnitude, with fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit.compress.fine_tune import Progress, fine_tune, predictions
from edgekit.data.samples import read
from edgekit.data.spec import DataSpec
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, open_keras, save
from edgekit.target import Prune
from edgekit.types import Pruned


def prune_file(
    model: str, data: DataSpec, settings: Prune, seed: int, custom_objects: str, folder: str, progress: Progress
) -> Pruned:
    """Prunes the model in a file and writes the result to `folder`; one without a prunable layer is copied.

    Raises:
      RecipeError: no layer can be pruned, and `settings.required`.
    """
    loaded = open_keras(model, custom_objects)
    if any(prunable(layer) for layer in flat(loaded)):
        with custom_scope(custom_objects):
            loaded = prune(loaded, data, settings, seed, progress)
    elif settings.required:
        raise RecipeError("recipe.prune: the model has no layer that TFMOT can prune; set recipe.prune = false")
    save(loaded, Path(folder) / KERAS)
    return _facts(loaded)


def prune(model: Any, data: DataSpec, settings: Prune, seed: int, progress: Progress) -> Any:
    """Sets the smallest weights of each layer to zero while the model trains on.

    Args:
      model: `tf_keras.Model`; its layers are taken over.
      data: whose training samples the model is fine-tuned on.

    Returns:
      `tf_keras.Model` of the same architecture, with `settings.sparsity` of each prunable kernel at zero.

    Source: Zhu and Gupta 2017, "To prune, or not to prune"; TFMOT's `prune_low_magnitude`.
    """
    import tf_keras
    from tensorflow_model_optimization.sparsity import keras as sparsity

    train = read(data).train
    steps = settings.epochs * -(-train.number // settings.batch_size)
    end = max(1, round(steps * (1 - settings.settle)))
    frequency = max(1, end // 30)
    if settings.schedule == "constant":
        schedule = sparsity.ConstantSparsity(settings.sparsity, 0, end, frequency)
    else:
        schedule = sparsity.PolynomialDecay(settings.initial_sparsity, settings.sparsity, 0, end, frequency=frequency)

    def wrapped(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=wrapped)
        return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule) if prunable(layer) else layer

    tf_keras.utils.set_random_seed(seed)
    targets = None
    if train.y is None or len(model.outputs) > 1:
        targets = predictions(model, train, data, settings)  # before the layers are taken over
    pruned = wrapped(model)
    fine_tune(pruned, train, targets, data, settings, [sparsity.UpdatePruningStep()], progress)
    return sparsity.strip_pruning(pruned)


def flat(model: Any) -> Iterator[Any]:
    """The layers of a `tf_keras` model, those of nested models in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat(layer)
        else:
            yield layer


def prunable(layer: Any) -> bool:
    """Whether TFMOT prunes a layer of `tf_keras`, and it has weights to prune."""
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    if not PruneRegistry.supports(layer):
        return False
    return bool(PruneRegistry.make_prunable(layer).get_prunable_weights())


def _facts(model: Any) -> Pruned:
    import numpy as np

    shares, left = {}, []
    for layer in flat(model):
        kernels = [w.numpy() for w in layer.weights if "kernel" in w.name or "embeddings" in w.name]
        if kernels and prunable(layer):
            shares[layer.name] = float(np.mean(np.concatenate([k.ravel() for k in kernels]) == 0))
        elif kernels:
            left.append(layer.name)
    return Pruned(shares, tuple(left))
