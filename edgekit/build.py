"""The flow: load ▶ prune ▶ convert ▶ quantize ▶ measure ▶ judge. Read this file first.

A stage is a step of `edgekit.steps`: made in a worker process, or found in the store where the same inputs, settings,
code and libraries made it before. Nothing here imports TensorFlow, NumPy or a runtime.
"""

from __future__ import annotations

import platform
from pathlib import Path

import msgspec

from edgekit import __version__, steps
from edgekit.budget import judge, verdict
from edgekit.config import encode
from edgekit.data.spec import DataFacts, DataSpec
from edgekit.errors import DataError, ModelError
from edgekit.locate import locate
from edgekit.make import Listener, Made, Maker, Step
from edgekit.measure.harness import measure
from edgekit.project import ModelSpec, Project
from edgekit.report.types import MANIFEST, REPORT, Manifest, ModelEntry, Report, StepEntry, TargetEntry
from edgekit.runtimes import stand_in
from edgekit.store import Store, relative
from edgekit.target import Recipe, Target
from edgekit.types import Artifact, ModelFacts
from edgekit.write import check_writable, write_build


class Product(msgspec.Struct, frozen=True):
    """What the stages made of a model for a target."""

    spec: ModelSpec
    target: Target
    source: Artifact
    """The model's file."""
    dataset: Artifact
    data: DataSpec
    facts: ModelFacts
    notes: list[str]
    """What a reader has to know before the figures."""
    reference: Artifact
    """The model as it was given, as float `.tflite`: what the shipped one is compared with."""
    candidate: Artifact
    """The compressed model before quantization, as float `.tflite`."""
    shipped: Artifact
    made: list[Made]
    """The stages, in the order of the flow."""

    @property
    def scope(self) -> str:
        """Where the store remembers this build's steps."""
        return f"{self.target.name}.{self.spec.name}"


class Built(msgspec.Struct, frozen=True):
    """A finished build, ready to be written."""

    product: Product
    report: Report
    files: dict[str, Artifact]
    """What ships, by its path in the output folder."""
    made: list[Made]
    """Every step, measuring ones included."""


def build(
    project: Project, specs: list[ModelSpec], targets: list[Target], out: Path, overrides: tuple[str, ...], ui: Listener
) -> list[Report]:
    """Builds each model for each target and writes `out/TARGET/MODEL`.

    Everything is compressed first, then measured, so that TensorFlow is started once and is gone when time is taken.

    Raises:
      EdgekitError: at the first thing that is wrong; what was finished stays in the store.
    """
    check_writable(out)
    for target in targets:
        stand_in(target.runtimes.ship)
    with Maker(Store(project.store), ui) as maker:
        products = [compress(spec, target, maker) for target in targets for spec in specs]
        maker.end(steps.TENSORFLOW)
        reports = []
        for product in products:
            built = prove(product, maker, project.root, overrides)
            folder = out / product.target.name / product.spec.name
            manifest, log = _manifest(built, project.root), maker.log(product.scope)
            write_build(built.files, built.report, manifest, folder, log, maker.store)
            reports.append(built.report)
    return reports


def compress(spec: ModelSpec, target: Target, maker: Maker) -> Product:
    """Makes the file that ships.

    Raises:
      EdgekitError: the model, the dataset or the recipe does not allow it.
    """
    recipe, made = target.recipe, []

    def make(step: Step) -> Artifact:
        made.append(maker.make(step, f"{target.name}.{spec.name}"))
        return made[-1].artifact

    maker.ui.headline(f"{target.name}: build {spec.name}")
    source = locate("keras", spec.model, maker.fingerprints.file, ModelError)
    dataset = locate("data", spec.data, maker.fingerprints.file, DataError)
    reading = msgspec.structs.replace(spec.reading, input_shape=spec.reading.input_shape or recipe.input_shape)
    model = make(steps.load(source, reading))
    facts: ModelFacts = made[-1].value
    data, found = _check_data(spec, target, dataset, facts, maker)
    notes = [found.note] if found.note else []
    if facts.form == "keras":
        candidate = reference = make(steps.convert("reference", model, reading.custom_objects))
        if recipe.prune:
            model = make(steps.prune(model, data, recipe.prune, recipe.seed, reading.custom_objects))
            candidate = make(steps.convert("convert", model, reading.custom_objects))
    else:
        candidate = reference = model
        notes += _skipped(spec, recipe, facts)
    shipped = candidate
    if recipe.quantize and facts.form != "int8":
        shipped = make(steps.quantize(candidate, data, recipe.quantize))
    notes += [f"{m.row.name}: {m.value}" for m in made if isinstance(m.value, str) and m.value]
    return Product(spec, target, source, dataset, data, facts, notes, reference, candidate, shipped, made)


