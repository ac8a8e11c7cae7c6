"""The flow: load ▶ prune ▶ convert ▶ quantize ▶ measure ▶ judge. Read this file first.

A stage is a step of `edgekit.steps`: made in a worker process, or found in the store where the same inputs, settings,
code and libraries made it before. Nothing here imports TensorFlow, NumPy or a runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from edgekit import steps
from edgekit.data.locate import locate
from edgekit.data.spec import RANDOM, DataFacts, DataSpec
from edgekit.engine.make import Listener, Made, Maker, Step
from edgekit.engine.store import Store
from edgekit.errors import DataError, ModelError, ProjectError, TargetError, WorkerError
from edgekit.files import check_writable, relative
from edgekit.measure import firmware
from edgekit.measure.golden import GOLDEN
from edgekit.measure.judge import DEVICES, implied, judge, verdict
from edgekit.profile.profiles import limit_places
from edgekit.profile.project import ModelSpec, Project, is_function
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.records.baseline import Before, of
from edgekit.records.history import record, trends
from edgekit.records.manifest import manifest_of
from edgekit.records.outputs import write_build
from edgekit.report.html import Extras
from edgekit.report.index import write_index
from edgekit.report.text import cleaned
from edgekit.report.types import (
    REPORT,
    BaselineEntry,
    Distribution,
    Manifest,
    ModelEntry,
    Report,
    TargetEntry,
)
from edgekit.runtimes import stand_in
from edgekit.shrink.file import CALIBRATION_INPUTS, NAMES, Smaller, shrunk
from edgekit.stages.handover import hand_over
from edgekit.stages.measure import Found, available, measure
from edgekit.stages.quantize import quantized, rescue
from edgekit.types import INTEGER, KERAS, Artifact, Measurement, ModelFacts, Rung, StageRow


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
    graphs: dict[str, Artifact]
    """`float`, the model as it was given, and that after each technique, by its name; as float `.tflite`."""
    quantized: Artifact
    """What was shrunk to what ships; the same file where nothing was gained."""
    shipped: Artifact
    portable: Artifact
    """The same without lookup tables, which TFLM alone executes."""
    names: dict[str, Artifact]
    """Of the tensors in both, where they lack them; by the SHA-256 of the file."""
    labels: tuple[str, ...]
    """Of the classes, where the project or the dataset's folders name them."""
    quantize: Quantize | None
    """The settings with which it was quantized; None where it was not, or was trained so."""
    rungs: tuple[Rung, ...]
    """What the ladder of remedies tried."""
    made: list[Made]
    """The stages, in the order of the flow."""
    original: Made | None
    """What the model answers as it was given, where that is no `.tflite`."""
    proofs: list[Made]
    """That what ships answers as before it was shrunk."""

    @property
    def scope(self) -> str:
        """Where the store remembers this build's steps."""
        return f"{self.target.name}.{self.spec.name}"


class Built(msgspec.Struct, frozen=True):
    """A finished build, ready to be written."""

    product: Product
    found: Found
    report: Report
    files: dict[str, Artifact]
    """What ships, by its path in the output folder."""
    made: list[Made]
    """Every step, measuring ones included."""


def build(
    project: Project,
    specs: list[ModelSpec],
    targets: list[Target],
    out: Path,
    overrides: tuple[str, ...],
    ui: Listener,
    baseline: str = "",
    remeasure: bool = False,
) -> list[Report]:
    """Builds each model for each target and writes `out/TARGET/MODEL`.

    Everything is compressed first, then measured, so that TensorFlow is started once and is gone when time is taken.

    Args:
      baseline: name of the release that the builds are held against.
      remeasure: measure time and memory again, also where nothing has changed.

    Raises:
      EdgekitError: at the first thing that is wrong; what was finished stays in the store.
    """
    check_writable(out)
    for target in targets:
        stand_in(target.runtimes.ship)
    before = {(t.name, s.name): of(project, baseline, t.name, s.name) for t in targets for s in specs if baseline}
    with Maker(Store(project.store), ui, remeasure) as maker:
        products = [compress_to_goal(spec, target, maker) for target in targets for spec in specs]
        maker.end(steps.TENSORFLOW)
        reports = []
        for product in products:
            built = prove(product, maker, project.root, overrides, before.get((product.target.name, product.spec.name)))
            folder = out / product.target.name / product.spec.name
            manifest, log = manifest_of(built, project.root), maker.log(product.scope)
            files = built.files | pages(built, manifest, project, maker)
            write_build(files, built.report, manifest, folder, log, maker.store)
            record(project, built.report, ui.note)
            reports.append(built.report)
    write_index(out)
    return reports


