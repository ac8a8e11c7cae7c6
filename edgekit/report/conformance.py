"""Runtimes against each other, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.types import Agreement, Divergence
from edgekit.units import show

HEAD = ["runtime", "samples", "identical", "largest difference", "mean", "churn (95 % interval)", "first divergence"]


def rows(agreements: Sequence[Agreement]) -> list[list[str]]:
    """A line per runtime, under `HEAD`."""
    return [
        [
            a.runtime,
            f"{a.samples:,}",
            show(a.identical, "%"),
            f"{a.largest:.6g} {a.unit}".rstrip(),
            f"{a.mean:.3g} {a.unit}".rstrip(),
            f"{show(a.churn, 'points')} ({show(a.churn_low, 'points')} … {show(a.churn_high, 'points')})",
            describe(a.first) if a.first else a.note,
        ]
        for a in agreements
    ]


def describe(first: Divergence) -> str:
    """Where two runtimes part: operator, layer, and by how much."""
    far = f"{first.largest:.6g} {first.unit}".rstrip()
    return f"{first.kind} {first.layer} ({first.share:.2g} % of its values, by {far} at most)"