def prove(product: Product, maker: Maker, root: Path, overrides: tuple[str, ...] = ()) -> Built:
    """Runs what ships under the target's runtimes, and holds it against the budget.

    Args:
      root: of the project, which paths in the report are relative to.
      overrides: what `--set` changed, for the report.

    Raises:
      SetupError: the runtime that ships is not installed.
    """
    spec, target, p = product.spec, product.target, product
    maker.ui.headline(f"{target.name}: measure {spec.name}")
    found = measure(p.reference, p.candidate, p.shipped, p.data, p.notes, target.runtimes, p.scope, maker)
    lines = judge(target.budget, found.measurements, found.shipped)
    files, made = {"model.tflite": p.shipped}, [*p.made, *found.made]
    if target.outputs.c_array:
        arena = found.value("arena")
        made.append(
            maker.make(steps.emit(p.shipped, spec.name, target.outputs, None if arena is None else int(arena)), p.scope)
        )
        files |= {f"c/{name}": artifact for name, artifact in made[-1].artifacts.items()}
    of_float, of_compressed = found.value("accuracy", "float"), found.value("accuracy", "compressed")
    accuracy = {"load": of_float, "prune": of_compressed, "convert": of_compressed, "quantize": found.value("accuracy")}
    report = Report(
        schema=REPORT,
        model=ModelEntry(
            spec.name,
            relative(spec.model, root),
            p.source.sha256,
            p.facts.parameters,
            int(found.value("macs") or 0),
            p.facts.format,
        ),
        target=TargetEntry(target.name, target.sha256, target.description, overrides),
        artifacts=[msgspec.structs.replace(artifact, path=path) for path, artifact in files.items()],
        stages=[msgspec.structs.replace(m.row, accuracy=accuracy.get(m.row.name)) for m in p.made],
        measurements=found.measurements,
        budget=lines,
        verdict=verdict(lines, found.measurements, found.shipped),
        notes=found.notes,
        threads=target.runtimes.threads,
        machine=found.machine,
    )
    return Built(product, report, files, made)


def _skipped(spec: ModelSpec, recipe: Recipe, facts: ModelFacts) -> list[str]:
    """What of a recipe a graph cannot go through, as notes.

    Raises:
      ModelError: the recipe requires it.
    """
    parts = [name for name in ("prune",) if getattr(recipe, name)]
    if facts.form == "int8" and recipe.quantize:
        parts.append("quantize")
    if recipe.prune and recipe.prune.required:
        raise ModelError(
            f"{spec.model}: recipe.prune is required, but the model cannot be trained: {facts.untrainable}"
        )
    return [f"skipped: {' and '.join(parts)}, because {facts.untrainable}"] if parts else []


def _check_data(
    spec: ModelSpec, target: Target, dataset: Artifact, model: ModelFacts, maker: Maker
) -> tuple[DataSpec, DataFacts]:
    """The dataset as the stages take it, read once and found to fit the model."""
    classes = model.outputs[0].shape[-1] if model.outputs[0].shape else 1
    # Data is real numbers, whatever the file stores them as.
    inputs = tuple(msgspec.structs.replace(i, dtype="float32") if i.scale else i for i in model.inputs)
    data = DataSpec(spec.data, dataset.sha256, spec.preprocessing, inputs, classes, target.recipe.seed)
    checked = maker.make(steps.check_data(data), f"{target.name}.{spec.name}")
    facts: DataFacts = checked.value
    quantize = target.recipe.quantize
    if quantize and facts.train < quantize.calibration_samples and model.form != "int8":
        raise DataError(
            f"{spec.data}: {facts.train} training samples, but recipe.quantize.calibration_samples wants "
            f"{quantize.calibration_samples}; give more, or --set recipe.quantize.calibration_samples={facts.train}"
        )
    if copy := checked.artifacts.get("samples.npz"):
        data = msgspec.structs.replace(data, source=copy.path, sha256=copy.sha256)
    return data, facts


def _manifest(built: Built, root: Path) -> Manifest:
    """All that decided the build; the outputs are added as they are written."""
    product, versions = built.product, {"python": platform.python_version(), "edgekit": __version__}
    for made in built.made:
        versions |= made.ingredients["libraries"]
    return Manifest(
        schema=MANIFEST,
        verdict=built.report.verdict,
        inputs=[msgspec.structs.replace(a, path=relative(a.path, root)) for a in (product.source, product.dataset)],
        target=built.report.target,
        settings=encode(product.target),
        versions=dict(sorted(versions.items())),
        steps=[StepEntry(made.row.name, made.key, made.ingredients) for made in built.made],
        outputs=[],
    )
