"""What the analyses say on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.report.console import print_table
from edgekit.report.text import shown

if TYPE_CHECKING:
    from edgekit.analyze.curves import Measured, Point, Sensitivity


@shown
def print_sensitivity(found: Sensitivity, folder: Path) -> None:
    """A row for each layer and level; then what is proposed, and where the files are."""
    measured, proposal = found.measured, found.proposal
    error = "error" if measured.labelled else "changed"
    print(f"\n{found.target}: {found.model}: sensitivity to {measured.method}, {measured.samples:,} training samples")
    for note in found.notes:
        print(f"note: {note}")
    rows = [
        [curve.layer, _level(point, measured), *_effect(point)] for curve in measured.curves for point in curve.points
    ]
    before = measured.before
    rows = [["(unchanged)", "", f"{before.error:.2f} %", "", _number(before.loss, ".4f"), ""], *rows]
    print_table(["layer", "level", error, "(E-E0)/E0", "loss", "SQNR"], rows, right=(1, 2, 3, 4, 5))
    what = "error" if measured.labelled else "share of changed classes"
    print(f"\nproposal: the {what} may rise by {proposal.limit:.2f} points, all changes together")
    print_table(
        ["layer", "of", "level", "predicted", "confirmed"],
        [
            *([c.layer, c.of, f"{c.level:g}", _percent(c.predicted), _percent(c.confirmed)] for c in proposal.choices),
            *([c.layer, c.of, "as it is", f"{_percent(c.predicted)} at {c.level:g}", ""] for c in proposal.refused),
        ],
        right=(2, 3, 4),
    )
    together = [f"simulated {proposal.predicted:.2f} %"]
    if proposal.confirmed is not None:
        together.append(f"float .tflite {proposal.confirmed:.2f} % (unchanged {proposal.converted:.2f} %)")
    if proposal.shipped is not None:
        together.append(f"as shipped {proposal.shipped:.2f} %")
    print(f"together: {', '.join(together)}")
    print(f"{folder}: sensitivity.json, sensitivity.svg, recipe.toml (for build --recipe={folder / 'recipe.toml'})")


def _level(point: Point, measured: Measured) -> str:
    if measured.method != "quantize":
        return f"{point.level:g}"
    return f"{point.level:g} bits" + (" act." if point.of == "activations" else "")


def _effect(point: Point) -> list[str]:
    effect = point.effect
    sqnr = "" if effect.sqnr is None else f"{effect.sqnr:.1f} dB"
    return [f"{effect.error:.2f} %", _number(point.ratio, "+.2f"), _number(effect.loss, ".4f"), sqnr]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} %"
