"""Whether samples are on the scale that a model was trained on: pixels of 0 … 255 or of 0 … 1 look alike to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.measure.metrics import classes
from edgekit.measure.skill import skill
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

SURE = 1e-7
"""No answer is taken to be surer than this, so that one wrong sample does not decide alone."""


class ValueRange(Struct, frozen=True):
    """The values of a dataset's training samples, as they are stored."""

    low: float
    high: float


class Fit(Struct, frozen=True):
    """How well answers fit the labels."""

    kind: Literal["classes", "numbers", "none"]
    """What the labels are."""
    score: float = 0.0
    """Of classes the mean logarithm of the probability that was given to the right one, of numbers the share of the
    variance that is explained: the right scale has the largest."""
    chance: float = 0.0
    """The score of answers that know the labels' frequencies, or their mean, and nothing of the sample."""
    accuracy: float | None = None
    """Percent, of classes."""

    @property
    def knows(self) -> bool:
        """Whether the answers are better than chance: no scale meets labels that are in another order."""
        return self.score > self.chance


@stage("value range", process=TOOLS, libraries=("numpy", "pillow"))
def value_range(work: Work, data: DataSpec) -> ValueRange:
    """The least and the largest value of the training samples, over all inputs."""
    samples = read_dataset(data).train
    return ValueRange(min(float(x.min()) for x in samples.x), max(float(x.max()) for x in samples.x))


@stage("fit", process=TOOLS, libraries=("numpy", "pillow"))
def fit(work: Work, predictions: Artifact, data: DataSpec) -> Fit:
    """How well a model's answers on the evaluation set fit its labels.

    Args:
      predictions: `predictions.npy`, (N, K) float32, of the first output.
    """
    import numpy as np

    return fitted(np.load(predictions.path), read_dataset(data).evaluation)


def fitted(predictions: np.ndarray, samples: Samples) -> Fit:
    """The same of arrays."""
    import numpy as np

    if samples.y is not None:
        chosen = np.log(np.clip(_probabilities(predictions)[np.arange(len(samples.y)), samples.y], SURE, 1.0))
        right = 100 * float((classes(predictions) == samples.y).mean())
        shares = np.unique(samples.y, return_counts=True)[1] / len(samples.y)
        return Fit("classes", float(chosen.mean()), float((shares * np.log(shares)).sum()), right)
    explained = skill(predictions, None, samples.targets, "")
    return Fit("none") if explained is None or explained.value is None else Fit("numbers", explained.value)


def _probabilities(predictions: np.ndarray) -> np.ndarray:
    """Of each class, (N, K) or (N, 2) for a single output; what are no probabilities yet are taken for logits."""
    import numpy as np

    values = np.nan_to_num(predictions.astype(np.float64))
    shares = values.min() >= 0 and values.max() <= 1
    if values.shape[1] == 1:
        yes = values[:, 0] if shares else 1 / (1 + np.exp(-np.clip(values[:, 0], -50, 50)))
        return np.stack([1 - yes, yes], axis=1)
    if shares and np.abs(values.sum(axis=1) - 1).max() < 1e-2:
        return values
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
