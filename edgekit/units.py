"""Quantities with units, as they stand in target profiles: "300 KiB", "5 ms", "1 %"."""

from __future__ import annotations

import math
import re
from typing import ClassVar

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d]*)\s*")


class Quantity(float):
    """A number whose unit is its type; it is written as text and kept in the base unit."""

    units: ClassVar[dict[str, float]]
    """How many base units each unit has; the first is the base unit."""
    kind: ClassVar[str]
    example: ClassVar[str]
    plain: ClassVar[bool] = False
    """Whether a bare number is accepted."""
    change: str = ""
    """Of what was written with a sign, as in "+5 %": the unit of a change, "%" or the base unit; else empty."""

    @classmethod
    def parse(cls, text: object) -> Quantity:
        """Reads "5 ms" and the like.

        Raises:
          ValueError: no number, no unit, a unit of something else, or a negative number.
        """
        if cls.plain and isinstance(text, (int, float)) and not isinstance(text, bool):
            text = str(text)
        if isinstance(text, (int, float)):
            raise ValueError(f'{text} has no unit of {cls.kind}; write "{cls.example}"')
        match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f'{text!r} is not a quantity of {cls.kind}; write "{cls.example}"')
        number, unit = float(match[1]), match[2].replace("μ", "µ")
        signed = match[1].startswith("+")
        if unit not in cls.units and not (cls.plain and not unit) and not (signed and unit == "%"):
            known = ", ".join(cls.units)
            raise ValueError(f'"{text}" has no unit of {cls.kind} ({known}); write "{cls.example}"')
        if number < 0:
            raise ValueError(f'"{text}" is negative; a limit of {cls.kind} starts at 0, as in "{cls.example}"')
        found = cls(number * cls.units.get(unit, 1))
        if signed:
            found.change = "%" if unit == "%" else next(iter(cls.units))
        return found


class Bytes(Quantity):
    """A number of bytes."""

    units: ClassVar[dict[str, float]] = {
        "B": 1,
        "KiB": 1024,
        "MiB": 1024**2,
        "GiB": 1024**3,
        "kB": 1e3,
        "KB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
    }
    kind = "size"
    example = "300 KiB"


class Nanoseconds(Quantity):
    """A time in nanoseconds."""

    units: ClassVar[dict[str, float]] = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}
    kind = "time"
    example = "5 ms"


class Percent(Quantity):
    """A share in percent, or a difference of such shares in percentage points."""

    units: ClassVar[dict[str, float]] = {"%": 1, "points": 1}
    kind = "share"
    example = "1 %"


