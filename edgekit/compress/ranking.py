"""How much each channel matters: the least are removed first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgekit.compress.dependencies import CONVOLUTIONS, DEPTHWISE, Dependencies
from edgekit.compress.narrow import axes
from edgekit.compress.targets import TrainingTargets, batch_loss

if TYPE_CHECKING:
    import numpy as np

BATCHES = 16
"""Over which gradients are taken."""


def rank(
    by: str, model: Any, found: Dependencies, x: list[Any], taught: TrainingTargets, batch_size: int, seed: int
) -> np.ndarray:
    """How much each channel matters.

    Args:
      by: see `edgekit.profile.recipe.Channels.by`.
      x: prepared training samples, for each input (N, …).

    Returns:
      for each label the value of its class, not negative; NaN where `by` says nothing of it.
    """
    import numpy as np

    size = len(found.labels)
    if by == "random":
        return np.random.default_rng(seed).random(size)
    if by == "taylor":
        return taylor(model, found, x, taught, batch_size)
    totals, known = np.zeros(size), np.zeros(size, dtype=bool)
    for roots, kind, name, value in _weights(found, "before" if by == "connectivity" else "after"):
        if by == "batchnorm":
            wanted = kind == "BatchNormalization" and name == "gamma"
        else:
            wanted = "kernel" in name and (kind not in DEPTHWISE or by != "connectivity")
        if wanted:
            flat = np.abs(value.reshape(len(roots), -1).astype(np.float64))
            np.add.at(totals, roots, (flat if by in ("l1", "batchnorm") else flat**2).sum(axis=1))
            known[roots] = True
    scores = totals if by in ("l1", "batchnorm") else np.sqrt(totals)
    return np.where(known, scores, np.nan)


def taylor(model: Any, found: Dependencies, x: list[Any], taught: TrainingTargets, batch_size: int) -> np.ndarray:
    """What removing a channel would change in the loss, to first order: the mean over training batches of
    (Σ weight x gradient)², over all weights that make the channel.

    Source: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", equation 8.
    """
    import numpy as np
    import tensorflow as tf

    layers = dict.fromkeys(call.layer for call in found.calls)  # those that do not train matter as much
    variables = [w for layer in layers for w in layer.weights if "moving" not in w.name]

    @tf.function(autograph=False, reduce_retracing=True)
    def products(*batch: Any) -> Any:
        inputs, targets = batch[: len(x)], batch[len(x) :]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            several = isinstance(taught.targets, list)
            part = TrainingTargets(list(targets) if several else targets[0], taught.loss)
            loss = batch_loss(model, part, list(inputs), slice(None))
        given = tape.gradient(loss, variables, unconnected_gradients="zero")
        return [w * tf.convert_to_tensor(g) for w, g in zip(variables, given, strict=True)]

    targets = taught.targets if isinstance(taught.targets, list) else [taught.targets]
    total, batches = np.zeros(len(found.labels)), min(BATCHES, -(-len(x[0]) // batch_size))
    for n in range(batches):
        rows = slice(n * batch_size, (n + 1) * batch_size)
        values = products(*(tf.constant(a[rows]) for a in (*x, *targets)))
        known = {w.ref(): value.numpy() for w, value in zip(variables, values, strict=True)}
        change = np.zeros_like(total)
        for roots, _, _, value in _weights(found, "after", known):
            np.add.at(change, roots, value.reshape(len(roots), -1).sum(axis=1))
        total += change**2
    return total / batches


def _weights(
    found: Dependencies, side: str, values: dict[Any, np.ndarray] | None = None
) -> Iterator[tuple[np.ndarray, str, str, np.ndarray]]:
    """The weights of each layer that run over channels, as (roots, class, name, values with the channels first).

    Args:
      side: "after" for what makes a channel, "before" for what reads it.
      values: what to give in the place of the weights, by their references; others are left out.
    """
    import numpy as np

    seen = set()
    for call in found.calls:
        kind = type(call.layer).__name__
        if id(call.layer) in seen or kind not in CONVOLUTIONS | DEPTHWISE | {"BatchNormalization"}:
            continue
        seen.add(id(call.layer))
        before, after = found.root(call.inputs[0]), found.root(call.output)
        for w in call.layer.weights:
            name = w.name.split("/")[-1].split(":")[0]
            if values is not None and w.ref() not in values:
                continue
            value = w.numpy() if values is None else values[w.ref()]
            on = axes(kind, name, value.shape, before, after)
            wanted = before if side == "before" else after
            if kind in DEPTHWISE and side == "after" and name != "bias":
                wanted = before  # a depthwise kernel lies under the channel that it reads
            for axis, roots in on.items():
                if roots is wanted:
                    times = value.shape[axis] // len(roots)
                    yield np.repeat(roots, times), kind, name, np.moveaxis(value, axis, 0)
