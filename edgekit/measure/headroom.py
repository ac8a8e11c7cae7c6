"""Limits that follow from what was measured, each with room for the next version of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

from edgekit.firmware.hardware import Hardware
from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.judge import judge
from edgekit.measure.limits import AT_LEAST, Budget
from edgekit.types import BudgetLine, Measurement
from edgekit.units import Bytes, Count, Nanoseconds, Number, Percent, Quantity, show

FREE = 0.1
"""Share of a cost's limit that stays free."""
STEP = 0.5
"""Limits in percent and points are whole multiples of it."""
DIGITS = 2
"""That a cost's limit has at most."""
COSTS: dict[str, type[Quantity]] = {
    "model_size": Bytes,
    "download_size": Bytes,
    "arena": Bytes,
    "flash": Bytes,
    "ram": Bytes,
    "instructions": Count,
    "latency": Nanoseconds,
    "macs": Count,
}
QUALITY: dict[str, type[Quantity]] = {
    "npu_coverage": Percent,
    "accuracy": Percent,
    "accuracy_drop": Percent,
    "churn": Percent,
    "metric_min": Number,
    "metric_max": Number,
    "metric_loss": Number,
}
STEPS = {
    Bytes: ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    Nanoseconds: ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns")),
    Count: ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
}
"""Units from the largest on."""


class ProposedLimit(Struct, frozen=True):
    """A limit and what it follows from."""

    name: str
    limit: str
    """As a profile says it."""
    measured: str
    """For a person."""
    room: str
    """How far the limit is from what was measured."""
    source: str
    """What measured it."""
    fits: bool = True
    """Whether the device has so much."""


def proposed(
    measurements: Sequence[Measurement], shipped: str, hardware: Hardware, lower_is_better: bool = False
) -> list[ProposedLimit]:
    """A limit for each figure of the device that was measured, and none for the others.

    Of a cost's limit a tenth stays free, but no limit is beyond the memory that the device has. A share is allowed to
    be as far from the end of its interval as that end is from the share, so that another training of the same model
    passes; of several outputs the worst one counts.

    Args:
      shipped: the runtime whose measurements count.
      lower_is_better: of the project's own metric.
    """
    kinds = COSTS | QUALITY
    del kinds["metric_min" if lower_is_better else "metric_max"]
    asked = Budget(**{name: kind(1) for name, kind in kinds.items()})  # type: ignore[arg-type]
    lines = judge(asked, measurements, shipped, (), hardware)
    found = []
    for name, kind in kinds.items():
        if said := [line for line in lines if line.name.split(".")[0] == name and _says(line)]:
            worst = min(said, key=_low) if name in AT_LEAST else max(said, key=_high)
            found.append(_cost(name, kind, worst, hardware) if name in COSTS else _quality(name, kind, worst))
    return found


def _says(line: BudgetLine) -> bool:
    return line.value is not None and math.isfinite(line.value) and not line.reason.startswith(NO_CLASSES)


def _low(line: BudgetLine) -> float:
    assert line.value is not None
    return line.value if line.low is None else line.low


def _high(line: BudgetLine) -> float:
    assert line.value is not None
    return line.value if line.high is None else line.high


def _cost(name: str, kind: type[Quantity], line: BudgetLine, hardware: Hardware) -> ProposedLimit:
    assert line.value is not None
    limit = rounded_up(_high(line) / (1 - FREE), kind)
    has = hardware.flash if name in ("model_size", "flash") else hardware.ram if name in ("arena", "ram") else None
    if has is not None and float(kind.parse(limit)) > has:
        size, unit = next((size, unit) for size, unit in STEPS[kind] if has % size == 0)
        limit = f"{has / size:.0f} {unit}"
        return ProposedLimit(name, limit, _measured(line), "what the device has", line.source, _high(line) <= has)
    free = 1 - line.value / float(kind.parse(limit))
    return ProposedLimit(name, limit, _measured(line), f"{100 * free:.0f} % left", line.source)


def _quality(name: str, kind: type[Quantity], line: BudgetLine) -> ProposedLimit:
    assert line.value is not None
    least = name in AT_LEAST
    end = _low(line) if least else _high(line)
    far = min(end, 2 * end - line.value) if least else max(end, 2 * end - line.value)
    if kind is Percent:
        steps = math.floor(far / STEP) if least else max(1, math.ceil(far / STEP))
        limit = max(0.0, steps * STEP)
        text, room = f"{limit:g} %", f"{abs(limit - line.value):.1f} points left"
    else:
        text = _digits(Decimal(far), ROUND_FLOOR if least else ROUND_CEILING) if far > 0 else "0"
        room = f"{abs(float(text) - line.value):.2g} left"
    return ProposedLimit(name, text, _measured(line), room, line.source)


def _measured(line: BudgetLine) -> str:
    """The value with its interval, as in "565 µs (528 … 627)"."""
    if line.low is None or line.high is None or line.low == line.high:
        return show(line.value, line.unit).strip()
    values = [show(value, line.unit).strip() for value in (line.value, line.low, line.high)]
    if len({value.partition(" ")[2] for value in values}) == 1:
        values[1:] = [value.partition(" ")[0] for value in values[1:]]
    return f"{values[0]} ({values[1]} … {values[2]})"


def rounded_up(value: float, kind: type[Quantity]) -> str:
    """The least round quantity that is not below a value, as a profile says it, such as "42 KiB".

    Args:
      value: in the base unit, at least 0.
    """
    texts = [(_digits(Decimal(value) / Decimal(size), ROUND_CEILING), unit) for size, unit in STEPS[kind]]
    number, unit = next((text for text in reversed(texts) if float(text[0]) < 1000), texts[0])
    return f"{number} {unit}".strip()


def _digits(value: Decimal, rounding: str) -> str:
    """A number with few digits: rounded up, 0.0123 is "0.013" and 1234 is "1300"."""
    if not value:
        return "0"
    short = f"{value.quantize(Decimal(1).scaleb(value.adjusted() - DIGITS + 1), rounding):f}"
    return short.rstrip("0").rstrip(".") if "." in short else short
