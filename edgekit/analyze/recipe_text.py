"""A proposed recipe as TOML; each value with the measurement that led to it."""

from __future__ import annotations

import glob

from edgekit.analyze.curves import Choice, Curve, Point, Proposal, SensitivityCurves
from edgekit.toml import written


def recipe_text(measured: SensitivityCurves, proposal: Proposal) -> str:
    """What `build --recipe=FILE` takes."""
    chosen = {c.layer: c for c in proposal.choices}
    lines = [*_head(measured, proposal), ""]
    if measured.method == "quantize":
        lines += [f"[recipe.{measured.method}]"]
        floats = [c for c in proposal.refused if c.of == "weights"]
        wide = [c for c in proposal.refused if c.of == "activations" and c.layer not in {f.layer for f in floats}]
        lines += _list("float_layers", floats, measured) + _list("int16_layers", wide, measured)
    else:
        lines += [f"[recipe.{measured.method}]", "sparsity = 0.0  # of layers that are not named below", ""]
        lines += [f"[recipe.{measured.method}.layers]"]
        for curve in measured.curves:
            choice = chosen.get(curve.layer)
            level = choice.level if choice else 0.0
            lines.append(f"{pattern(curve.layer)} = {level:g}  # {_why(curve, choice, measured, proposal.limit)}")
    return "\n".join(lines) + "\n"


def pattern(name: str) -> str:
    """A layer's name as a pattern that matches nothing else, in quotes."""
    return written(glob.escape(name))


def _head(measured: SensitivityCurves, proposal: Proposal) -> list[str]:
    kind = "error" if measured.labelled else "share of classes that differ from the float model's"
    parts = [f"simulated {proposal.predicted:.2f} %"]
    if proposal.confirmed is not None:
        parts.append(f"float .tflite {proposal.confirmed:.2f} %")
    if proposal.shipped is not None:
        parts.append(f"as shipped {proposal.shipped:.2f} %")
    return [
        f"# What the layers tolerate, by `sensitivity --method={measured.method}`, before any training.",
        f"# On {measured.samples:,} training samples the {kind} is {measured.before.error:.2f} %; it may rise by "
        f"{proposal.limit:.2f} points.",
        f"# All of this together: {', '.join(parts)}.",
    ]


def _why(curve: Curve, choice: Choice | None, measured: SensitivityCurves, limit: float) -> str:
    """The measurement behind a sparsity, and the one behind not going further."""
    points = sorted((p for p in curve.points if p.of == "weights"), key=lambda p: p.level)
    parts = []
    if choice:
        parts.append(_alone(next(p for p in points if p.level == choice.level), measured, choice))
    beyond = next((p for p in points if not choice or p.level > choice.level), None)
    if beyond:
        fits = beyond.effect.error <= measured.before.error + limit
        parts.append(f"{beyond.level:g} alone: {beyond.effect.error:.2f} %{', too much with the others' * fits}")
    return "; ".join(parts)


def _alone(point: Point, measured: SensitivityCurves, choice: Choice) -> str:
    text = f"alone: error {measured.before.error:.2f} to {point.effect.error:.2f} %"
    if choice.confirmed is not None:
        text += f" (.tflite {choice.confirmed:.2f} %)"
    return text + ("" if point.effect.sqnr is None else f", SQNR {point.effect.sqnr:.1f} dB")


def _list(key: str, left: list[Choice], measured: SensitivityCurves) -> list[str]:
    """Layers that are left out, each with its reason."""
    if not left:
        return [f"{key} = []"]
    lines = [
        f"    {pattern(c.layer)},  # {c.of} of {c.level:g} bits alone: error {measured.before.error:.2f} to "
        f"{c.predicted:.2f} %"
        for c in left
    ]
    return [f"{key} = [", *lines, "]"]
