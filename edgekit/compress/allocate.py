"""A sparsity for each layer, as much as it tolerates."""

from __future__ import annotations

from typing import Any

from edgekit.compress.changes import applied, pruned
from edgekit.compress.greedy import Level, greedy_allocation, rise, shares
from edgekit.compress.layers import flat, prunable_weights
from edgekit.compress.simulation import Simulation
from edgekit.compress.targets import TrainingTargets

SPARSITIES = (0.25, 0.5, 0.7, 0.8, 0.9, 0.95)
LEVELS = (*SPARSITIES, 0.98)
"""Sparsities that layers are allocated from, or in between."""
SAMPLES = 1000


def allocate(
    model: Any,
    x: list[Any],
    taught: TrainingTargets,
    names: list[str],
    sparsity: float,
    samples: int = SAMPLES,
    seed: int = 1,
) -> dict[str, float]:
    """A sparsity for each layer, as much as it tolerates, while the share over all of them is `sparsity`.

    The loss is measured with one layer pruned at a time. From the dense model on, the layer goes one level up whose
    loss rises least for the weights that it gives, until there are enough; the last goes as far as is needed.

    Args:
      model: `tf_keras.Model`; it is the same afterwards.
      x: prepared samples, for each input (N, …).
      taught: the loss, and its targets for these samples.
      names: of the layers, all prunable.
      samples: how many of them, chosen at random, the loss is measured on.

    Returns:
      for each name a sparsity from 0 to 0.98, or `sparsity` where that is more.
    """
    import numpy as np

    if sparsity >= LEVELS[-1]:
        return dict.fromkeys(names, sparsity)
    rows = np.random.default_rng(seed).permutation(len(x[0]))[:samples]
    targets = taught.targets if isinstance(taught.targets, list) else [taught.targets]
    simulation = Simulation(model, [a[rows] for a in x])
    taught = TrainingTargets([t[rows] for t in targets], taught.loss)
    start = mean_loss(simulation.outputs(), taught)
    layers = {layer.name: layer for layer in flat(model) if layer.name in names}
    sizes = {n: sum(w.shape.num_elements() for w in prunable_weights(layer)) for n, layer in layers.items()}
    candidates = {}
    for name, layer in layers.items():
        losses = []
        for level in LEVELS:
            with applied(pruned(layer, level)):
                losses.append(mean_loss(simulation.outputs_after(name), taught))
        candidates[name] = [
            Level(level, level * sizes[name], (rise(start, loss),)) for level, loss in zip(LEVELS, losses, strict=True)
        ]
    return shares(greedy_allocation(candidates), sizes, sparsity)


def mean_loss(outputs: list[Any], taught: TrainingTargets) -> float | None:
    """Sum of the losses of all outputs, or None where it is not finite."""
    import numpy as np
    import tensorflow as tf
    import tf_keras

    targets = taught.targets if isinstance(taught.targets, list) else [taught.targets]
    losses = taught.loss if isinstance(taught.loss, list) else [taught.loss] * len(targets)
    values = [
        tf.reduce_mean(tf_keras.losses.get(loss)(tf.constant(t), tf.constant(o)))
        for loss, t, o in zip(losses, targets, outputs, strict=True)
    ]
    total = float(sum(values))
    return total if np.isfinite(total) else None
