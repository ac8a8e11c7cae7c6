"""Runtimes against each other, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.report.text import shown
from edgekit.types import Agreement, Parting
from edgekit.units import show

if TYPE_CHECKING:
    from edgekit.commands.compat import Compatibility
    from edgekit.commands.diverge import Divergence
    from edgekit.commands.verify import Verified

HEAD = ["runtime", "samples", "identical", "largest difference", "mean", "churn (95 % interval)", "parts first at"]


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
            _parted(a.first) if a.first else a.note,
        ]
        for a in agreements
    ]


@shown
def print_divergence(found: Divergence) -> None:
    """The operators at which two runtimes part."""
    from edgekit.report.console import print_table
    from edgekit.report.text import printable

    print(f"{found.path}: {' against '.join(found.runtimes)}, on {found.inputs}")
    if not found.partings:
        print("  every tensor is the same to the bit")
    else:
        print(f"  they part at {printable(_parted(found.partings[0]), 200)}; what it reads is the same in both\n")
        print_table(
            ["operator", "kind", "layer", "samples", "values", "largest difference"],
            [
                [
                    str(p.operator),
                    p.kind,
                    printable(p.layer, 60),
                    f"{p.samples}",
                    f"{p.share:.3g} %",
                    f"{p.largest:.6g} {p.unit}",
                ]
                for p in found.partings
            ],
        )
    if not found.undisturbed:
        print("  note: a runtime has other outputs when the tensors inside are handed out, so it may fuse operators")


@shown
def print_compatibility(found: Sequence[Compatibility]) -> None:
    """Which runtimes take a model."""
    from edgekit.report.console import print_table
    from edgekit.report.text import printable

    words = {"ran": "run here", "compiled": "compiled here", "operators": "by its operators"}
    lines = [[c.runtime, "yes" if c.runs else "no", words[c.how], printable(c.reason, 400)] for c in found]
    print_table(["runtime", "takes it", "known from", "why"], lines)


@shown
def print_verified(found: Sequence[Verified]) -> None:
    """How a device's outputs differ from the golden vectors."""
    for v in found:
        said = f"output {v.output}: {v.values:,} values, "
        if v.first is None:
            print(said + "all the same to the bit")
        else:
            far = f"{v.largest:.6g} {v.unit}".rstrip()
            print(
                f"{said}{v.differing:,} differ, by {far} at most; first in vector {v.first[0]}, value {v.first[1]}: "
                f"{v.got:.6g} instead of {v.wanted:.6g}"
            )


def _parted(first: Parting) -> str:
    far = f"{first.largest:.6g} {first.unit}".rstrip()
    return f"{first.kind} {first.layer} ({first.share:.2g} % of its values, by {far} at most)"
