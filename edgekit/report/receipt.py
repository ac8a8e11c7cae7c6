"""The receipt: what each technique bought where, and if nothing, why."""

from __future__ import annotations

from itertools import pairwise

from msgspec import Struct

from edgekit.types import Measurement
from edgekit.units import show

FIGURES = {
    "model_size": "file",
    "download_size": "deflated",
    "activations": "activations",
    "arena": "arena",
    "macs": "MACs",
}
HEAD = ["technique", *FIGURES.values(), "latency", "accuracy", "if nothing, why"]
APART = ("model", "original", "baseline", "operator")
"""What no technique made, and what ships, which comes last."""
SPARSE = 2 / 3
"""Share of zeros from which XNNPACK takes sparse kernels.  Source: `xnn_subgraph_rewrite_for_nchw` of XNNPACK."""


class Saving(Struct, frozen=True):
    """What one technique changed."""

    technique: str
    figures: dict[str, tuple[float | None, float | None]]
    """Before and after, by `FIGURES`."""
    latency: tuple[float | None, float | None]
    """Medians in the runtime that ships, in ns."""
    accuracy: tuple[float | None, float | None]
    why: str
    """Why the file is not smaller."""


def receipt(measurements: list[Measurement], shipped: str) -> list[Saving]:
    """Holds each stage's model against that of the stage before.

    Args:
      shipped: the runtime that ships, in which time is compared.
    """
    order = list(dict.fromkeys(m.artifact for m in measurements if m.artifact not in APART))
    order.sort(key=lambda name: {"float": 0, "quantize": 2, "portable": 3}.get(name, 1))
    chain = [*order, "model"] if order else []
    known = {name: _of(name, measurements, shipped) for name in chain}
    for name in ("quantize", "portable"):  # shrinking has been proven to change no output
        if name in known and "accuracy" in known["model"]:
            known[name].setdefault("accuracy", known["model"]["accuracy"])
    found = []
    for before, after in pairwise(chain):
        one, other = known[before], known[after]
        figures = {name: (one.get(name), other.get(name)) for name in FIGURES}
        last = {"quantize": "shrink", "portable": "lookup tables"}.get(before, "quantize")
        name = last if after == "model" else "shrink" if after == "portable" else after
        found.append(
            Saving(
                name,
                figures,
                (one.get("latency_p50"), other.get("latency_p50")),
                (one.get("accuracy"), other.get("accuracy")),
                _why(name, one, other),
            )
        )
    return found


def rows(found: list[Saving]) -> list[list[str]]:
    """A line per technique, under `HEAD`."""
    return [
        [
            b.technique,
            *(_change(pair, "1" if name == "macs" else "B") for name, pair in b.figures.items()),
            _ratio(b.latency),
            _points(b.accuracy),
            b.why,
        ]
        for b in found
    ]


def _of(artifact: str, measurements: list[Measurement], shipped: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for m in measurements:
        there = m.engine in ("", shipped) or m.name == "accuracy"
        if m.artifact == artifact and m.value is not None and there:
            found.setdefault(m.name, m.value)
    return found


def _why(name: str, before: dict[str, float], after: dict[str, float]) -> str:
    if after.get("model_size", 0) < before.get("model_size", 0):
        return ""
    zeros = 1 - after.get("nonzero", 0) / after["parameters"] if after.get("parameters") else 0.0
    said = {
        "prune": f"{zeros:.0%} zeros: same size, for a zero is stored like any weight and only deflates; dense kernels "
        f"multiply it (XNNPACK skips zeros from {SPARSE:.0%} on, in 1x1 convolutions of a float graph)",
        "cluster": "same size, for each weight still takes all its bits and only deflates; lookup tables "
        "(recipe.shrink.lookup_tables, in TFLM) store indices instead",
        "distil": "same architecture: what it buys is accuracy",
        "qat": "same weights in floating point: what it buys is accuracy as integers",
        "shrink": "nothing was left to drop",
        "lookup tables": "no weight has few enough values",
    }
    return said.get(name, "")


def _change(pair: tuple[float | None, float | None], unit: str) -> str:
    before, after = pair
    if before is None or after is None:
        return "" if after is None else show(after, unit)
    if before == after:
        return "="
    return f"{show(before, unit)} → {show(after, unit)} ({100 * (after / before - 1):+.1f} %)" if before else ""


def _ratio(pair: tuple[float | None, float | None]) -> str:
    before, after = pair
    return f"{after / before:.2f}x" if before and after else ""


def _points(pair: tuple[float | None, float | None]) -> str:
    before, after = pair
    if before is None or after is None:
        return ""
    return "=" if before == after else f"{after - before:+.2f} points"