def compress_to_goal(spec: ModelSpec, target: Target, maker: Maker) -> Product:
    """Makes the file that ships; where the recipe has a goal for its bytes, with as few clusters as that takes.

    Raises:
      EdgekitError: see `compress`.
    """
    cluster = target.recipe.cluster
    if cluster is None or cluster.goal is None:
        return compress(spec, target, maker)
    count, goal, replace = cluster.clusters, int(cluster.goal), msgspec.structs.replace
    while True:
        recipe = replace(target.recipe, cluster=replace(cluster, clusters=count, goal=None))
        product = compress(spec, replace(target, recipe=recipe), maker)
        size = product.shipped.bytes
        if size <= goal or count == 2:
            said = "the goal is" if size <= goal else "the fewest there are, and still above the goal of"
            note = f"cluster: {count} values make {size:,} B; {said} {goal:,} B"
            return replace(product, target=target, notes=[*product.notes, note])
        count = max(2, count // 2)


def compress(spec: ModelSpec, target: Target, maker: Maker) -> Product:
    """Makes the file that ships.

    Raises:
      EdgekitError: the model, the dataset or the recipe does not allow it.
    """
    recipe, made, scope = target.recipe, [], f"{target.name}.{spec.name}"

    def make(step: Step) -> Made:
        made.append(maker.make(step, scope))
        return made[-1]

    def answered(samples: DataSpec) -> Made | None:
        """What the model answers as it was given, which everything is held against."""
        if facts.format == "tflite" or samples.source == RANDOM:
            return None
        try:
            return maker.make(steps.original(loaded.artifacts.get(KERAS), source, reading, samples, spec.metric), scope)
        except (ModelError, WorkerError) as problem:
            notes.append(f"the float model is held against no original: {problem}")
            return None

    maker.ui.headline(f"{target.name}: build {spec.name}")
    source = locate("keras", spec.model, maker.fingerprints.file, ModelError)
    dataset = locate("data", spec.data, maker.fingerprints.file, DataError)
    reading = msgspec.structs.replace(spec.reading, input_shape=spec.reading.input_shape or recipe.input_shape)
    loaded = make(steps.load(source, reading))
    facts: ModelFacts = loaded.value
    if target.runtimes.ship == "tflm" and facts.form != "int8" and not recipe.quantize:
        raise TargetError(
            f'{target.name}: recipe.quantize: without it the model stays float, and "tflm" ships integer models; write '
            'recipe.quantize.scheme = "int8", or runtimes.ship = "litert"'
        )
    if facts.floats and recipe.quantize and recipe.quantize.static and not recipe.quantize.allow_float_ops:
        raise ModelError(f"{spec.model}: {facts.floats[0]}, or --set recipe.quantize.allow_float_ops=true")
    data, found = check_dataset(spec, target, dataset, facts, maker)
    notes = [found.note] if found.note else []
    rungs: tuple[Rung, ...] = ()
    graphs, objects = {"float": loaded.artifact}, reading.custom_objects
    if facts.form == "keras":
        done, lesson = loaded, _lesson(loaded.artifact, data, spec, recipe, make, maker)
        graphs = {"float": make(steps.convert("reference", loaded.artifact, objects)).artifact}
        if recipe.techniques:
            maker.make(steps.rehearse(loaded.artifact, data, recipe, objects, lesson), scope)
        for technique in recipe.techniques:
            if technique != "qat":  # which has plain int8 to be better than
                notes.append(getattr(recipe, technique).too_short(technique, found.train))
            done = make(steps.compress(technique, done.artifacts[KERAS], data, recipe, objects, lesson))
            name = "convert" if technique == recipe.techniques[-1] else f"convert {technique}"
            graphs[technique] = make(steps.convert(name, done.artifacts[KERAS], objects)).artifact
    else:
        notes += _skipped(spec, recipe, facts)
    shipped, quantize = list(graphs.values())[-1], recipe.quantize if facts.form != "int8" else None
    if quantize and quantize.static and data.source != RANDOM:
        make(steps.check_calibration(shipped, data, quantize))
    if facts.form == "keras" and recipe.techniques[-1:] == ("qat",):
        shipped, quantize = done.artifacts[INTEGER], None
    elif quantize and quantize.rescue and data.source != RANDOM:
        keras = done.artifacts[KERAS] if facts.form == "keras" else None
        rescued = rescue(shipped, keras, graphs["float"], answered, data, target, objects, make)
        shipped, quantize, rungs = rescued.model, rescued.settings, rescued.rungs
        notes.append(rescued.note)
    elif quantize:
        shipped = quantized(shipped, data, quantize, make).artifact
    if facts.format == "tflite" and shipped != loaded.artifact:
        shipped = make(steps.carry(shipped, loaded.artifact)).artifact
    make(steps.check_support(shipped, tuple(filter(None, (target.runtimes.ship, target.runtimes.oldest)))))
    original = answered(data)
    small = Smaller(shipped, shipped, {}, [], [])
    if recipe.shrink:
        samples = quantize.calibration_samples if quantize else CALIBRATION_INPUTS
        engines = available(target.runtimes).engines
        small = shrunk(shipped, data, samples, target, engines, make, lambda step: maker.make(step, scope))
        notes += small.notes
    notes = list(filter(None, dict.fromkeys(notes)))
    notes += [f"{m.row.name}: {m.value}" for m in made if isinstance(m.value, str) and m.value]
    notes += [f"{m.row.name}: {note}" for m in made for note in getattr(m.value, "notes", ())]
    return Product(
        spec,
        target,
        source,
        dataset,
        data,
        facts,
        notes,
        graphs,
        quantized=shipped,
        shipped=small.model,
        portable=small.portable,
        names=small.names,
        labels=spec.labels or (found.labels if len(found.labels) == max(data.classes, 2) else ()),
        quantize=quantize,
        rungs=rungs,
        made=made,
        original=original,
        proofs=small.proofs,
    )


def prove(
    product: Product, maker: Maker, root: Path, overrides: tuple[str, ...] = (), before: Before | None = None
) -> Built:
    """Runs what ships under the target's runtimes, and holds it against the budget.

    Args:
      root: of the project, which paths in the report are relative to.
      overrides: what `--set` changed, for the report.
      before: the release that it is held against.

    Raises:
      SetupError: the runtime that ships is not installed.
    """
    spec, target, p = product.spec, product.target, product
    maker.ui.headline(f"{target.name}: measure {spec.name}")
    found = measure(
        p.graphs,
        p.shipped,
        p.data,
        p.notes,
        target,
        p.scope,
        maker,
        before.file if before else None,
        spec.metric,
        quantized=p.quantized,
        portable=p.portable,
        names=p.names.get(p.portable.sha256),
        original=p.original,
        floats=p.facts.form != "int8",
    )
    old = before.measurements if before else []
    device = hand_over(product, found, maker)
    found.measurements.extend(device.measurements)
    found.notes.extend(device.notes)
    if before and before.same_core(target.hardware):
        found.measurements.extend(firmware.changed(found.measurements, old))
    lines = judge(target.budget, found.measurements, found.shipped, old, target.hardware)
    lines += implied(target.budget, found.measurements, found.shipped)
    made = [*p.made, *p.proofs, *found.made, *device.made]
    files = {"model.tflite": p.shipped} | device.files
    if p.shipped.sha256 in p.names:
        files[NAMES] = p.names[p.shipped.sha256]
    if found.golden:
        files[GOLDEN] = found.golden
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
        stages=_rows(p, found),
        measurements=found.measurements,
        budget=lines,
        verdict=verdict(lines, found.measurements, found.shipped),
        notes=found.notes,
        rungs=list(p.rungs),
        threads=target.runtimes.threads,
        machine=found.machine,
        baseline=BaselineEntry(before.name, before.release.shipped.sha256, _shipped(old, found.shipped))
        if before
        else None,
        shipped=found.shipped,
        npu=device.npu,
        conformance=found.conformance,
        distributions=[Distribution(*entry) for entry in found.distributions],
    )
    return Built(product, found, cleaned(report), files, made)


