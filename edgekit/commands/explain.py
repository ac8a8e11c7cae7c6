"""`invoke explain`: build ▶ explain ▶ draw. The build's stages are those of `invoke build`, and kept in the store."""

from __future__ import annotations

from pathlib import Path

from edgekit.analyze.explain import explain_file
from edgekit.analyze.findings import Explanation
from edgekit.build import produce
from edgekit.data.spec import RANDOM
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.engine.store import Store
from edgekit.errors import DataError, ModelError, RecipeError
from edgekit.files import check_writable, write
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.records.outputs import json
from edgekit.report.explanation import plot_explanation


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
    with Maker(Store(project.store), ui) as maker:
        product = produce(spec, target, maker)
        reference = list(product.graphs.values())[-1]
        if product.facts.form == "int8":
            raise ModelError(f"{spec.model}: is quantized already; give the float model that it was made from")
        made = product.quantized
        call = explain_file(reference, made.model, product.data, made.settings or Quantize(), samples)
        found = Scope(maker, product.scope).make(call).value
        if out is not None:
            folder = out / target.name / spec.name
            with maker.store.writing():
                write(folder / "explain.json", json(found))
                plot_explanation(found, folder / "explain.svg")
    return found
