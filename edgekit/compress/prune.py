"""Pruning of weights by magnitude, with fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.data.samples import read
from edgekit.data.spec import DataSpec
from edgekit.errors import RecipeError
from edgekit.model.read import NORMAL, open_normal, save
from edgekit.target import Prune
from edgekit.types import Pruned


def prune_file(model: str, data: DataSpec, settings: Prune, seed: int, folder: str, progress: Progress) -> Pruned:
    """Prunes the model in a file and writes the result to `folder`."""
    pruned = prune(open_normal(model), data, settings, seed, progress)
    save(pruned, Path(folder) / NORMAL)
    return _facts(pruned)


def prune(model: Any, data: DataSpec, settings: Prune, seed: int, progress: Progress) -> Any:
    """Sets the smallest weights of each layer to zero while the model trains on.

    Args:
      model: `tf_keras.Model`; its layers are taken over.
      data: whose training samples the model is fine-tuned on.

    Returns:
      `tf_keras.Model` of the same architecture, with `settings.sparsity` of each prunable kernel at zero.

    Raises:
      RecipeError: no layer can be pruned.

    Source: Zhu and Gupta 2017, "To prune, or not to prune"; TFMOT's `prune_low_magnitude`.
    """
    import tf_keras
    from tensorflow_model_optimization.sparsity import keras as sparsity

    if not any(prunable(layer) for layer in model.layers):
        raise RecipeError("recipe.prune: the model has no layer that TFMOT can prune; set recipe.prune = false")
    dataset = read(data)
    steps = settings.epochs * -(-len(dataset.train.x) // settings.batch_size)
    end = max(1, round(steps * (1 - settings.settle)))
    frequency = max(1, end // 30)
    if settings.schedule == "constant":
        schedule = sparsity.ConstantSparsity(settings.sparsity, 0, end, frequency)
    else:
        schedule = sparsity.PolynomialDecay(settings.initial_sparsity, settings.sparsity, 0, end, frequency=frequency)

    tf_keras.utils.set_random_seed(seed)
    teacher = None if dataset.train.y is not None else tf_keras.models.clone_model(model)
    if teacher is not None:
        teacher.set_weights(model.get_weights())
    wrapped = tf_keras.models.clone_model(
        model,
        clone_function=lambda layer: (
            sparsity.prune_low_magnitude(layer, pruning_schedule=schedule) if prunable(layer) else layer
        ),
    )
    fine_tune(wrapped, teacher, dataset.train, data, settings, [sparsity.UpdatePruningStep()], progress)
    return sparsity.strip_pruning(wrapped)


def prunable(layer: Any) -> bool:
    """Whether TFMOT prunes a layer of `tf_keras`, and it has weights to prune."""
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    return PruneRegistry.supports(layer) and bool(PruneRegistry._weight_names(layer))


def _facts(model: Any) -> Pruned:
    import numpy as np

    shares, left = {}, []
    for layer in model.layers:
        kernels = [w.numpy() for w in layer.weights if "kernel" in w.name or "embeddings" in w.name]
        if kernels and prunable(layer):
            shares[layer.name] = float(np.mean(np.concatenate([k.ravel() for k in kernels]) == 0))
        elif kernels:
            left.append(layer.name)
    return Pruned(shares, tuple(left))
