"""The flow: load ▶ prune ▶ convert ▶ quantize ▶ measure ▶ judge. Read this file first.

A stage is a step of `edgekit.steps`: made in a worker process, or found in the store where the same inputs, settings,
code and libraries made it before. Nothing here imports TensorFlow, NumPy or a runtime.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from edgekit import __version__, steps
from edgekit.baseline import Before, of
from edgekit.budget import judge, verdict
from edgekit.ccode.library import parts
from edgekit.ccode.piece import Kernels
from edgekit.config import encode
from edgekit.data.spec import RANDOM, DataFacts, DataSpec
from edgekit.errors import DataError, ModelError, ProjectError, TargetError
from edgekit.firmware.cores import CORES
from edgekit.history import record, trends
from edgekit.locate import locate
from edgekit.make import Listener, Made, Maker, Step
from edgekit.measure.golden import GOLDEN
from edgekit.measure.harness import Found, available, measure
from edgekit.npu.settings import checked
from edgekit.npu.vela import Compiled
from edgekit.project import ModelSpec, Project, is_function
from edgekit.recipe import Quantize, Recipe
from edgekit.report.html import Extras
from edgekit.report.index import write_index
from edgekit.report.types import (
    MANIFEST,
    REPORT,
    BaselineEntry,
    Distribution,
    Manifest,
    ModelEntry,
    Report,
    StepEntry,
    TargetEntry,
)
from edgekit.rescue import quantized, rescue
from edgekit.runtimes import stand_in
from edgekit.shrink import CALIBRATION_INPUTS, NAMES, Smaller, shrunk
from edgekit.store import Store, relative, sha256
from edgekit.target import Target, limit_places
from edgekit.types import INTEGER, KERAS, Arena, Artifact, Measurement, ModelFacts, Rung, StageRow
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
            manifest, log = _manifest(built, project.root), maker.log(product.scope)
            files = built.files | pages(built, manifest, project, maker)
            write_build(files, built.report, manifest, folder, log, maker.store)
            record(project, built.report)
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
    data, found = check_dataset(spec, target, dataset, facts, maker)
    notes = [found.note] if found.note else []
    rungs: tuple[Rung, ...] = ()
    graphs, objects = {"float": loaded.artifact}, reading.custom_objects
    if facts.form == "keras":
        done, lesson = loaded, _lesson(loaded.artifact, data, spec, recipe, make, maker)
        graphs = {"float": make(steps.convert("reference", loaded.artifact, objects)).artifact}
        for technique in recipe.techniques:
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
    elif quantize and quantize.rescue:
        keras = done.artifacts[KERAS] if facts.form == "keras" else None
        rescued = rescue(shipped, keras, data, target, objects, make)
        shipped, quantize, rungs = rescued.model, rescued.settings, rescued.rungs
        notes.append(rescued.note)
    elif quantize:
        shipped = quantized(shipped, data, quantize, make).artifact
    make(steps.check_support(shipped, tuple(filter(None, (target.runtimes.ship, target.runtimes.oldest)))))
    small = Smaller(shipped, shipped, {}, [], [])
    if recipe.shrink:
        samples = quantize.calibration_samples if quantize else CALIBRATION_INPUTS
        engines = available(target.runtimes).engines
        small = shrunk(shipped, data, samples, target, engines, make, lambda step: maker.make(step, scope))
        notes += small.notes
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
    )
    old = before.measurements if before else []
    code = _firmware(product, found.golden, maker) if target.outputs.c_standalone and found.golden else []
    if code:
        found.measurements.extend(code[-1].value)
    npu: Compiled | None = None
    if target.hardware.npu:
        settings = checked(target.hardware.npu, target.hardware.npu_system, target.hardware.npu_memory)
        code.append(maker.make(steps.compile(p.portable, p.names.get(p.portable.sha256), *settings), p.scope))
        npu = code[-1].value
        found.measurements.extend(npu.measurements)
        found.notes.extend(_left_to_cpu(npu))
    lines = judge(target.budget, found.measurements, found.shipped, old)
    files, made = {"model.tflite": p.shipped}, [*p.made, *p.proofs, *found.made, *code]
    for step in code:
        own = step.row.name == "compile"
        files |= {name if own else f"c/{name}": artifact for name, artifact in step.artifacts.items()}
    if p.shipped.sha256 in p.names:
        files[NAMES] = p.names[p.shipped.sha256]
    if found.golden:
        files[GOLDEN] = found.golden
    written = next((step.value for step in code if step.row.name == "standalone C"), None)
    outputs = msgspec.structs.replace(target.outputs, c_standalone=written is not None)
    if outputs.c_array or outputs.c_standalone:
        emit = steps.emit(p.shipped, spec.name, outputs, _arena(found), p.labels, written, found.golden)
        made.append(maker.make(emit, p.scope))
        files |= {f"c/{name}": artifact for name, artifact in made[-1].artifacts.items()}
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
        npu=npu,
        conformance=found.conformance,
        distributions=[Distribution(*entry) for entry in found.distributions],
    )
    return Built(product, found, report, files, made)


def _firmware(product: Product, golden: Artifact, maker: Maker) -> list[Made]:
    """Standalone C of what ships, and what a simulated core made of it.

    Raises:
      ModelError: it cannot be written, or has other outputs than TFLM.
    """
    target, model = product.target, product.portable
    core = CORES.get(target.hardware.cpu)
    by_core: Kernels = "dsp" if core and core.dsp else "portable"
    kernels = cast(Kernels, target.outputs.c_kernels) or by_core
    names = product.names.get(model.sha256)
    name, tables = target.outputs.c_name or product.spec.name, target.outputs.c_tables
    tables = product.shipped.sha256 != model.sha256 if tables is None else tables
    try:
        written = maker.make(steps.firmware(model, name, kernels, names, tables), product.scope)
    except ModelError as problem:
        said = str(problem).removeprefix(f"{model.path}: ")
        raise ModelError(f"{product.spec.model}: outputs.c_standalone: {said}") from None
    clock = None if target.hardware.clock is None else float(target.hardware.clock)
    library = {}
    if target.outputs.cmsis_nn:
        folders = parts(Path(target.outputs.cmsis_nn).expanduser().resolve())
        library = {of: Artifact("source", str(folder), 0, sha256(folder)) for of, folder in folders.items()}
    return [written, maker.make(steps.simulate(written, golden, target.hardware.cpu, clock, library), product.scope)]


def _arena(found: Found) -> Arena | None:
    """What TFLM needs of RAM for what ships, if it was measured."""
    own = [m for m in found.measurements if m.artifact == "model" and m.runtime.startswith("tflm ")]
    size = {m.name: int(m.value) for m in own if m.value is not None}
    if "arena" not in size:
        return None
    return Arena(size["arena"], size["arena_used"], size["arena_persistent"], size["arena_scratch"])


def _left_to_cpu(npu: Compiled) -> list[str]:
    """Notes on the operators that do not run on the NPU."""
    return [
        f"{npu.npu}: {f.operator} of {f.tensor.split(';')[0]!r} runs on the CPU: {f.reason}"
        + (f"; {f.advice}" if f.advice else "")
        for f in npu.fallbacks
    ]


def pages(built: Built, manifest: Manifest, project: Project, maker: Maker) -> dict[str, Artifact]:
    """The report's page, what continuous integration reads, and the bill of materials, by file name."""
    product, found, scope = built.product, built.found, built.product.scope
    anatomy = maker.make(steps.anatomy(product.shipped, product.names.get(product.shipped.sha256)), scope).value
    changed = None
    if found.predictions:
        changed = maker.make(steps.differences(*found.predictions, product.data), scope).value
    trend = trends(project, built.report)
    places = limit_places(product.target, project.target_folders, project.root)
    # What was found instead of made stands in report.json and report.md; the page is of what came out.
    rows = [msgspec.structs.replace(row, status="cached", reason="") for row in built.report.stages]
    report = msgspec.structs.replace(built.report, stages=rows)
    rendered = maker.make(steps.render(report, Extras(anatomy, changed, trend), places), scope).artifacts
    inputs = {artifact.path: artifact.sha256 for artifact in manifest.inputs}
    figures = {"parameters": str(product.facts.parameters), "format": product.facts.format}
    billed = maker.make(steps.bill(scope, product.shipped, inputs, figures, manifest.versions), scope)
    return rendered | billed.artifacts


