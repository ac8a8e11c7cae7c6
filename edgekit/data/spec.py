"""What a dataset is to a build: where it lies, and what the model wants of it."""

from msgspec import Struct

from edgekit.project import Preprocessing
from edgekit.types import TensorSpec

RANDOM = "random"
"""The dataset that is none: for size and speed only."""


class DataSpec(Struct, frozen=True):
    """A dataset, as stages receive it."""

    source: str
    """`random`, `module:function`, or a path."""
    sha256: str
    """Of the file, of the folder's files, or of the function's module."""
    preprocessing: Preprocessing
    inputs: tuple[TensorSpec, ...]
    """What the model takes, in its order."""
    classes: int
    """How many values the model's first output has."""
    seed: int
    """Of the split, and of random samples."""
    held_out: int = 0
    """Above 0, what stands for the evaluation set are training samples that a calibration set of so many leaves."""


class DataFacts(Struct, frozen=True):
    """What was found when a dataset was read whole."""

    train: int
    """Training samples, which calibration draws from too."""
    evaluation: int
    """Samples that score accuracy, and nothing else."""
    labelled: bool
    note: str = ""
    """What the reader of the report should know."""
    labels: tuple[str, ...] = ()
    """Names of the classes, where the dataset has any."""