def pages(built: Built, manifest: Manifest, project: Project, maker: Maker) -> dict[str, Artifact]:
    """The report's page, what continuous integration reads, and the bill of materials, by file name."""
    product, found, scope = built.product, built.found, built.product.scope
    anatomy = maker.make(steps.anatomy(product.shipped, product.names.get(product.shipped.sha256)), scope).value
    changed = None
    if found.predictions:
        changed = maker.make(steps.differences(*found.predictions, product.data), scope).value
    trend = trends(project, built.report, maker.ui.note)
    places = limit_places(product.target, project.target_folders, project.root)
    # What was found instead of made stands in report.json and report.md; the page is of what came out.
    rows = [msgspec.structs.replace(row, status="cached", reason="") for row in built.report.stages]
    report = msgspec.structs.replace(built.report, stages=rows)
    rendered = maker.make(steps.render(report, cleaned(Extras(anatomy, changed, trend)), places), scope).artifacts
    inputs = {artifact.path: artifact.sha256 for artifact in manifest.inputs}
    figures = {"parameters": str(product.facts.parameters), "format": product.facts.format}
    billed = maker.make(steps.bill(scope, product.shipped, inputs, figures, manifest.versions), scope)
    return rendered | billed.artifacts


def _shipped(measurements: list[Measurement], runtime: str) -> list[Measurement]:
    """Those of what ships, where it ships or on simulated hardware."""
    return [m for m in measurements if m.artifact == "model" and m.runtime.split(" ")[0] in ("", runtime, *DEVICES)]


