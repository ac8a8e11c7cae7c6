"""Pruning in a few rounds, by how much the loss depends on each weight or by size, while the model trains on."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.masks import magnitude_mask, shares_of_smallest, two_of_four_mask
from edgekit.compress.settings import FineTuning
from edgekit.compress.targets import TrainingTargets

BATCHES = 8
"""Over which saliency is averaged."""
UPDATES = 10
"""How often the masks change while the sparsity rises."""


class Masking(Struct, frozen=True):
    """Which weights become zero, and when; the settings of `edgekit.compress.prune.Prune` of the same names."""

    by: Literal["magnitude", "gradient"]
    pattern: Literal["any", "2:4"]
    schedule: Literal["polynomial", "constant"]
    initial_sparsity: float
    settle: float


def prune_in_rounds(
    model: Any,
    weights: dict[str, list[Any]],
    shares: dict[str, float],
    pooled: list[str],
    x: list[Any],
    taught: TrainingTargets,
    settings: FineTuning,
    masking: Masking,
    seed: int,
    progress: Progress,
) -> Any:
    """Sets the weights with the smallest |weight x gradient|, or that are the smallest, to zero in several rounds, and
    trains the rest.

    Args:
      model: `tf_keras.Model`, changed in place.
      weights: for each layer that is pruned its variables.
      shares: for each of these layers the share that goes; of those in `pooled` it is the share of all of them.

    Sources: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", equation 8 (here for single
    weights); Lee et al. 2019, "SNIP" (which does it once, before training: `epochs = 0` or `schedule = "constant"`).
    """
    import numpy as np
    import tf_keras

    steps = settings.epochs * -(-len(x[0]) // settings.batch_size)
    end = max(1, round(steps * (1 - masking.settle)))
    updates = {round(end * n / UPDATES) for n in range(1, UPDATES + 1)} if masking.schedule == "polynomial" else {0}

    def cut(progress: float) -> list[tuple[Any, Any]]:
        """Masks at a point of the schedule, 0 to 1; a weight that is zero has no saliency, so it stays away."""
        every = [w for ws in weights.values() for w in ws]
        if masking.by == "gradient":
            values = saliency(model, every, x, taught, settings.batch_size)
        else:
            values = [np.abs(w.numpy()) for w in every]
        by_layer = {name: [values.pop(0) for _ in ws] for name, ws in weights.items()}
        joined = {name: np.concatenate([v.ravel() for v in vs]) for name, vs in by_layer.items()}
        now = {name: _cubic(min(masking.initial_sparsity, s), s, progress) for name, s in shares.items()}
        if pooled:
            now |= shares_of_smallest({n: joined[n] for n in pooled}, now[pooled[0]])
        masks = []
        for name, variables in weights.items():
            if masking.pattern == "2:4":
                masks += [(w, two_of_four_mask(v)) for w, v in zip(variables, by_layer[name], strict=True)]
                continue
            flat, start = magnitude_mask(joined[name], now[name]), 0
            for w in variables:
                masks.append((w, flat[start : start + w.shape.num_elements()].reshape(w.shape)))
                start += w.shape.num_elements()
        for w, mask in masks:
            w.assign(w.numpy() * mask)
        return masks

    class Cutting(tf_keras.callbacks.Callback):
        done, masks, progress = 0, [], 0.0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.done in updates:
                self.progress = self.done / end if end in updates else 1.0
                self.masks = cut(self.progress)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.done += 1
            for w, mask in self.masks:
                w.assign(w * mask)

    if settings.epochs == 0:
        cut(1.0)
    else:
        last = 1 + end * settings.epochs // steps
        cutting = Cutting()
        fine_tune(model, x, taught, settings, seed, progress, (cutting,), patient_from=last)
        if cutting.progress < 1:  # the training was too short for the schedule
            cut(1.0)
    return model


def saliency(model: Any, weights: list[Any], x: list[Any], taught: TrainingTargets, batch_size: int) -> list[Any]:
    """How much the loss depends on each weight: the mean of |weight x gradient| over the first training batches.

    Returns:
      for each variable an array of its shape.
    """
    import tensorflow as tf

    from edgekit.compress.targets import batch_loss

    totals: list[Any] = [tf.zeros_like(w) for w in weights]
    batches = min(BATCHES, -(-len(x[0]) // batch_size))
    for n in range(batches):
        rows = slice(n * batch_size, (n + 1) * batch_size)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss = batch_loss(model, taught, x, rows)
        given = tape.gradient(loss, weights, unconnected_gradients="zero")
        totals = [t + tf.abs(w * tf.convert_to_tensor(g)) for t, w, g in zip(totals, weights, given, strict=True)]
    return [(total / batches).numpy() for total in totals]


def _cubic(start: float, end: float, progress: float) -> float:
    """Sparsity at a point of the polynomial schedule."""
    return end + (start - end) * (1 - progress) ** 3
