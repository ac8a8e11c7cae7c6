"""`invoke sensitivity`: load ▶ measure ▶ propose and confirm ▶ draw, each a step that is kept in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from edgekit.analyze.curves import BITS, SENSITIVITY, Method, Sensitivity, Sweep
from edgekit.analyze.propose import propose_file
from edgekit.analyze.sensitivity import sensitivity_file
from edgekit.analyze.sensitivity_plot import PLOT, plot_file
from edgekit.compress.allocate import SPARSITIES
from edgekit.config import nearest
from edgekit.data.held_out import MOST
from edgekit.data.locate import locate
from edgekit.data.spec import RANDOM
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.errors import DataError, ModelError, RecipeError
from edgekit.files import check_writable, write
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.records.outputs import json
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import shown
from edgekit.stages.load import check_dataset, reading_of

if TYPE_CHECKING:
    from edgekit.analyze.curves import Point, SensitivityCurves

SHARE = 0.5
"""Of the target's `accuracy_drop`, what all changes together may cost; the rest is for what a simulation cannot see."""
DROP = 1.0
"""Points, where the target sets no limit."""


def sensitivity(
    project: Project, spec: ModelSpec, target: Target, settings: Sweep, out: Path, ui: Listener
) -> Sensitivity:
    """Measures what each layer tolerates, and writes `sensitivity.json`, `sensitivity.svg` and `recipe.toml` to `out`.

    Raises:
      EdgekitError: the model has no layers that can be changed so, or the data does not fit.
    """
    check_writable(out)
    if spec.data == RANDOM:
        raise DataError("random data says nothing about accuracy; give --data=PATH or --data=module:function")
    with Maker(project.open_store(), ui) as maker:
        scope = Scope(maker, f"{target.name}.{spec.name}")
        ui.headline(f"{target.name}: sensitivity of {spec.name} to {settings.method}")
        source = locate("keras", spec.model, maker.fingerprints.file, ModelError)
        dataset = locate("data", spec.data, maker.fingerprints.file, DataError)
        reading = msgspec.structs.replace(
            spec.reading, input_shape=spec.reading.input_shape or target.recipe.input_shape
        )
        loaded = scope.make(reading_of(source, reading))
        facts = loaded.value
        if facts.form != "keras":
            raise ModelError(f"{spec.model}: has no layers that can be changed one by one, because {facts.untrainable}")
        data, found = check_dataset(spec, target, dataset, facts, scope)
        scope.done(f"loaded {Path(source.path).name}, {facts.parameters:,} parameters", source.bytes)
        objects = reading.custom_objects
        measured = scope.make(sensitivity_file(loaded.artifact, data, settings, objects)).value
        scope.done(f"changed {len(measured.curves)} layers one by one")
        limit, note = allowed(target, measured.labelled)
        proposed = scope.make(propose_file(loaded.artifact, data, settings, measured, limit, objects))
        plot = scope.make(plot_file(measured)).artifact
        scope.done("confirmed what it proposes")
        notes = [*found.notes, *filter(None, [note])]
        if not measured.before.error:
            notes.append(
                "no sample is wrong before the change, so that (E - E0) / E0 is undefined; give more with --samples"
            )
        result = Sensitivity(SENSITIVITY, spec.name, target.name, measured, proposed.value, notes)
        with maker.store.writing():
            write(out / "sensitivity.json", json(result))
            write(out / PLOT, Path(plot.path).read_bytes())
            write(out / "recipe.toml", proposed.value.recipe.encode())
    return result


def sweep(method: str, levels: str, samples: int, target: Target) -> Sweep:
    """The settings of a command, checked.

    Args:
      levels: such as "0.5,0.8" or "8,4"; "" for the usual ones.

    Raises:
      RecipeError: a setting is wrong.
    """
    if method not in get_args(Method):
        raise RecipeError(f"--method={method}: unknown method; {nearest(method, list(get_args(Method)))}")
    if not 1 <= samples <= MOST:
        raise RecipeError(f"--samples={samples}: outside 1 to {MOST}")
    quantize = target.recipe.quantize
    part = {"prune": target.recipe.prune, "channels": target.recipe.channels}.get(method)
    values = set(SPARSITIES if method != "quantize" else BITS)
    if levels:
        try:
            values = {float(level) for level in levels.split(",")}
        except ValueError:
            raise RecipeError(f'--levels={levels}: not numbers; write --levels="0.5,0.8"') from None
    if method == "quantize":
        values.add(4.0 if quantize and quantize.scheme == "int4" else 8.0)  # what the recipe decides about
        wrong = [v for v in values if v != int(v) or not 2 <= v <= 16]
        said = "a width is a whole number of bits from 2 to 16"
    else:
        wrong, said = [v for v in values if not 0 < v < 1], "a sparsity lies between 0 and 1"
    if wrong:
        raise RecipeError(f"--levels={levels}: {said}, {wrong[0]:g} does not")
    ordered = tuple(sorted(values, reverse=method == "quantize"))
    return Sweep(method, ordered, samples, part.exclude if part else (), quantize)  # type: ignore[arg-type]


def allowed(target: Target, labelled: bool) -> tuple[float, str]:
    """Points by which the error may rise, and what the reader should know about that."""
    budget = target.budget
    drop = budget.accuracy_drop if labelled else budget.churn if budget.churn is not None else budget.accuracy_drop
    if drop is None:
        return SHARE * DROP, f"{target.name} sets no budget.accuracy_drop; {DROP:g} point is taken; set it"
    return SHARE * float(drop), ""


@shown
def print_sensitivity(found: Sensitivity, folder: Path) -> None:
    """A row for each layer and level; then what is proposed, and where the files are."""
    measured, proposal = found.measured, found.proposal
    error = "error" if measured.labelled else "changed"
    print_folded(
        f"{found.target}: {found.model}: sensitivity to {measured.method}, {measured.samples:,} training samples"
    )
    for note in found.notes:
        print_folded(f"note: {note}")
    rows = [
        [curve.layer, _level(point, measured), *_effect(point)] for curve in measured.curves for point in curve.points
    ]
    before = measured.before
    rows = [["(unchanged)", "", f"{before.error:.2f} %", "", _number(before.loss, ".4f"), ""], *rows]
    print_table(["layer", "level", error, "(E-E0)/E0", "loss", "SQNR"], rows, right=(1, 2, 3, 4, 5))
    what = "error" if measured.labelled else "share of changed classes"
    print_folded(f"proposal: the {what} may rise by {proposal.limit:.2f} points, all changes together")
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
    print_folded(f"together: {', '.join(together)}")
    print_folded(
        f"{folder}: sensitivity.json, sensitivity.svg, recipe.toml (for build --recipe={folder / 'recipe.toml'})"
    )


def _level(point: Point, measured: SensitivityCurves) -> str:
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
