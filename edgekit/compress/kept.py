"""What earlier stages made of weights, and training must not undo: zeros, and values that many of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.compress.layers import flat, kernels

if TYPE_CHECKING:
    import numpy as np

FEW = 256
"""Values at most that a layer, or a channel of it, has after clustering."""
SHARE = 0.75
"""Of the weights that are not zero: where there are more different values, they are not shared on purpose."""


def shared(kernel: np.ndarray) -> bool:
    """Whether the weights of a kernel, or those of each of its channels, share few values.

    Args:
      kernel: (…, outputs).
    """
    import numpy as np

    def few(weights: np.ndarray) -> bool:
        weights = weights[weights != 0]
        return len(np.unique(weights)) <= min(FEW, SHARE * weights.size)

    return bool(kernel.any()) and (few(kernel) or all(map(few, np.moveaxis(kernel, -1, 0))))


def kept(model: Any) -> tuple[str, ...]:
    """What there is to keep: "zeros", "clusters"."""
    import numpy as np

    weights = [w.numpy() for layer in flat(model) for w in kernels(layer)]
    zeros = any(np.mean(w == 0) > 0.1 for w in weights)
    return (*(["clusters"] if any(map(shared, weights)) else []), *(["zeros"] if zeros else []))


def keeping(model: Any) -> list[Any]:
    """Callbacks of `tf_keras` that put back, after each training step, what the model has now: weights that are zero
    become zero, weights that share a value share the mean of what they became, which is the closest such point.

    A technique that is being applied says itself what its weights become: values are left to clustering while it
    trains, and where a mask prunes, the weights that it lets through share theirs.
    """
    import numpy as np
    import tensorflow as tf
    import tf_keras

    masks, groups = [], []
    for layer in flat(model):
        pruned = {w.ref(): mask for w, mask, _ in getattr(layer, "pruning_vars", ())}
        for w in kernels(layer):
            values = w.numpy()
            if "centroids" in w.name:
                continue
            if not values.all():
                masks.append((w, tf.constant(values != 0, w.dtype)))
            if shared(values) and not type(layer).__name__.startswith("ClusterWeights"):
                found, group = np.unique(values.ravel(), return_inverse=True)
                groups.append((w, tf.constant(group.ravel(), tf.int32), len(found), pruned.get(w.ref())))

    class Keeping(tf_keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            for w, mask in masks:
                w.assign(w * mask)
            for w, group, count, mask in groups:
                values = tf.reshape(w if mask is None else w * mask, [-1])
                there = tf.cast(values != 0, w.dtype)
                sums, counts = (tf.math.unsorted_segment_sum(v, group, count) for v in (values, there))
                means = tf.gather(tf.math.divide_no_nan(sums, counts), group)
                w.assign(tf.reshape(means * there, w.shape))

    return [Keeping()] if masks or groups else []