class Hertz(Quantity):
    """A frequency."""

    units: ClassVar[dict[str, float]] = {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
    kind = "frequency"
    example = "80 MHz"


class Microjoules(Quantity):
    """An energy."""

    units: ClassVar[dict[str, float]] = {"uJ": 1, "µJ": 1, "nJ": 1e-3, "mJ": 1e3, "J": 1e6}
    kind = "energy"
    example = "500 uJ"


class PicojoulesPerByte(Quantity):
    """What it takes to move a byte."""

    units: ClassVar[dict[str, float]] = {"pJ/B": 1, "nJ/B": 1e3, "pJ/bit": 8}
    kind = "energy per byte"
    example = "12 pJ/B"


class Picojoules(Quantity):
    """What it takes to do something once."""

    units: ClassVar[dict[str, float]] = {"pJ": 1, "fJ": 1e-3, "nJ": 1e3}
    kind = "energy"
    example = "1 pJ"


class Volts(Quantity):
    """A voltage."""

    units: ClassVar[dict[str, float]] = {"V": 1, "mV": 1e-3}
    kind = "voltage"
    example = "3.3 V"


class Microamperes(Quantity):
    """A current."""

    units: ClassVar[dict[str, float]] = {"uA": 1, "µA": 1, "nA": 1e-3, "mA": 1e3}
    kind = "current"
    example = "4 uA"


class Picocoulombs(Quantity):
    """What a clock cycle takes of a charge, as datasheets say it: a current per frequency. 1 µA/MHz is 1 pC."""

    units: ClassVar[dict[str, float]] = {"uA/MHz": 1, "µA/MHz": 1, "mA/MHz": 1e3}
    kind = "current per frequency"
    example = "33 uA/MHz"


class MilliampereHours(Quantity):
    """What a battery holds."""

    units: ClassVar[dict[str, float]] = {"mAh": 1, "Ah": 1e3}
    kind = "charge"
    example = "220 mAh"


class Ratio(Quantity):
    """A factor, such as a speed-up."""

    units: ClassVar[dict[str, float]] = {"x": 1}
    kind = "ratio"
    example = "1.5 x"
    plain = True


class Count(Quantity):
    """A number of things, such as multiply-accumulates."""

    units: ClassVar[dict[str, float]] = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    kind = "count"
    example = "30 M"
    plain = True


class Number(Quantity):
    """A number without unit, such as a metric."""

    units: ClassVar[dict[str, float]] = {"": 1}
    kind = "number"
    example = "0.5"
    plain = True


def plain(value: Quantity) -> float | str:
    """A quantity as it stands in JSON: the number in the base unit; of a change its text."""
    return f"+{float(value):g} {value.change}" if value.change else float(value)


def show(value: float | None, unit: str) -> str:
    """A value for a person: 41184 B is "40.2 KiB", 153000 ns is "153 µs"."""
    if value is None:
        return "–"
    if unit == "B":
        for step, name in ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB")):
            if abs(value) >= step:
                return f"{value / step:.1f} {name}"
        return f"{value:.0f} B"
    if unit == "ns":
        for step, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
            if abs(value) >= step:
                return f"{value / step:.3g} {name}"
        return f"{value:.0f} ns"
    if unit == "uJ":
        for step, name in ((1e6, "J"), (1e3, "mJ"), (1, "µJ")):
            if abs(value) >= step:
                return f"{value / step:.3g} {name}"
        return f"{value * 1e3:.3g} nJ"
    if unit == "uW":
        return f"{value / 1e3:.3g} mW" if abs(value) >= 1e3 else f"{value:.3g} µW"
    if unit == "d":
        return f"{value:,.0f} d" if abs(value) >= 10 else f"{value:.2g} d"
    if unit in ("%", "points"):
        return f"{value:.2f} {unit}"
    if unit == "1":
        return f"{value:,.0f}"
    return f"{value:.3g} {unit}".rstrip()


ABSOLUTE = ("%", "points", "dB", "LSB")
"""Units whose values are told apart by their difference: shares, decibels, steps of an integer."""


def room(value: float | None, limit: float, unit: str, least: bool = False) -> str:
    """How far a value is within its limit or beyond it, for a person: "15 % left", "36 % over", "3.1× the limit".

    Shares, decibels and steps are told apart by their difference, as in "1.05 points left"; so is what has no ratio,
    because its limit is not above zero or it is below. What would round to nothing, or to all of it, is not rounded.

    Args:
      value, limit: both in the unit, as `show` takes them.
      least: whether the limit is the least that the value may be, instead of the most.
    """
    if value is None or math.isnan(left := value - limit if least else limit - value):
        return "–"
    if left == 0:
        return "at the limit"
    side = "left" if left > 0 else "short" if least else "over"
    if math.isinf(left):
        return f"∞ {side}"
    # Zero is no less than nothing, and has a share of a limit: all of it is left, or all is short.
    if unit in ABSOLUTE or limit <= 0 or value < 0:
        return f"{_apart(abs(left), 'points' if unit == '%' else unit)} {side}"
    if value >= 1.995 * limit:
        times = value / limit
        said = "over 1,000,000" if times > 1e6 else f"{times:,.0f}" if times >= 99.5 else f"{times:.2g}"
        return f"{said}× the {'least' if least else 'limit'}"
    share = 100 * abs(left) / limit
    if share >= 99.5 and value:
        return f"over 99 % {side}"
    return (
        f"under 0.1 % {side}" if share < 0.05 else f"{share:.1f} % {side}" if share < 0.95 else f"{share:.0f} % {side}"
    )


def _apart(difference: float, unit: str) -> str:
    """A difference that is not zero, and is not shown as zero."""
    if unit in ("%", "points") and difference < 0.005:
        return f"under 0.01 {unit}"
    if unit in ("B", "ns", "1") and difference <= 0.5:
        return f"under {show(1, unit)}"
    return show(difference, unit)
