"""What is shown beside a report."""

from __future__ import annotations

from msgspec import Struct

from edgekit.flatbuffer.anatomy import Anatomy
from edgekit.measure.differences import Differences
from edgekit.report.types import HistoryEntry


class Extras(Struct, frozen=True):
    """What formats may show beside the report."""

    anatomy: Anatomy | None = None
    differences: Differences | None = None
    trend: list[HistoryEntry] = []
    """Earlier builds of the same model for the same target, the oldest first."""
    places: dict[str, tuple[str, int]] = {}
    """Of each limit the file, relative to the project, and the line where it stands."""
    labels: tuple[str, ...] = ()
    """Names of the classes, where anything names them."""
    outputs: tuple[str, ...] = ()
    """Names of the model's outputs."""
