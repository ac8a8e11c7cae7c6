"""Figures as drawings: places in percent of a frame, so that a page draws them at any width with text of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit.flatbuffer.anatomy import Anatomy
from edgekit.measure.intervals import SHARES
from edgekit.report.treemap import treemap
from edgekit.report.types import Distribution, HistoryEntry
from edgekit.units import show

TICKS = 4
"""Lines of an axis, about."""
WIDE = 3.2
"""Width of the treemap over its height."""
TREND = ("model_size", "accuracy", "latency_p50", "arena")
PARTS = ("scales and zero points", "names of tensors", "structure and padding")
"""What a file holds beside weights and biases."""


def ticks(most: float, unit: str) -> list[dict[str, Any]]:
    """Round values from 0 to the most, with their place from 0 to 100; bytes in steps of KiB and MiB."""
    if most <= 0:
        return []
    base = next((b for b in (2**20, 2**10) if most >= 2 * b), 1) if unit == "B" else 1
    rough = most / base / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough) * base
    if unit == "B":
        step = max(1.0, step)
    named = {2**20: "MiB", 2**10: "KiB", 1: "B"}[base]
    count = int(most / step + 1e-9)
    return [
        {
            "text": f"{n * step / base:g} {named}" if unit == "B" else show(n * step, unit),
            "at": 100 * n * step / most,
        }
        for n in range(count + 1)
    ]


def size_boxes(anatomy: Anatomy | None) -> list[dict[str, Any]]:
    """Boxes of layers, and of what else a file holds, by their bytes."""
    if anatomy is None:
        return []
    sizes = [layer.weights + layer.biases for layer in anatomy.layers]
    rest = [max(0, size) for size in (anatomy.quantization, anatomy.names, anatomy.structure)]
    names = [*(layer.name for layer in anatomy.layers), *PARTS]
    most = max([*sizes, 1])
    return [
        {
            "name": names[box.number],
            "bytes": [*sizes, *rest][box.number],
            "place": (box.x / WIDE, box.y, box.width / WIDE, box.height),
            "shade": 8 + round(34 * math.sqrt(sizes[box.number] / most)) if box.number < len(sizes) else 0,
        }
        for box in treemap([*sizes, *rest], 100 * WIDE, 100)
    ]


def kinds(anatomy: Anatomy | None) -> list[tuple[str, int]]:
    """Bytes by what they are for."""
    if anatomy is None:
        return []
    rest = zip(PARTS, (anatomy.quantization, anatomy.names, anatomy.structure), strict=True)
    return [("weights", anatomy.weights), ("biases and other vectors", anatomy.biases), *rest]


def distributions(found: list[Distribution]) -> dict[str, Any] | None:
    """Boxes from the first to the third quarter, whiskers from 1 to 99 %, a dot for each process; on one log scale."""
    found = [d for d in found if d.rounds]
    if not found:
        return None
    at = {share: SHARES.index(share) for share in (0.01, 0.25, 0.5, 0.75, 0.99)}
    values = [value for d in found for row in d.rounds for value in (row[at[0.01]], row[at[0.99]])]
    low, high = math.log10(max(1, min(values))), math.log10(max(1, max(values)))
    low, high = low - 0.02 * (high - low) - 0.01, high + 0.02 * (high - low) + 0.01

    def x(value: float) -> float:
        return 100 * (math.log10(max(1, value)) - low) / (high - low)

    def middle(d: Distribution, share: float) -> float:
        ordered = sorted(row[at[share]] for row in d.rounds)
        return float(ordered[len(ordered) // 2])

    rows = [
        {
            "d": d,
            "median": middle(d, 0.5),
            "x": {name: x(middle(d, share)) for name, share in zip(("w0", "q1", "q2", "q3", "w1"), at, strict=True)},
            "dots": [x(row[at[0.5]]) for row in d.rounds],
        }
        for d in found
    ]
    lines = [{"text": show(value, "ns"), "at": x(value)} for value in _decades(low, high) if 5 < x(value) < 95]
    return {"rows": rows, "ticks": lines}


def _decades(low: float, high: float) -> list[float]:
    """Round values between two powers of ten, at most some `TICKS`: 1, 2 and 5 of each where there are few powers."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**power for power in powers for step in steps if low <= math.log10(step) + power <= high]
        if len(found) <= TICKS + 1:
            return found
    return found[:: math.ceil(len(found) / TICKS)]


def trends(entries: Sequence[HistoryEntry], names: Sequence[str] = TREND) -> list[dict[str, Any]]:
    """Lines of the builds before, one for each figure that was ever another."""
    found = []
    for name in names:
        figures = [entry.figures[name] for entry in entries if name in entry.figures]
        values = [figure.value for figure in figures]
        if len(set(values)) < 2:
            continue
        low, high = min(values), max(values)
        points = [(10 + 280 * n / (len(values) - 1), 60 - 50 * (v - low) / (high - low)) for n, v in enumerate(values)]
        found.append({"name": name, "points": points, "first": figures[0], "last": figures[-1], "count": len(values)})
    return found
