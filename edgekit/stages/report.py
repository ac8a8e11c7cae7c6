"""What a build says of itself: the verdict, the report, its pages and the bill of materials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from edgekit.engine.make import Maker, Scope, StageResult
from edgekit.files import relative
from edgekit.measure import firmware
from edgekit.measure.golden import GOLDEN
from edgekit.measure.judge import implied, judge, verdict
from edgekit.measure.limits import DEVICES
from edgekit.measure.samples import differences
from edgekit.product import BuildResult, Handover, Measurements, Product
from edgekit.profile.places import limit_places
from edgekit.profile.project import Project
from edgekit.records.baseline import Before
from edgekit.records.history import trends
from edgekit.report.extras import Extras
from edgekit.report.recipe import recipe_in_words
from edgekit.report.render import render
from edgekit.report.sbom import write_sbom
from edgekit.report.text import cleaned
from edgekit.report.types import REPORT, BaselineEntry, Commit, Distribution, Manifest, ModelEntry, Report, TargetEntry
from edgekit.shrink.file import NAMES
from edgekit.stages.layers import in_text, of_runtimes
from edgekit.types import Artifact, BudgetLine, Measurement, Remark, StageRow

SIZES = ("model_size", "download_size", "parameters", "nonzero", "macs")


def notes_of(made: Iterable[StageResult[Any]]) -> list[str]:
    """What stages say beside their results: `notes`, which say what to do, and `remarks`; a text is a remark."""
    said: list[str] = []
    for stage in made:
        name, value = stage.row.name, stage.value
        remarks = [value] if isinstance(value, str) and value else getattr(value, "remarks", ())
        said += [f"{name}: {note}" for note in getattr(value, "notes", ())]
        said += [Remark(f"{name}: {remark}") for remark in remarks]
    return said


def judged(product: Product, found: Measurements, device: Handover, before: Before | None) -> list[BudgetLine]:
    """Every limit, held against what was measured here and of the device, which is added to what was found."""
    target, old = product.target, before.measurements if before else []
    found.measurements.extend(device.measurements)
    found.notes.extend(device.notes)
    if before and before.same_core(target.hardware):
        found.measurements.extend(firmware.changed(found.measurements, old))
    lines = judge(target.budget, found.measurements, found.shipped, old, target.hardware)
    return lines + implied(target.budget, found.measurements, found.shipped)


def report_of(
    product: Product,
    found: Measurements,
    device: Handover,
    lines: list[BudgetLine],
    project: Project,
    overrides: tuple[str, ...],
    before: Before | None,
    commit: Commit | None,
    layers: Mapping[str, str],
) -> tuple[Report, dict[str, Artifact]]:
    """The report, and what ships, by its path in the output folder.

    Args:
      commit: that the project is at.
      layers: see `edgekit.stages.layers.layers_of`.
    """
    spec, target, source = product.spec, product.target, product.loaded.source
    names = {NAMES: product.names_of(product.shipped), GOLDEN: found.golden}
    files = {"model.tflite": product.shipped} | device.files | {name: file for name, file in names.items() if file}
    release = None
    if before:
        shipped = _shipped(before.measurements, found.shipped)
        release = BaselineEntry(before.name, before.release.shipped.sha256, shipped)
    limits = {name: place.said for name, place in limit_places(target, spec, project, overrides).items()}
    report = Report(
        schema=REPORT,
        model=ModelEntry(
            spec.name,
            relative(spec.model, project.root),
            source.sha256,
            product.facts.parameters,
            int(found.value("macs") or 0),
            product.facts.format,
            product.facts.saved,
        ),
        target=TargetEntry(target.name, target.sha256, target.description, overrides, limits),
        artifacts=[replace(artifact, path=path) for path, artifact in files.items()],
        stages=_rows(product, found),
        measurements=found.measurements,
        budget=lines,
        verdict=verdict(lines, found.measurements, found.shipped),
        notes=[in_text(note, layers) for note in found.notes if not isinstance(note, Remark)],
        remarks=[in_text(str(note), layers) for note in found.notes if isinstance(note, Remark)],
        rungs=list(product.quantized.attempts),
        threads=target.runtimes.threads,
        machine=found.machine,
        baseline=release,
        shipped=found.shipped,
        npu=device.npu,
        conformance=of_runtimes(found.conformance, layers),
        distributions=[Distribution(*entry) for entry in found.distributions],
        commit=commit,
        recipe=recipe_in_words(target.recipe),
    )
    return cleaned(report), files


def pages(built: BuildResult, manifest: Manifest, project: Project, maker: Maker) -> dict[str, Artifact]:
    """The report's page, what continuous integration reads, and the bill of materials, by file name."""
    product, found, scope = built.product, built.found, Scope(maker, built.product.scope)
    changed = None
    if found.predictions:
        changed = scope.make(differences(*found.predictions, product.data, product.target.outputs.samples)).value
    stood = limit_places(product.target, product.spec, project, built.report.target.overrides)
    places = {name: (place.file, place.line) for name, place in stood.items() if place.line}
    history, labels = trends(project, built.report, maker.ui.note), product.loaded.labels
    outputs = tuple(product.data.output(number) for number in range(len(product.data.outputs)))
    extras = cleaned(Extras(built.parts, changed, history, places, labels, outputs))
    # What was found instead of made stands in report.json and report.md; the page is of what came out.
    rows = [replace(row, status="cached", reason="") for row in built.report.stages]
    rendered = scope.make(render(replace(built.report, stages=rows), extras)).artifacts
    inputs = {artifact.path: artifact.sha256 for artifact in manifest.inputs}
    figures = {"parameters": str(product.facts.parameters), "format": product.facts.format}
    billed = scope.make(write_sbom(product.scope, product.shipped.sha256, inputs, figures, manifest.versions))
    return rendered | billed.artifacts


def _shipped(measurements: list[Measurement], runtime: str) -> list[Measurement]:
    """Those of what ships, where it ships or on simulated hardware."""
    return [m for m in measurements if m.artifact == "model" and m.engine in ("", runtime, *DEVICES)]


def _rows(product: Product, found: Measurements) -> list[StageRow]:
    """What each stage did, with the measurements of its model as `.tflite`."""
    files = {"portable": product.portable, "quantize": product.quantized.model}
    ships = {name for name, file in files.items() if file.sha256 == product.shipped.sha256}
    slow, rows = found.value("latency_p50", "float"), []
    for made in product.made:
        row, name = made.row, "model" if made.model in ships else made.model
        # Shrinking has been proven to change no output.
        same = "model" if name in ("quantize", "portable") else name
        first = found.measurement("accuracy", "original") if row.name == "load" else None
        accuracy, fast = first or found.measurement("accuracy", same), found.value("latency_p50", name)
        sizes = {size: found.value(size, name) for size in SIZES}
        row = replace(
            row,
            latency_ratio=round(fast / slow, 4) if fast and slow else None,
            **{size: None if value is None else int(value) for size, value in sizes.items()},
        )
        if accuracy and accuracy.value is not None:
            row = replace(row, accuracy=accuracy.value, accuracy_low=accuracy.low, accuracy_high=accuracy.high)
        rows.append(row)
    return rows
