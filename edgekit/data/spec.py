"""What a dataset is to a build: where it lies, and what the model wants of it."""

from typing import ClassVar, Literal

from msgspec import Struct

from edgekit.data.preprocessing import Preprocessing
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend
from edgekit.types import TensorSpec

RANDOM = "random"
"""The dataset that is none: for size and speed only."""


def plain_name(tensor: str) -> str:
    """A tensor's name as a person knows it: that of the signature or the layer, without what TensorFlow adds."""
    return tensor.removeprefix("serving_default_").split(":")[0].split("/")[0]


class DataSpec(Struct, frozen=True):
    """A dataset, as stages receive it."""

    PLACES: ClassVar = ("source",)
    """Fields that decide no result: where it lies, for the hash says what it is."""
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
    held_out: bool = False
    """Whether some training samples train and calibrate nothing, so that they can judge (`edgekit.data.held_out`),"""
    reserve: bool = False
    """and whether half of them choose nothing either, so that they can judge what the other half chose."""
    judged_by: Literal["evaluation", "held_out", "reserve"] = "evaluation"
    """Which samples stand for the evaluation set."""
    outputs: tuple[TensorSpec, ...] = ()
    """What the model answers, in its order."""
    metric: str = "accuracy"
    """What it is scored by, see `edgekit.measure.metrics`: decides whether y are classes."""
    group: str = ""
    """The array that says which samples belong together; `group`, where there is one, if it is empty."""
    frontend: AnyFrontend | None = None
    """Through which the samples have yet to go; None where they are what the model takes."""

    def output(self, number: int) -> str:
        """Name of an output, as labels and limits call it; its number where names do not tell them apart."""
        names = [plain_name(tensor.name) for tensor in self.outputs]
        return names[number] if number < len(names) and len({*names}) == len(names) else f"{number}"


class DataFacts(Struct, frozen=True):
    """What was found when a dataset was read whole."""

    train: int
    """Training samples, which calibration draws from too."""
    evaluation: int
    """Samples that score accuracy, and nothing else."""
    labelled: bool
    notes: tuple[str, ...] = ()
    """What is to be mended in it, and how."""
    remarks: tuple[str, ...] = ()
    """What was done with it."""
    labels: tuple[str, ...] = ()
    """Names of the classes, where the dataset has any."""
    raw: Raw | None = None
    """What the sensor gives for a sample, where a front-end makes the samples of it."""
