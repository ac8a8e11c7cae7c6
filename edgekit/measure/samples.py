"""Evaluation samples whose class the shipped model sees otherwise than the float one: to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.measure.confusion import confusion
from edgekit.measure.differences import ChangedSample, Differences
from edgekit.measure.drawing import drawn
from edgekit.measure.fidelity import probabilities
from edgekit.measure.metrics import classes
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np


@stage("differences", process=TOOLS, libraries=("numpy", "pillow"))
def differences(
    work: Work, predictions: Artifact, reference: Artifact | None, data: DataSpec, most: int
) -> Differences | None:
    """Compares two `predictions.npy` of the evaluation set, and one of them with the labels.

    Args:
      reference: of the float model; None where there is none.
      most: samples that are drawn.

    Returns:
      None where the first output is no class of each sample.
    """
    import numpy as np

    answers = np.load(predictions.path)
    old = answers if reference is None else np.load(reference.path)
    samples = read_dataset(data).evaluation
    count = max(answers.shape[1], 2)
    known = samples.y is not None and len(samples.y) == len(answers) and int(samples.y.max(initial=0)) < count
    numbers = samples.y is None and samples.targets is not None
    if answers.shape[1] != data.classes or numbers or not (known or probabilities(old, old.shape[1])):
        return None
    after, before = classes(answers), classes(old)
    found = None
    if known and samples.y is not None:
        found = confusion(samples.y, None if reference is None else before, after, count)
    changed, certain = np.flatnonzero(after != before), _margins(old)
    broken = (before == samples.y) if known else np.zeros(len(after), bool)
    shown = []
    for index in sorted(changed.tolist(), key=lambda i: (not broken[i], -certain[i]))[:most]:
        label = int(samples.y[index]) if known and samples.y is not None else None
        margins = round(float(certain[index]), 4), round(float(_margins(answers[index : index + 1])[0]), 4)
        pairs = zip(samples.x, data.inputs, strict=True)
        picture = drawn([array[index].reshape(spec.shape[1:]) for array, spec in pairs])
        shown.append(ChangedSample(index, label, int(before[index]), int(after[index]), margins, **picture))
    return Differences(len(changed), len(after), shown, found)


def _margins(predictions: np.ndarray) -> np.ndarray:
    import numpy as np

    if predictions.shape[1] == 1:
        return np.abs(predictions[:, 0] - 0.5)
    ordered = np.sort(predictions, axis=1)
    return ordered[:, -1] - ordered[:, -2]