def _rows(product: Product, found: Found) -> list[StageRow]:
    """What each stage did, with the measurements of its model as `.tflite`."""
    of = {"load": "float", "reference": "float", "convert": list(product.graphs)[-1], "lookup tables": "model"}
    for name, file in (("shrink", product.portable), ("quantize", product.quantized)):
        of[name] = "model" if file.sha256 == product.shipped.sha256 else "portable" if name == "shrink" else name
    slow, rows = found.value("latency_p50", "float"), []
    for row in (made.row for made in product.made):
        name = of.get(row.name, row.name.removeprefix("convert "))
        # Shrinking has been proven to change no output.
        same = "model" if name in ("quantize", "portable") else name
        first = found.measurement("accuracy", "original") if row.name == "load" else None
        accuracy, fast = first or found.measurement("accuracy", same), found.value("latency_p50", name)
        sizes = {n: found.value(n, name) for n in ("model_size", "download_size", "parameters", "nonzero", "macs")}
        row = msgspec.structs.replace(
            row,
            latency_ratio=round(fast / slow, 4) if fast and slow else None,
            **{n: None if value is None else int(value) for n, value in sizes.items()},
        )
        if accuracy and accuracy.value is not None:
            low, high = accuracy.low, accuracy.high
            row = msgspec.structs.replace(row, accuracy=accuracy.value, accuracy_low=low, accuracy_high=high)
        rows.append(row)
    return rows


