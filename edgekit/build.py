"""The flow: load ▶ compress ▶ quantize ▶ shrink ▶ measure ▶ judge ▶ report. Read this file first.

Each part makes stages, which are functions in the rooms they belong to (see `edgekit.engine.stage`): carried out in a
worker process, or found in the store where the same inputs, settings, code and libraries made them before. Nothing here
imports TensorFlow, NumPy or a runtime.
"""

from __future__ import annotations

from pathlib import Path

from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.files import check_writable
from edgekit.product import BuildResult, Product
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.records.baseline import Before, of
from edgekit.records.commit import commit_of
from edgekit.records.history import record
from edgekit.records.manifest import manifest_of
from edgekit.records.outputs import write_build
from edgekit.report.index import write_index
from edgekit.report.types import Commit, Report
from edgekit.runtimes import stand_in
from edgekit.stages.compress import compress
from edgekit.stages.goal import to_goal
from edgekit.stages.handover import hand_over
from edgekit.stages.layers import layers_of, parts_of
from edgekit.stages.load import load
from edgekit.stages.measure import measure
from edgekit.stages.quantize import quantize
from edgekit.stages.reference import accuracy_of, original
from edgekit.stages.report import judged, notes_of, pages, report_of
from edgekit.stages.shrink import shrink


def build(
    project: Project,
    pairs: list[tuple[ModelSpec, Target]],
    out: Path,
    overrides: tuple[str, ...],
    ui: Listener,
    baseline: str = "",
    remeasure: bool = False,
) -> list[Report]:
    """Builds each model for its target and writes `out/TARGET/MODEL`.

    Everything is compressed first, then measured, so that TensorFlow is started once and is gone when time is taken.

    Args:
      overrides: what `--set` changed, for the report.
      baseline: name of the release that the builds are compared with.
      remeasure: measure time and memory again, also where nothing has changed.

    Raises:
      EdgekitError: at the first thing that is wrong; what was finished stays in the store.
    """
    check_writable(out)
    for _, target in pairs:
        stand_in(target.runtimes.ship)
    commit = commit_of(project.root, out)
    before = {(t.name, s.name): of(project, baseline, t.name, s.name) for s, t in pairs if baseline}
    reports = []
    with Maker(project.open_store(), ui, remeasure) as maker:
        products = []
        for spec, target in pairs:
            ui.headline(f"{target.name}: {spec.name}")
            products.append(produce(spec, target, maker))
        maker.end(TENSORFLOW)
        for product in products:
            ui.headline(f"{product.target.name}: {product.spec.name}")
            place = product.target.name, product.spec.name
            built = prove(product, maker, project, overrides, before.get(place), commit)
            manifest = manifest_of(built, project.root)
            files = built.files | pages(built, manifest, project, maker)
            write_build(files, built.report, manifest, out.joinpath(*place), maker.log(product.scope), maker.store)
            record(project, built.report, ui.note)
            reports.append(built.report)
    write_index(out)
    return reports


def produce(spec: ModelSpec, target: Target, maker: Maker) -> Product:
    """Makes the file that ships.

    Raises:
      EdgekitError: the model, the dataset or the recipe does not allow it.
    """
    return to_goal(target, lambda tried: _produce(spec, tried, maker))


def _produce(spec: ModelSpec, target: Target, maker: Maker) -> Product:
    scope = Scope(maker, f"{target.name}.{spec.name}")
    looks, proofs = scope.apart(), scope.apart()
    loaded = load(spec, target, scope)
    answers, doubt = original(spec, loaded, loaded.data, looks)
    scope.done(loaded.told, loaded.source.bytes, accuracy_of(answers))
    compressed = compress(spec, loaded, target.recipe, scope)
    quantized = quantize(spec, loaded, compressed, target, scope, looks)
    small = shrink(quantized, loaded.data, target, scope, proofs)
    said = [*loaded.notes, *compressed.notes, *quantized.notes, *doubt, *small.notes]
    said = [*filter(None, dict.fromkeys(said)), *notes_of(scope.made)]
    return Product(spec, target, loaded, compressed.graphs, quantized, small, answers, said, scope.made, proofs.made)


def prove(
    product: Product,
    maker: Maker,
    project: Project,
    overrides: tuple[str, ...] = (),
    before: Before | None = None,
    commit: Commit | None = None,
) -> BuildResult:
    """Runs what ships under the target's runtimes, and holds it against the budget.

    Args:
      project: paths in the report are relative to its root.
      before: the release that it is compared with.
      commit: that the project is at.

    Raises:
      SetupError: the runtime that ships is not installed.
    """
    scope = Scope(maker, product.scope)
    found = measure(product, scope, before.file if before else None)
    parts = parts_of(product, scope)
    layers = layers_of(parts)
    device = hand_over(product, found, layers, scope)
    lines = judged(product, found, device, before)
    report, files = report_of(product, found, device, lines, project, overrides, before, commit, layers)
    return BuildResult(product, found, report, parts, files, [*product.made, *product.proofs, *scope.made])
