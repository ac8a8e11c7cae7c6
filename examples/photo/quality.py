"""How near a picture is to the clean one: the metric that the budgets hold."""

from __future__ import annotations

import numpy as np


def psnr(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the mean over pictures.

    Args:
      targets, predictions: (N, …), pixels from 0 to 1.
    """
    count = len(targets)
    error = targets.reshape(count, -1) - predictions.reshape(count, -1)
    return float(np.mean(-10 * np.log10(np.maximum(np.square(error).mean(axis=1), 1e-10))))