def _shipped(measurements: list[Measurement], runtime: str) -> list[Measurement]:
    """Those of what ships, where it ships."""
    return [m for m in measurements if m.artifact == "model" and m.runtime.split(" ")[0] in ("", runtime)]


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
        accuracy, fast = found.measurement("accuracy", same), found.value("latency_p50", name)
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
    data = DataSpec(spec.data, dataset.sha256, spec.preprocessing, inputs, classes, target.recipe.seed)
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
        predicate=_provenance(product, root, versions),
    )


def _provenance(product: Product, root: Path, versions: dict[str, str]) -> dict[str, Any]:
    """What was built from what, by whom, as SLSA says it; settings and steps stand in the manifest itself.

    Source: SLSA 1.0, "Provenance"; a resource is a `ResourceDescriptor` of in-toto.
    """
    sources = [
        {"name": relative(a.path, root), "digest": {"sha256": a.sha256}}
        for a in (product.source, product.dataset)
        if len(a.sha256) == 64
    ]
    libraries = [{"name": n, "uri": f"pkg:pypi/{n}@{v}"} for n, v in sorted(versions.items()) if n != "python"]
    return {
        "buildDefinition": {
            "buildType": "urn:edgekit:build:1",
            "externalParameters": {"target": product.target.name, "model": product.spec.name},
            "internalParameters": {"profile": {"sha256": product.target.sha256}},
            "resolvedDependencies": [*sources, *libraries],
        },
        "runDetails": {"builder": {"id": "urn:edgekit:local", "version": {"edgekit": __version__}}},
    }
