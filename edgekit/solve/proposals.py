"""What is proposed beside Optuna's sampler: choices near the best ones, and none that is known to cost too much."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.solve.space import Parameter

if TYPE_CHECKING:
    import numpy as np

PARENTS = 3
"""So many of the best trials have neighbours."""
SPREAD = 0.25
"""By how much a neighbour differs: the standard deviation of the logarithm, and half of that of a share."""


def neighbour(choices: dict[str, Any], parameters: Sequence[Parameter], rng: random.Random) -> dict[str, Any]:
    """Choices that differ from others in about half of what there is to choose, and in one thing at least."""
    changed = [p for p in parameters if rng.random() < 0.5] or [rng.choice(parameters)]
    return choices | {p.name: _moved(choices[p.name], p, rng) for p in changed}


def _moved(value: Any, parameter: Parameter, rng: random.Random) -> Any:
    if parameter.kind == "one of":
        return rng.choice(parameter.options)
    low, high = parameter.low, parameter.high
    far = rng.gauss(0, SPREAD)
    moved = value * math.exp(far) if low > 0 else value + (high - low) * far / 2
    if parameter.kind == "count":
        moved = round(moved) if round(moved) != value else value + (1 if far > 0 else -1)
    return min(max(moved, low), high)


def foreseen(
    known: Sequence[tuple[dict[str, Any], float]], choices: dict[str, Any], widths: Sequence[Parameter]
) -> float | None:
    """A cost as the costs of other shapes let expect it; None where they are too few to tell.

    Its logarithm is taken for linear in those of the widths, as for a product of them, with most weight on what is
    near.

    Args:
      known: choices and what they cost, above 0.
      widths: what is chosen of the shape.
    """
    shapes = {tuple(c[p.name] for p in widths): cost for c, cost in known if 0 < cost < math.inf}
    if not widths or len(shapes) < 2 * (len(widths) + 1):
        return None
    import numpy as np

    def place(values: Sequence[float]) -> np.ndarray:
        return np.log2([max(float(value), 1e-3) for value in values])

    here = place([choices[p.name] for p in widths])
    there = np.stack([place(shape) for shape in shapes])
    away = there - here
    weights = 1 / (0.1 + np.square(away).sum(1))
    terms = np.concatenate([np.ones((len(away), 1)), away], axis=1) * weights[:, None]
    logarithms = np.log2(list(shapes.values())) * weights
    found = np.linalg.lstsq(
        np.concatenate([terms, 1e-3 * np.eye(terms.shape[1])]),
        np.concatenate([logarithms, np.zeros(terms.shape[1])]),
        rcond=None,
    )[0]
    return float(2 ** found[0])
