"""Samples whose class changed, as a page shows them."""

from __future__ import annotations

from msgspec import Struct


class ChangedSample(Struct, frozen=True):
    """A sample, as a picture or a series where it is one."""

    index: int
    """In the evaluation set."""
    label: int | None
    before: int
    """Class that the float model sees."""
    after: int
    """Class that the shipped model sees."""
    margins: tuple[float, float]
    """Of both models: by how much the largest output is above the next."""
    picture: str = ""
    """PNG, base64."""
    series: list[list[float]] = []
    """Of each channel, values from 0 to 1."""


class Differences(Struct, frozen=True):
    """All that changed class."""

    count: int
    samples: int
    shown: list[ChangedSample]
    """Those of which the float model was most certain."""
