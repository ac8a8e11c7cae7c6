"""Which weights stay when others go."""

from __future__ import annotations

from typing import Any


def magnitude_mask(kernel: Any, sparsity: float) -> Any:
    """Mask of the weights that stay when the smallest ones go.

    Args:
      kernel: weights of one layer, or how much each matters, any shape.
      sparsity: share of weights to remove, 0 <= sparsity < 1.

    Returns:
      bool array of kernel's shape; ties keep the earlier weight, so that the count is exact.

    Source: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", section 3.
    """
    import numpy as np

    size = np.abs(kernel).ravel()
    mask = np.ones(size.size, dtype=bool)
    # Sorted from the back, the later of equals comes first.
    order = size.size - 1 - np.argsort(size[::-1], kind="stable")
    mask[order[: round(sparsity * size.size)]] = False
    return mask.reshape(kernel.shape)


def two_of_four_mask(kernel: Any) -> Any:
    """Mask that keeps the two largest of every four neighbours along the input channels.

    Args:
      kernel: (…, inputs, outputs); the inputs that are left after the last four are kept.

    Source: Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks", section 3.
    """
    import numpy as np

    inputs = kernel.shape[-2]
    whole = inputs - inputs % 4
    rows = np.moveaxis(np.abs(kernel), -2, -1)
    mask = np.ones(rows.shape, dtype=bool)
    groups = rows[..., :whole].reshape(*rows.shape[:-1], whole // 4, 4)
    order = np.argsort(-groups, axis=-1, kind="stable")
    kept = np.zeros(groups.shape, dtype=bool)
    np.put_along_axis(kept, order[..., :2], True, axis=-1)
    mask[..., :whole] = kept.reshape(*rows.shape[:-1], whole)
    return np.moveaxis(mask, -1, -2)


def shares_of_smallest(values: dict[str, Any], sparsity: float) -> dict[str, float]:
    """Each layer's share of the smallest values of all layers.

    Args:
      values: for each layer an array of any shape, not negative.
      sparsity: share of all values.

    Returns:
      the share of each layer's values that are among the `sparsity` smallest of all. No layer is emptied: one that
      would be keeps its largest value.
    """
    import numpy as np

    every = np.concatenate([v.ravel() for v in values.values()])
    owner = np.repeat(np.arange(len(values)), [v.size for v in values.values()])
    smallest = np.argsort(every, kind="stable")[: round(sparsity * len(every))]
    gone = np.bincount(owner[smallest], minlength=len(values))
    return {name: float(min(lost, v.size - 1) / v.size) for (name, v), lost in zip(values.items(), gone, strict=True)}
