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
    engines, notes = [shipped], [_written(why, "ship", shipped)]
    for name in runtimes.compare:
        try:
            there, why = stand_in(name)
            engines.append(there)
            why = _written(why, "compare", there)
        except SetupError as error:
            why = f"not compared: {error}, or take it out of runtimes.compare"
        notes.append(why)
    return Here(shipped, list(dict.fromkeys(engines)), [note for note in dict.fromkeys(notes) if note])


def _written(why: str, key: str, there: str) -> str:
    """Why a runtime stands in for another one, and what makes it the one that is asked for."""
    return why and f'{why}; write "{there}" in runtimes.{key}'
