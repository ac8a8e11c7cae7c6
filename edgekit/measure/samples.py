"""Evaluation samples whose class the shipped model sees otherwise than the float one: to be looked at."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.measure.differences import ChangedSample, Differences
from edgekit.measure.metrics import classes
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

MOST = 12
POINTS = 120
"""Of a series that is drawn."""
LARGEST = 96
"""Pixels of a picture's longer side."""


@stage("differences", process=TOOLS, libraries=("numpy", "pillow"))
def differences(work: Work, predictions: Artifact, reference: Artifact, data: DataSpec) -> Differences:
    """Compares two `predictions.npy` of the evaluation set."""
    import numpy as np

    after, before = np.load(predictions.path), np.load(reference.path)
    changed = np.flatnonzero(classes(after) != classes(before))
    certain = _margins(before)
    samples = read_dataset(data).evaluation
    shown = []
    for index in sorted(changed.tolist(), key=lambda i: -certain[i])[:MOST]:
        sample = samples.x[0][index]
        label = None if samples.y is None else int(samples.y[index])
        margins = round(float(certain[index]), 4), round(float(_margins(after[index : index + 1])[0]), 4)
        pair = int(classes(before[index : index + 1])[0]), int(classes(after[index : index + 1])[0])
        shown.append(ChangedSample(index, label, *pair, margins, _picture(sample), _series(sample)))
    return Differences(len(changed), len(after), shown)


def _margins(predictions: np.ndarray) -> np.ndarray:
    import numpy as np

    if predictions.shape[1] == 1:
        return np.abs(predictions[:, 0] - 0.5)
    ordered = np.sort(predictions, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _picture(sample: np.ndarray) -> str:
    """Of height x width, with 1, 3 or 4 channels or none, both at least 8."""
    import numpy as np
    from PIL import Image

    grey = sample[..., 0] if sample.ndim == 3 and sample.shape[2] == 1 else sample
    if not (grey.ndim == 2 or (grey.ndim == 3 and grey.shape[2] in (3, 4))) or min(grey.shape[:2]) < 8:
        return ""
    low, high = float(grey.min()), float(grey.max())
    if grey.dtype != np.uint8:
        grey = ((grey - low) / ((high - low) or 1) * 255).astype(np.uint8)
    image = Image.fromarray(grey)
    image.thumbnail((LARGEST, LARGEST))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _series(sample: np.ndarray) -> list[list[float]]:
    """Of time, or time x at most 8 channels."""
    import numpy as np

    rows = sample.reshape(-1, 1) if sample.ndim == 1 else sample
    if rows.ndim != 2 or len(rows) < 8 or rows.shape[1] > 8:
        return []
    picked = rows[np.linspace(0, len(rows) - 1, min(POINTS, len(rows))).astype(int)].astype(np.float64)
    low, high = picked.min(), picked.max()
    return np.round((picked - low) / ((high - low) or 1), 3).T.tolist()
