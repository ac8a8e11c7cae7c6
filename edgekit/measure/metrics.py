"""How good predictions are, by the measure that a project chooses instead of top-1 accuracy.

| metric | of | better is |
|---|---|---|
| `top-K` | class indices: share of samples whose label is among the K largest outputs | higher |
| `f1` | class indices: unweighted mean over classes of 2 TP / (2 TP + FP + FN) | higher |
| `auc` | two classes: probability that a positive sample scores above a negative one | higher |
| `mae`, `mse` | numbers: mean absolute and mean squared difference | lower |
| `module:function` | the project's own, `function(targets, predictions) -> float` | higher |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from edgekit.data.metric import LOWER
from edgekit.data.samples import Samples
from edgekit.errors import DataError
from edgekit.measure.intervals import CONFIDENCE
from edgekit.types import Measurement

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
Metric = Callable[[Any, Any], float]
"""Of targets (N,) or (N, K) and predictions (N, K)."""


def measured(
    name: str, samples: Samples, predictions: np.ndarray, reference: np.ndarray | None, runtime: str
) -> list[Measurement]:
    """The metric, and how much worse it is than the reference's on the same samples.

    Args:
      name: see above.
      samples: with labels or targets.
      predictions, reference: (N, K) float32, in real values.

    Returns:
      `metric`, and `metric_loss` where there is a reference; with intervals of the bootstrap over samples, paired for
      the loss.

    Raises:
      DataError: the dataset has no targets, or the metric fails or is not a number on them.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", sections 8 and 13.
    """
    import numpy as np

    ranked = name in ("f1", "auc") or name.startswith("top-")
    first, second = (samples.y, samples.targets) if ranked else (samples.targets, samples.y)
    targets = second if first is None else first
    if targets is None:
        raise DataError(f"metric {name}: the evaluation set has no targets; add y_test")
    function, sign = _function(name), 1 if name in LOWER else -1
    rows = np.random.default_rng(0).integers(0, len(targets), (RESAMPLES, len(targets)))
    value = _checked(name, function, targets, predictions)
    spread = [_checked(name, function, targets[r], predictions[r]) for r in rows]
    better = "lower" if name in LOWER else "higher"
    found = [_measurement("metric", value, spread, runtime, f"{name}; {better} is better", len(targets))]
    if reference is not None:
        loss = sign * (value - _checked(name, function, targets, reference))
        losses = [
            sign * (new - _checked(name, function, targets[r], reference[r]))
            for new, r in zip(spread, rows, strict=True)
        ]
        said = f"{name}: how much worse than the float model"
        found.append(_measurement("metric_loss", loss, losses, runtime, said, len(targets)))
    return found


def top_k(targets: np.ndarray, predictions: np.ndarray, k: int) -> float:
    """Share of samples, 0 to 1, whose label is among the K largest outputs; of equal outputs the first counts."""
    import numpy as np

    largest = np.argsort(-predictions, axis=1, kind="stable")[:, :k]
    return float((largest == targets.reshape(-1, 1)).any(axis=1).mean())


def f1(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Macro F1 over the classes that occur among targets or predictions."""
    import numpy as np

    from edgekit.measure.metrics import classes

    labels, said = targets.ravel().astype(np.int64), classes(predictions)
    size = int(max(labels.max(), said.max())) + 1
    right = np.bincount(labels[labels == said], minlength=size)
    total = np.bincount(labels, minlength=size) + np.bincount(said, minlength=size)
    return float(np.mean(2 * right[total > 0] / total[total > 0]))


def auc(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Area under the ROC curve, from ranks; ties count half. Of two outputs the second is the positive class's.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve".
    """
    import numpy as np

    positive = targets.ravel() > 0.5
    if positive.all() or not positive.any():
        return 0.5  # of a resample with one class, which says nothing
    scores = predictions[:, -1]
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse.ravel()]
    ones = int(positive.sum())
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * (len(scores) - ones)))


def mae(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Mean absolute difference over samples and outputs."""
    import numpy as np

    return float(np.abs(targets.reshape(predictions.shape) - predictions).mean())


def mse(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Mean squared difference over samples and outputs."""
    import numpy as np

    return float(np.square(targets.reshape(predictions.shape) - predictions).mean())


def _function(name: str) -> Metric:
    if ":" in name:
        from edgekit.data.function import resolve

        return cast(Metric, resolve(name, DataError))
    if name.startswith("top-"):
        return lambda targets, predictions: top_k(targets, predictions, int(name.removeprefix("top-")))
    found: dict[str, Metric] = {"f1": f1, "auc": auc, "mae": mae, "mse": mse}
    return found[name]


def _checked(name: str, function: Metric, targets: np.ndarray, predictions: np.ndarray) -> float:
    try:
        value = float(function(targets, predictions))
    except Exception as problem:
        said = " ".join(str(problem).split())[:200]
        raise DataError(f"metric {name}: raised {type(problem).__name__}: {said}") from problem
    if not math.isfinite(value):
        raise DataError(f"metric {name}: gave {value}, which cannot be compared with a limit; return a finite number")
    return value


def _measurement(name: str, value: float, spread: list[float], runtime: str, reason: str, count: int) -> Measurement:
    cut = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    ordered = sorted(spread)
    low, high = ordered[cut], ordered[-1 - cut]
    return Measurement(name, value, "", runtime=runtime, samples=count, low=low, high=high, reason=reason)


def classes(predictions: np.ndarray) -> np.ndarray:
    """Top-1 class of each sample, (N, K) float32 to (N,) int64."""
    import numpy as np

    if predictions.shape[1] == 1:
        return (predictions[:, 0] > 0.5).astype(np.int64)
    return predictions.argmax(axis=1)
