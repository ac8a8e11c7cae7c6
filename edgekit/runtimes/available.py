"""Which runtimes of a target are here."""

from __future__ import annotations

from msgspec import Struct

from edgekit.errors import SetupError
from edgekit.runtimes import stand_in
from edgekit.runtimes.settings import Runtimes


class Here(Struct, frozen=True):
    """Which runtimes of a target can be asked."""

    shipped: str
    """Which stands for the device."""
    engines: list[str]
    """All of them, that one first."""
    notes: list[str]
    """What stands in, and what is missing."""


def available(runtimes: Runtimes) -> Here:
    """The runtimes of a target that are here.

    Raises:
      SetupError: the one that ships is not, and none stands in for it.
    """
    shipped, why = stand_in(runtimes.ship)
    engines, notes = [shipped], [why]
    for name in runtimes.compare:
        try:
            there, why = stand_in(name)
            engines.append(there)
        except SetupError as error:
            why = f"not compared: {error}"
        notes.append(why)
    return Here(shipped, list(dict.fromkeys(engines)), [note for note in dict.fromkeys(notes) if note])
