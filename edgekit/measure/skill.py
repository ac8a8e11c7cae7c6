"""Whether a model knows anything of the labels: swapped labels or a wrong preprocessing leave it at chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.measure.intervals import Z, wilson
from edgekit.types import Measurement

if TYPE_CHECKING:
    import numpy as np

REORDERED = 0.25
"""By how much, as a share of the samples, answers are better that have the classes in another order."""


def skill(
    predictions: np.ndarray, labels: np.ndarray | None, targets: np.ndarray | None, runtime: str
) -> Measurement | None:
    """How far a model is above chance, in points; None where there is nothing to tell by.

    Of classes: the accuracy less that of answers which are as frequent as the model's and know nothing of the sample.
    An answer that is always the most frequent class is at 0; where the labels fit far better in another order of the
    classes, the interval reaches down to answers that are all wrong. Of numbers: the share of the targets' variance
    that is explained; answering their mean is at 0.

    Args:
      predictions: (N, K) float32.
      labels: class indices (N,), or None.
      targets: (N,) or (N, K) numbers.

    Source: Cohen 1960, "A Coefficient of Agreement for Nominal Scales" (the numerator of kappa); Murphy 1988, "Skill
    Scores Based on the Mean Square Error" (with the normal interval of a mean).
    """
    import numpy as np

    from edgekit.measure.metrics import classes

    count = len(predictions)
    if labels is not None:
        said = classes(predictions)
        size = int(max(labels.max(), said.max())) + 1
        chance = float((np.bincount(labels, minlength=size) * np.bincount(said, minlength=size)).sum()) / count**2
        hits = int((said == labels).sum())
        low, high = (100 * (end - chance) for end in wilson(hits, count))
        value, share = 100 * (hits / count - chance), hits / count
        reason, best = f"accuracy {100 * share:.1f} %, chance {100 * chance:.1f} %", _reordered(labels, said, size)
        if best > max(2 * share, share + REORDERED):
            low, reason = -100 * chance, f"{reason}, but {100 * best:.1f} % with the classes in another order"
        return Measurement("skill", value, "points", runtime=runtime, samples=count, low=low, high=high, reason=reason)
    if targets is None or targets.size != predictions.size or count < 2:
        return None
    truth = targets.reshape(count, -1).astype(np.float64)
    spread = truth.var(axis=0)
    varies = spread > 0
    if not varies.any():
        return None
    truth, answers, spread = truth[:, varies], predictions[:, varies].astype(np.float64), spread[varies]
    gained = ((np.square(truth - truth.mean(axis=0)) - np.square(truth - answers)) / spread).mean(axis=1)
    value, error = float(gained.mean()), Z * float(gained.std(ddof=1)) / count**0.5
    if not np.isfinite(value):
        return None
    ends = 100 * (value - error), 100 * (value + error)
    reason = f"{100 * value:.1f} % of the targets' variance"
    return Measurement("skill", 100 * value, "points", "measured", runtime, count, *ends, reason=reason)


def _reordered(labels: np.ndarray, said: np.ndarray, size: int) -> float:
    """The share of samples that are right if each class of the answers stands for the label that it meets most."""
    import numpy as np

    table = np.zeros((size, size), np.int64)
    np.add.at(table, (said, labels), 1)
    right = 0
    for _ in range(size):
        one, other = np.unravel_index(table.argmax(), table.shape)
        right += int(table[one, other])
        table[one, :] = table[:, other] = 0
    return right / len(labels)
