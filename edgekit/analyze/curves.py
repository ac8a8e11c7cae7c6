"""What an analysis of sensitivity says, as types. Published as `edgekit.sensitivity/1`.

Errors are in percent (0 to 100): the share of samples whose class is not the label, or, without labels, not the float
model's. An SQNR is in dB, and None where nothing changed.
"""

from typing import Final, Literal

from msgspec import Struct

from edgekit.quantize.settings import Quantize

SENSITIVITY: Final = "edgekit.sensitivity/1"
Method = Literal["prune", "quantize", "channels"]
Part = Literal["weights", "activations"]
BITS = (8.0, 6.0, 5.0, 4.0, 3.0, 2.0)
ACTIVATION_BITS = 8.0


class Sweep(Struct, frozen=True):
    """What is tried, and on which samples."""

    method: Method
    levels: tuple[float, ...]
    """Sparsities from 0 to below 1, or bit widths of weights."""
    samples: int = 1000
    """Training samples that calibration does not use."""
    exclude: tuple[str, ...] = ()
    """Patterns of layers that are left out."""
    quantize: Quantize | None = None
    """How the target quantizes, or None."""


class Effect(Struct, frozen=True):
    """How a model answers."""

    error: float
    loss: float | None
    """Mean over the samples: cross-entropy with the labels, or squared distance from the float model's answers; None
    where it is not finite."""
    sqnr: float | None
    """Of the outputs against the float model's; of several, the worst."""


class Point(Struct, frozen=True):
    """One layer changed, the others as they were."""

    level: float
    """Sparsity, or bits."""
    of: Part
    effect: Effect
    ratio: float | None
    """(E - E0) / E0 of the error rates after and before; None where E0 is 0."""


class Curve(Struct, frozen=True):
    """A layer at all levels."""

    layer: str
    kind: str
    weights: int
    """How many the method can change."""
    points: tuple[Point, ...]


class SensitivityCurves(Struct, frozen=True):
    """What the layers of a model tolerate."""

    method: Method
    labelled: bool
    """Whether errors are counted by labels; else against the float model's classes."""
    samples: int
    before: Effect
    """Of the model as it is."""
    curves: tuple[Curve, ...]


class Choice(Struct, frozen=True):
    """A level of a layer: one that is proposed, or the mildest of a layer that is left as it is."""

    layer: str
    of: Part
    level: float
    predicted: float
    """Error with this change alone, simulated,"""
    confirmed: float | None
    """and of the converted `.tflite`; None where it was not converted: a float file does not round activations."""
    saved: int
    """Bytes: weights that become zero, or bits of weights that go."""


class Proposal(Struct, frozen=True):
    """A recipe, and what it does to the error. All errors are of the same samples."""

    limit: float
    """Points that the error may rise by, all changes together."""
    choices: tuple[Choice, ...]
    refused: tuple[Choice, ...]
    """What is left as it is."""
    predicted: float
    """Error with all changes together, simulated,"""
    confirmed: float | None
    """and of the float `.tflite`; None where activations are rounded, which a float file does not."""
    shipped: float | None
    """Error of the `.tflite` as the target ships it, quantized; None where it does not quantize."""
    converted: float
    """Error of the float `.tflite` without changes."""
    recipe: str
    """As TOML, for `build --recipe`."""


class Sensitivity(Struct, frozen=True):
    """`sensitivity.json`."""

    schema: Literal["edgekit.sensitivity/1"]
    model: str
    target: str
    measured: SensitivityCurves
    proposal: Proposal
    notes: list[str]
    """What a reader has to know before the figures."""
