"""How near a model's answers are to another model's, value by value: what is left to judge by where no labels are.

A figure over all values can hide that some of them are gone: scores of 0 to 1 beside coordinates in pixels, or a
regression that answers its mean. So each value of an output is looked at for itself, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.types import Measurement

if TYPE_CHECKING:
    import numpy as np

EQUAL = "no noise: the predictions are equal"
LOST_DB = 3.0
"""A value whose variation is less than so far above the noise on it does not follow the reference any more."""
CONSTANT, SLIGHT = 1e-5, 0.1
"""How little, as a share of its size, a value varies that is constant, and one of which the samples tell too little."""
FEWEST = 8
"""Samples from which on it can be said how a value varies."""
NO_CLASSES = "not of classes: the values are no probabilities"


def sqnr(predictions: np.ndarray, reference: np.ndarray, runtime: str = "") -> Measurement:
    """Power of the reference over power of the difference from it, in dB, over all samples and outputs."""
    import numpy as np

    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(predictions.astype(np.float64) - reference).sum())
    value, reason = None, ""
    if not np.isfinite(signal + noise):
        reason = "the predictions hold values that are not finite"
    elif not noise:
        reason = EQUAL
    elif not signal:
        reason = "no signal: the reference is zero"
    else:
        value = 10 * float(np.log10(signal / noise))
    return Measurement("sqnr", value, "dB", runtime=runtime, samples=len(predictions), reason=reason)


def lost_outputs(predictions: np.ndarray, reference: np.ndarray, runtime: str, columns: int) -> Measurement:
    """Share of an output's values, in percent, that vary in the reference and do not follow it any more.

    The values are those of the last axis, over all samples and other axes. Probabilities and other values from 0 to 1
    count as one, since a class that never occurs has nothing to lose. What does not vary in the reference is left out;
    what varies little is the difference between the lower and the upper end of the interval.

    Args:
      predictions, reference: (N, K) float32.
      columns: length of the output's last axis, a divisor of K.
    """
    import numpy as np

    one, samples = columns == 1 or unit_range(reference), len(reference)
    if samples < FEWEST:
        reason = f"skipped: {samples} samples do not tell how a value varies"
        return Measurement("lost_outputs", None, "%", runtime=runtime, samples=samples, reason=reason)
    before, after = (array.astype(np.float64) for array in (reference, predictions))
    parts = [before, after, before - before.mean(axis=0)]
    before, after, varying = (array.reshape(-1, 1 if one else columns) for array in parts)
    with np.errstate(invalid="ignore", over="ignore"):
        signal, noise, power = (np.square(array).mean(axis=0) for array in (varying, after - before, before))
        varies = signal > power * CONSTANT**2
        gone = varies & ~(signal >= noise * 10 ** (LOST_DB / 10))
        gone |= ~np.isfinite(after).all(axis=0) & np.isfinite(before).all(axis=0)
        surely = gone & ((signal > power * SLIGHT**2) | ~np.isfinite(noise))
    counted = max(int((varies | gone).sum()), 1)
    low, high = (100 * float(found.sum()) / counted for found in (surely, gone))
    listed = ", ".join(map(str, np.flatnonzero(gone)[:5])) + (" …" if gone.sum() > 5 else "")
    reason = ("the output does not follow the float model's" if one else f"values {listed} of each row") if high else ""
    if high > low:
        reason += f"; the float model's vary by less than {100 * SLIGHT:.0f} % in these samples"
    return Measurement("lost_outputs", low, "%", "measured", runtime, samples, low, high, reason=reason)


def unit_range(reference: np.ndarray) -> bool:
    """Whether all values are from 0 to 1, as probabilities are."""
    return bool(reference.size and reference.min() >= -1e-6 and reference.max() <= 1 + 1e-6)


def probabilities(reference: np.ndarray, columns: int) -> bool:
    """Whether (N, K) outputs are probabilities of classes: rows of the last axis that add up to 1, or a single one."""
    import numpy as np

    if not unit_range(reference):
        return False
    if columns <= 1:
        return reference.shape[1] == 1
    return bool(np.abs(reference.reshape(-1, columns).sum(axis=1) - 1).max() < 1e-2)


def no_classes(reference: np.ndarray, columns: int) -> str:
    """Why the largest value of a sample is no class; "" where it is one."""
    return "" if probabilities(reference, columns or reference.shape[1]) else NO_CLASSES
