"""The figure of an analysis of sensitivity: a heat map of layers by levels, and a curve for each layer."""

from __future__ import annotations

from typing import Any

from edgekit.analyze.curves import Curve, SensitivityCurves
from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Work, stage

PLOT = "sensitivity.svg"
MOST_LAYERS = 10
"""Curves that can be told apart: those of the layers whose error rises most; the heat map has all layers."""


@stage("plot", process=TOOLS, libraries=("matplotlib", "numpy"))
def plot_file(work: Work, measured: SensitivityCurves) -> None:
    """Draws `folder/sensitivity.svg`; the same figures give the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text, so that it can be searched; and nothing of the file depends on when it was made.
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "edgekit"}
    figure = Figure(figsize=(11, 2.2 + 0.3 * max(6, len(measured.curves))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    heat_map(figure, left, measured)
    curves(right, measured)
    figure.savefig(work.folder / PLOT, metadata={"Date": None})


def heat_map(figure: Any, axes: Any, measured: SensitivityCurves) -> None:
    """The error of each layer (rows) at each level (columns), in percent, with a logarithmic colour scale."""
    import numpy as np
    from matplotlib.colors import LogNorm

    columns = [(p.of, p.level) for p in measured.curves[0].points]
    errors = np.array([[p.effect.error for p in curve.points] for curve in measured.curves])
    least = 100 / measured.samples  # one sample; no error is drawn as one
    image = axes.imshow(
        np.maximum(errors, least), cmap="YlOrRd", aspect="auto", norm=LogNorm(least, max(2 * least, errors.max()))
    )
    dark = np.sqrt(least * max(2 * least, errors.max())) * 4
    for (row, column), error in np.ndenumerate(errors):
        colour = "white" if error > dark else "black"
        axes.text(column, row, f"{error:.1f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(columns)), [_label(of, level, measured) for of, level in columns], fontsize=8)
    axes.set_yticks(range(len(measured.curves)), [curve.layer for curve in measured.curves], fontsize=8)
    axes.set_xlabel(_axis(measured))
    axes.set_title(f"{_what(measured)}, one layer changed; unchanged {measured.before.error:.2f} %", fontsize=9)
    figure.colorbar(image, ax=axes, format="%g", label="%")


def curves(axes: Any, measured: SensitivityCurves) -> None:
    """The error over the level, a line for each layer."""
    least = 100 / measured.samples

    def worst(curve: Curve) -> float:
        return -sum(p.effect.error for p in curve.points)

    shown = sorted(measured.curves, key=worst)[:MOST_LAYERS]
    for curve in (c for c in measured.curves if c in shown):
        points = [p for p in curve.points if p.of == "weights"]
        axes.plot(
            [p.level for p in points], [max(least, p.effect.error) for p in points], marker=".", label=curve.layer
        )
    axes.axhline(max(least, measured.before.error), color="grey", linestyle=":", label="unchanged")
    axes.set_yscale("log")
    axes.set_xlabel(_axis(measured))
    axes.set_ylabel(f"{_what(measured)} (%)")
    if measured.method == "quantize":
        axes.invert_xaxis()
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)


def _what(measured: SensitivityCurves) -> str:
    return "error" if measured.labelled else "changed classes"


def _axis(measured: SensitivityCurves) -> str:
    return {"prune": "sparsity", "channels": "share of channels", "quantize": "bits"}[measured.method]


def _label(of: str, level: float, measured: SensitivityCurves) -> str:
    if measured.method != "quantize":
        return f"{level:g}"
    return f"{level:g}\n{of}" if of == "activations" else f"{level:g}"
