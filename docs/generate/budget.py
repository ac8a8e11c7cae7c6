"""The limits of a budget, from their types and what stands beside them."""

from typing import get_args

from msgspec.structs import fields
from settings import meanings

from edgekit.measure.limits import LIMITS, Budget, Limit
from edgekit.units import Percent, Quantity

NEEDS = {
    "": "",
    "arena": '`runtimes.ship = "tflm"`, or an NPU',
    "npu": "`hardware.npu`",
    "power": "`hardware.current` and `hardware.voltage`, or `hardware.npu_energy`",
    "core": "`outputs.c_standalone = true` and a simulated core",
}
EXAMPLES = {"accuracy": "97.5 %", "npu_coverage": "100 %", "sqnr": "20", "float_sqnr": "60", "max_lsb": "2"}
"""Where that of the unit is no limit that anyone would set."""


def limits() -> str:
    """A line for each limit: how it is written, what it needs, and what holds where it is not set."""
    kinds = {field.name: _quantities(field.type)[0] for field in fields(Budget) if field.name in LIMITS}
    said, lines = meanings(Budget), ["| limit | is | such as | needs | |", "|---|---|---|---|---|"]
    for name, limit in LIMITS.items():
        bound = "at least" if limit.least else "at most"
        meaning = said.get(name, "") + _implied(limit, kinds[name])
        lines.append(
            f'| `{name}` | {bound} | `"{EXAMPLES.get(name, kinds[name].example)}"` | {NEEDS[limit.needs]} | {meaning} |'
        )
    return "\n".join(lines)


def _quantities(kind: object) -> list[type[Quantity]]:
    if isinstance(kind, type) and issubclass(kind, Quantity):
        return [kind]
    return [found for inner in get_args(kind) for found in _quantities(inner)]


def _implied(limit: Limit, kind: type[Quantity]) -> str:
    unit = " %" if kind is Percent else ""
    if limit.implied is not None:
        return f" By default `{float(limit.implied):g}{unit}`."
    if limit.unlabelled is not None:
        return f" By default `{float(limit.unlabelled):g}{unit}` for an output without labels."
    return ""
