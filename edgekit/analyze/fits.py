"""How well distributions describe what was seen, and the error they expect of a quantizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from edgekit.analyze import error_models as expected
from edgekit.analyze.findings import ErrorModel
from edgekit.analyze.histogram import Bins, distance, quantile

if TYPE_CHECKING:
    import numpy as np

Cdf = Callable[[float], float]
Cost = Callable[[float, float, float, float, float], float]
LIKELIHOODS = {"gaussian": expected.gaussian_log_likelihood, "laplace": expected.laplace_log_likelihood}


def value_models(found: Bins, low: float, high: float, step: float, signal: float, noise: float) -> list[ErrorModel]:
    """Gaussian and Laplace fits (maximum likelihood) of values that are not zero.

    Values of one sign are taken as one half of a distribution around zero: its moments are those of the values, and
    so is the error at the one end of the range that it has.

    Args:
      low, high, step: of the quantizer.
      signal: mean square of all values.
      noise: measured mean square error of all values.
    """
    import numpy as np

    if found.total <= found.zeros or step <= 0:
        return []
    x, count = found.center, found.counts / found.counts.sum()
    folded = bool(found.low[0] >= 0 or found.high[-1] <= 0)
    mean = 0.0 if folded else float(np.sum(count * x))
    median = 0.0 if folded else quantile(found._replace(zeros=0), 0.5)
    deviation, b = math.sqrt(float(np.sum(count * (x - mean) ** 2))), float(np.sum(count * np.abs(x - median)))
    if deviation <= 0 or b <= 0:
        return []
    if folded:
        high = high if found.low[0] >= 0 else -low
        low = -high
    present, normal = 1 - found.zeros / found.total, NormalDist(mean, deviation)

    def model(name: Literal["gaussian", "laplace"], center: float, scale: float, cdf: Cdf, cost: Cost) -> ErrorModel:
        share = np.array([cdf(x) for x in found.high])
        if folded:
            share = 2 * share - 1 if found.low[0] >= 0 else 2 * share
        wanted = present * cost(low, high, step, center, scale)
        ratio = noise / wanted if wanted else None
        likelihood = LIKELIHOODS[name](scale) + (math.log(2) if folded else 0.0)
        sqnr = expected.sqnr_db(signal, wanted)
        return ErrorModel(name, folded, center, scale, wanted, sqnr, ratio, distance(found, share), likelihood)

    return [
        model("gaussian", mean, deviation, normal.cdf, expected.gaussian_noise),
        model("laplace", median, b, lambda x: expected.laplace_cdf(x, median, b), expected.laplace_noise),
    ]


def uniform_model(parts: np.ndarray, step: float, zeros: float, signal: float, noise: float) -> ErrorModel:
    """A rounding error that is uniform within half a step.

    Args:
      parts: histogram over one step of the errors of values that are neither zero nor clipped.
      zeros: share of the values, 0 to 1.
      signal, noise: measured mean squares.
    """
    import numpy as np

    wanted = (1 - zeros) * expected.rounding_noise(step)
    ours, even = np.cumsum(parts) / max(1, parts.sum()), np.arange(1, len(parts) + 1) / len(parts)
    far = float(np.abs(ours - even).max()) if parts.sum() else 0.0
    ratio = noise / wanted if wanted else None
    return ErrorModel("uniform", False, 0.0, step, wanted, expected.sqnr_db(signal, wanted), ratio, far, 0.0)
