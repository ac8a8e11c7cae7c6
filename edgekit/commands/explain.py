"""`invoke explain`: build ▶ explain ▶ draw. The build's stages are those of `invoke build`, and kept in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.analyze.explain import explain_file
from edgekit.analyze.findings import Explanation
from edgekit.build import produce
from edgekit.data.spec import RANDOM
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.errors import DataError, ModelError, RecipeError
from edgekit.files import check_writable, write
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.records.outputs import json
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import printable, shown

if TYPE_CHECKING:
    from edgekit.analyze.findings import Error, TensorError, WeightError

ROWS = 15
"""Tensors and weights that are shown."""


def explain_build(
    project: Project, spec: ModelSpec, target: Target, samples: int, out: Path | None, ui: Listener
) -> Explanation:
    """Explains what a target's recipe makes of a model.

    Args:
      samples: of the training part that are run.
      out: where `TARGET/MODEL/explain.json` and `explain.svg` are written, if anywhere.

    Raises:
      EdgekitError: the model is not quantized, or cannot be followed.
    """
    if out is not None:
        check_writable(out)
    if samples < 1:
        raise RecipeError(f"--samples={samples}: at least 1 is needed; 128 is the default")
    if spec.data == RANDOM:
        raise DataError("random data says nothing about ranges; give --data=PATH or --data=module:function")
    if target.recipe.quantize is None:
        raise RecipeError(f"{target.name}: has no [recipe.quantize], and so no error to explain; give another target")
    with Maker(project.open_store(), ui) as maker:
        ui.headline(f"{target.name}: {spec.name}")
        product = produce(spec, target, maker)
        reference = list(product.graphs.values())[-1]
        if product.facts.form == "int8":
            raise ModelError(f"{spec.model}: is quantized already; give the float model that it was made from")
        made = product.quantized
        call = explain_file(reference, made.model, product.data, made.settings or Quantize(), samples)
        scope = Scope(maker, product.scope)
        found = scope.make(call).value
        scope.done(f"compared {len(found.tensors)} tensors")
        if out is not None:
            folder = out / target.name / spec.name
            with maker.store.writing():
                write(folder / "explain.json", json(found))
                plot_explanation(found, folder / "explain.svg")
    return found


@shown
def print_explanation(found: Explanation) -> None:
    """The worst first; the JSON has all, in the order of execution."""
    print_folded(f"{found.samples} samples, {found.runtime}; SQNR in dB against the float model")
    for name in found.unmatched:
        print(f"{printable(name)} has no match in the float model")
    shown = sorted(found.tensors, key=lambda t: _sortable(t.accumulated))[:ROWS]
    print_table(
        [
            "tensor of",
            "operator",
            "range",
            "clipped",
            "alone",
            "weights",
            "operator",
            "accumulated",
            "fits",
            "of uniform",
        ],
        [
            [
                f"{t.position:>3} {printable(t.layer)}",
                t.operator,
                f"{t.range_low:.3g} … {t.range_high:.3g}",
                f"{t.clipped:.2g} %",
                _db(t.alone),
                _db(t.weights_alone),
                _db(t.operator_alone),
                _db(t.accumulated),
                _fit(t),
                _ratio(t),
            ]
            for t in shown
        ],
        right=(2, 3, 4, 5, 6, 7, 9),
        spare=(9, 8, 2, 3),
    )
    if len(found.tensors) > ROWS:
        print(f"… and {len(found.tensors) - ROWS} more; --json has all, in the order of execution")
    print()
    print_table(
        ["weights of", "shape", "SQNR", "symmetric", "asymmetric", "per tensor", "outliers", "dead", "fits"],
        [
            [
                printable(w.layer),
                "x".join(map(str, w.shape)),
                _number(w.sqnr_db),
                _number(w.symmetric_db),
                _number(w.asymmetric_db),
                _number(w.per_tensor_db),
                f"{w.outliers:.1f} x",
                f"{len(w.dead)}/{len(w.channel_db)}",
                _fit(w),
            ]
            for w in sorted(found.weights, key=lambda w: w.sqnr_db if w.sqnr_db is not None else 1e9)[:ROWS]
        ],
        right=(2, 3, 4, 5, 6, 7),
        spare=(8, 6, 7),
    )
    print()
    for number, advice in enumerate(found.advice, 1):
        print_folded(f"{number}. {' '.join(f'--set={setting}' for setting in advice.settings) or 'change the model'}")
        print_folded(f"   {advice.text}")
        for evidence in advice.evidence[:3]:
            basis = " (predicted)" if evidence.basis == "predicted" else ""
            print_folded(f"   {printable(evidence.layer)}: {evidence.text}{basis}")
    if not found.advice:
        print_folded("no advice: no error above 1 % of its signal that the recipe could lower by a decibel")


def _sortable(error: Error) -> float:
    return 1e9 if error.sqnr_db is None else error.sqnr_db


def _db(error: Error | None) -> str:
    return "–" if error is None else _number(error.sqnr_db)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _fit(row: TensorError | WeightError) -> str:
    """The distribution with the greater likelihood, and how far off it is."""
    fits = [m for m in row.models if m.name != "uniform"]
    best = max(fits, key=lambda m: m.log_likelihood, default=None)
    return f"{best.name} (KS {best.distance:.2f})" if best else ""


def _ratio(row: TensorError) -> str:
    """Measured noise of the tensor alone over that of the uniform model."""
    ratio = next((m.ratio for m in row.models if m.name == "uniform"), None)
    return "" if ratio is None else f"{ratio:.2f} x"


def plot_explanation(found: Explanation, path: Path) -> None:
    """The SQNR of each tensor along the graph: alone, of its operator alone, accumulated; an SVG.

    The same figures give the same bytes.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "edgekit"}):
        figure = _drawn(found)
        figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _drawn(found: Explanation) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(max(6.0, 0.3 * len(found.tensors)), 4.5), layout="constrained")
    for label, marker, errors in (
        ("tensor alone", ".", [t.alone for t in found.tensors]),
        ("operator alone", "x", [t.operator_alone for t in found.tensors]),
        ("accumulated", "o", [t.accumulated for t in found.tensors]),
    ):
        points = [(x, e.sqnr_db) for x, e in enumerate(errors) if e and e.sqnr_db is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker=marker, label=label)
    names = [f"{printable(t.layer)} {t.operator.lower()}" for t in found.tensors]
    axes.set_xticks(range(len(names)), [name.replace("$", r"\$") for name in names], rotation=90, fontsize=7)
    axes.set_ylabel("SQNR, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
