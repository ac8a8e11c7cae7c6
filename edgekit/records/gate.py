"""The release gate: what speaks against the release of a build, by its files, its inputs and its budget."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edgekit.data.locate import locate
from edgekit.errors import DataError, EdgekitError, ModelError, OutputError
from edgekit.files import read_json, sha256
from edgekit.measure.judge import fails, implied, judge, verdict
from edgekit.profile.project import ModelSpec
from edgekit.profile.target import Target
from edgekit.records.baseline import Release
from edgekit.records.manifest import said_of
from edgekit.records.outputs import intact
from edgekit.report.types import Manifest, Report
from edgekit.types import VerdictWord

Kind = Literal["damaged", "stale", "trial", "broken"]


class Gate(msgspec.Struct, frozen=True):
    """How strict the gate is."""

    baseline: str = ""
    """The release that the builds must have been compared with."""
    strict: bool = False
    """Whether what stayed inconclusive fails."""
    rebuild: bool = False
    """Whether to build again and compare the bytes."""


class Objection(msgspec.Struct, frozen=True):
    """One reason against a release."""

    kind: Kind
    """`damaged`: files are missing or not those that were built; `stale`: model, data, profile or baseline are others
    now; `trial`: built with `--set`; `broken`: a limit does not hold."""
    said: str


class Examination(msgspec.Struct, frozen=True):
    """All that the gate has to say of a build."""

    findings: list[Objection]
    verdict: VerdictWord = "inconclusive"
    """Of the budget."""
    notes: list[str] = []
    """Limits that were not decided."""


def examine(target: Target, spec: ModelSpec, folder: Path, gate: Gate, before: Release | None) -> Examination:
    """Holds an output folder against the files, the profile and the budget as they are now.

    Args:
      target: the profile without overrides: a build with `--set` is a trial, not a release.
      folder: `DIR/TARGET/MODEL`.
      before: what the baseline of the gate says of it.
    """
    build = f"run edgekit build --target={target.name}"
    try:
        manifest = read_json(folder / "manifest.json", Manifest, build)
        report = read_json(folder / "report.json", Report, build)
    except OutputError as problem:
        return Examination([Objection("damaged", str(problem))])
    findings = [Objection("damaged", said) for said in damaged(manifest, report, folder, build)]
    findings += _stale(target, spec, manifest, build)
    if before and (report.baseline is None or report.baseline.sha256 != before.shipped.sha256):
        said = f"{folder}: not compared with the baseline {gate.baseline}; {build} --baseline={gate.baseline}"
        findings.append(Objection("stale", said))
    old = report.baseline.measurements if report.baseline else []
    lines = judge(target.budget, report.measurements, report.shipped, old, target.hardware)
    lines += implied(target.budget, report.measurements, report.shipped)
    word, notes = verdict(lines, report.measurements, report.shipped), []
    for line in (line for line in lines if line.counts and line.verdict != "pass"):
        said = f"{folder}: budget {line.name}: {line.verdict}; {line.reason or 'see report.md'}"
        if fails(line.verdict, gate.strict):
            findings.append(Objection("broken", said))
        else:
            notes.append(said)
    if word == "fail" and not any(line.counts and line.verdict == "fail" for line in lines):
        said = f"{folder}: the model does not run in the runtime that ships; see report.md"
        findings.append(Objection("broken", said))
    return Examination(findings, word, notes)


def damaged(manifest: Manifest, report: Report, folder: Path, build: str) -> list[str]:
    """Files that are not there as they were built."""
    problems = []
    for output in manifest.outputs:
        if not intact(folder, output):
            what = "changed since it was built" if (folder / output.path).is_file() else "missing"
            problems.append(f"{folder / output.path}: {what}; {build}")
    written = {output.path: output.sha256 for output in manifest.outputs}
    if {s.name: s.digest.get("sha256") for s in manifest.subject} != written:
        problems.append(f"{folder / 'manifest.json'}: its statement is not of these files; {build}")
    shipped = {artifact.path: artifact.sha256 for artifact in report.artifacts}
    if "report.json" not in written or shipped.items() - written.items():
        problems.append(f"{folder / 'manifest.json'}: leaves out files that the report names; {build}")
    if (report.target.name, report.model.name) != (folder.parent.name, folder.name):
        said = f"is of {report.model.name} for {report.target.name}"
        problems.append(f"{folder / 'report.json'}: {said}, not of this folder's name; {build}")
    return problems


def _stale(target: Target, spec: ModelSpec, manifest: Manifest, build: str) -> list[Objection]:
    """What the build was made from that is not so any more."""
    findings = []
    if manifest.target.overrides:
        sets = " ".join(f"--set {o}" for o in manifest.target.overrides)
        said = f"{target.name}: built with {sets}, not with the profile as it is; {build}"
        findings.append(Objection("trial", said))
    elif manifest.target.sha256 != target.sha256:
        limits = f" or the limits of {spec.name} in pyproject.toml" if target.name in spec.budgets else ""
        findings.append(Objection("stale", f"{target.name}: the profile{limits} changed since; {build}"))
    if manifest.project and manifest.project != said_of(spec):
        of = "front-end, stream, preprocessing, metric or labels"
        said = f"{spec.name}: its {of} in pyproject.toml have changed since; {build}"
        findings.append(Objection("stale", said))
    model, data = manifest.inputs
    try:
        if locate("keras", spec.model, sha256, ModelError).sha256 != model.sha256:
            findings.append(Objection("stale", f"{spec.model}: the model has changed since; {build}"))
        if locate("data", spec.data, sha256, DataError).sha256 != data.sha256:
            findings.append(Objection("stale", f"{spec.data}: the dataset has changed since; {build}"))
    except EdgekitError as problem:
        findings.append(Objection("stale", str(problem)))
    return findings