def _lesson(
    model: Artifact, data: DataSpec, spec: ModelSpec, recipe: Recipe, make: Callable[[Step], Made], maker: Maker
) -> steps.Teaching | None:
    """The teacher that the recipe's students learn from, and its answers.

    Raises:
      ModelError: it cannot be read, or is a graph without layers.
    """
    if not recipe.distil:
        return None
    if recipe.distil.teacher != "model":
        name = recipe.distil.teacher
        path = name if is_function(name) else str(Path(name).absolute())
        source = locate("keras", path, maker.fingerprints.file, ModelError)
        read = make(msgspec.structs.replace(steps.load(source, spec.reading), name="load teacher"))
        if KERAS not in read.artifacts:
            why = read.value.untrainable
            raise ModelError(f"{recipe.distil.teacher}: recipe.distil.teacher must be a Keras model, but {why}")
        if [t.shape for t in read.value.inputs] != [t.shape for t in data.inputs]:
            ours, theirs = (
                " and ".join("x".join(map(str, t.shape[1:])) for t in inputs)
                for inputs in (data.inputs, read.value.inputs)
            )
            raise ModelError(f"{name}: recipe.distil.teacher takes {theirs}, the model {ours}; they must be alike")
        model = read.artifact
    answers, student = make(steps.teach(model, data, spec.reading.custom_objects)).artifact, None
    if isinstance(recipe.distil.student, str) and recipe.distil.student != "model":
        student = locate("keras", recipe.distil.student, maker.fingerprints.file, ModelError)
    return steps.Teaching(model, answers, student, recipe.distil)


def _skipped(spec: ModelSpec, recipe: Recipe, facts: ModelFacts) -> list[str]:
    """What of a recipe a graph cannot go through, as notes.

    Raises:
      ModelError: the recipe requires it.
    """
    parts: list[str] = list(recipe.techniques)
    if facts.form == "int8" and recipe.quantize:
        parts.append("quantize")
    if recipe.prune and recipe.prune.required:
        raise ModelError(
            f"{spec.model}: recipe.prune is required, but the model cannot be trained: {facts.untrainable}"
        )
    return [f"skipped: {' and '.join(parts)}, because {facts.untrainable}"] if parts else []


def check_dataset(
    spec: ModelSpec, target: Target, dataset: Artifact, model: ModelFacts, maker: Maker
) -> tuple[DataSpec, DataFacts]:
    """The dataset as the stages take it, read once and found to fit the model."""
    classes = model.outputs[0].shape[-1] if model.outputs[0].shape else 1
    # Data is real numbers, whatever the file stores them as.
    inputs = tuple(msgspec.structs.replace(i, dtype="float32") if i.scale else i for i in model.inputs)
    data = DataSpec(
        spec.data,
        dataset.sha256,
        spec.preprocessing,
        inputs,
        classes,
        target.recipe.seed,
        held_out=model.form != "int8" and target.recipe.judges(model.form == "keras"),
        outputs=model.outputs,
        metric=spec.metric,
        group=spec.group,
    )
    quantize = target.recipe.quantize if model.form != "int8" else None
    if spec.labels and len(spec.labels) != max(classes, 2):  # one output is a yes or a no
        raise ProjectError(
            f"tool.edgekit.models.{spec.name}.labels: {len(spec.labels)} names, but the model has {classes} outputs; "
            f"name {max(classes, 2)} classes in their order, or remove it"
        )
    checked = maker.make(steps.check_data(data), f"{target.name}.{spec.name}")
    facts: DataFacts = checked.value
    if quantize and quantize.static and facts.train < quantize.calibration_samples:
        raise DataError(
            f"{spec.data}: {facts.train} training samples, but recipe.quantize.calibration_samples wants "
            f"{quantize.calibration_samples}; give more, or --set recipe.quantize.calibration_samples={facts.train}"
        )
    if copy := checked.artifacts.get("samples.npz"):
        data = msgspec.structs.replace(data, source=copy.path, sha256=copy.sha256)
    return data, facts
