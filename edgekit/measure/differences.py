"""Where the answers of what ships are not those of the float model, as a page shows them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class ChangedSample(Struct, frozen=True):
    """A sample, drawn as what it is."""

    index: int
    """In the evaluation set."""
    label: int | None
    before: int
    """Class that the float model sees."""
    after: int
    """Class that the shipped model sees."""
    margins: tuple[float, float]
    """Of both models: by how much the largest output is above the next."""
    kind: Literal["picture", "spectrogram", "waveform", "values"] = "values"
    picture: str = ""
    """Of a picture or spectrogram: PNG, base64."""
    series: list[list[float]] = []
    """Of a waveform: of each channel, values from 0 to 1."""
    values: str = ""
    """Of what is none of them: the first numbers."""


class ClassFigures(Struct, frozen=True):
    """What becomes of the samples of one class; shares in percent, None where there is nothing to take them of."""

    number: int
    samples: int
    """With this label."""
    found_before: float | None
    """Of them, in which the float model sees it (recall),"""
    found: float | None
    """and what ships."""
    right: float | None
    """Of those in which what ships sees it, with this label (precision)."""


class Confusion(Struct, frozen=True):
    """Labels against what the shipped model sees."""

    classes: list[ClassFigures]
    matrix: list[list[int]]
    """Samples by label, and by the class that is seen; empty where there are more than `MATRIX` classes."""
    mistakes: list[tuple[int, int, int]]
    """The most frequent: label, class that is seen, samples."""


class Differences(Struct, frozen=True):
    """All that changed class."""

    count: int
    samples: int
    shown: list[ChangedSample]
    """First those that were right, then those of which the float model was most certain."""
    confusion: Confusion | None = None
    """Where there are labels."""
