"""The release gate: every report is there, is of the files that lie beside it, and is within budget."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from edgekit.baseline import Release, load
from edgekit.errors import DataError, EdgekitError, ModelError
from edgekit.locate import locate
from edgekit.make import changes
from edgekit.project import ModelSpec, Project
from edgekit.report.types import Manifest, Report
from edgekit.store import sha256
from edgekit.target import Target
from edgekit.write import intact

MEASURED = {"report.json", "report.md", "report.html", "junit.xml", "report.sarif", "build.log"}
"""Outputs that hold times, which are never the same twice."""


class Gate(msgspec.Struct, frozen=True):
    """How strict the gate is."""

    baseline: str = ""
    """The release that the builds must have been held against."""
    strict: bool = False
    """Whether what stayed inconclusive fails."""
    rebuild: bool = False
    """Whether to build again and compare the bytes."""


class Checked(msgspec.Struct, frozen=True):
    """What the gate found of one model for one target."""

    target: str
    model: str
    problems: list[str]
    """Empty where the build may be released."""


def check_all(
    project: Project,
    targets: list[Target],
    specs: list[ModelSpec],
    out: Path,
    gate: Gate = Gate(),  # noqa: B008
) -> list[Checked]:
    """Each model for each target.

    Raises:
      EdgekitError: a build that was asked for failed, or there is no such baseline.
    """
    known = load(project, gate.baseline).releases if gate.baseline else {}
    pairs = [(target, spec) for target in targets for spec in specs]
    folders = [out / target.name / spec.name for target, spec in pairs]
    checks = []
    for (target, spec), folder in zip(pairs, folders, strict=True):
        before = known.get(f"{target.name}/{spec.name}")
        problems = list(_problems(target, spec, folder, gate, before))
        checks.append(Checked(target.name, spec.name, problems))
    if not gate.rebuild or any(found.problems for found in checks):
        return checks
    differences = _rebuilt(project, targets, specs, folders)
    return [msgspec.structs.replace(c, problems=d) for c, d in zip(checks, differences, strict=True)]


def check(target: Target, spec: ModelSpec, folder: Path, gate: Gate = Gate()) -> Checked:  # noqa: B008 (frozen)
    """Holds an output folder against the files, the profile and the budget as they are now.

    Args:
      target: the profile without overrides: a build with `--set` is a trial, not a release.
      folder: `DIR/TARGET/MODEL`.
    """
    return Checked(target.name, spec.name, list(_problems(target, spec, folder, gate, None)))


def _problems(target: Target, spec: ModelSpec, folder: Path, gate: Gate, before: Release | None) -> list[str]:
    build = f"run build --target={target.name}"
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
    except OSError as problem:
        return [f"{folder}: {Path(problem.filename).name} is missing; {build}"]
    except msgspec.DecodeError as problem:
        return [f"{folder}: the report cannot be read ({problem}); {build}"]
    problems = []
    for output in manifest.outputs:
        if not intact(folder, output):
            what = "changed since it was built" if (folder / output.path).is_file() else "missing"
            problems.append(f"{folder / output.path}: {what}; {build}")
    if {s.name: s.digest.get("sha256") for s in manifest.subject} != {o.path: o.sha256 for o in manifest.outputs}:
        problems.append(f"{folder / 'manifest.json'}: its statement is not of these files; {build}")
    problems += _stale(target, spec, manifest, build)
    if before and (report.baseline is None or report.baseline.sha256 != before.shipped.sha256):
        problems.append(f"{folder}: not held against the baseline {gate.baseline}; {build} --baseline={gate.baseline}")
    for line in report.budget:
        waiver = next((w for w in target.budget.waivers if w.name == line.name), None)
        if line.level == "error" and not waiver and line.verdict in ("fail", "inconclusive" if gate.strict else "fail"):
            problems.append(f"{folder}: budget {line.name}: {line.verdict}; see report.md")
    if report.verdict == "fail" and not any(line.verdict == "fail" for line in report.budget):
        problems.append(f"{folder}: the model does not run in the runtime that ships; see report.md")
    return problems


def _rebuilt(project: Project, targets: list[Target], specs: list[ModelSpec], folders: list[Path]) -> list[list[str]]:
    """What comes out otherwise when all is built again with nothing to reuse; empty where the bytes are equal."""
    from edgekit.build import build
    from edgekit.report.console import Progress

    found = []
    with tempfile.TemporaryDirectory() as place:
        fresh = msgspec.structs.replace(project, store_folder=Path(place) / "store")
        build(fresh, specs, targets, Path(place) / "build", (), Progress(quiet=True))
        for folder in folders:
            again = Path(place) / "build" / folder.parent.name / folder.name
            old, new = (msgspec.json.decode((f / "manifest.json").read_bytes(), type=Manifest) for f in (folder, again))
            shas = {output.path: output.sha256 for output in new.outputs}
            differ = [o.path for o in old.outputs if o.path not in MEASURED and shas.get(o.path) != o.sha256]
            found.append([f"{folder / path}: built again, it has other bytes{_why(old, new)}" for path in differ])
    return found


def _why(old: Manifest, new: Manifest) -> str:
    """What decided the steps otherwise, in a few words."""
    before = {step.name: step.ingredients for step in old.steps}
    said = [
        f"{step.name}: {text}"
        for step in new.steps
        if step.name in before
        for text in changes(before[step.name], step.ingredients, "")
    ]
    return f" ({'; '.join(said[:3])})" if said else "; the inputs of every step are the same"


def _stale(target: Target, spec: ModelSpec, manifest: Manifest, build: str) -> list[str]:
    """What the build was made from that is not so any more."""
    problems = []
    if manifest.target.overrides:
        sets = " ".join(f"--set {o}" for o in manifest.target.overrides)
        problems.append(f"{target.name}: built with {sets}, not with the profile as it is; {build}")
    elif manifest.target.sha256 != target.sha256:
        problems.append(f"{target.name}: the profile has changed since; {build}")
    model, data = manifest.inputs
    try:
        if locate("keras", spec.model, sha256, ModelError).sha256 != model.sha256:
            problems.append(f"{spec.model}: the model has changed since; {build}")
        if locate("data", spec.data, sha256, DataError).sha256 != data.sha256:
            problems.append(f"{spec.data}: the dataset has changed since; {build}")
    except EdgekitError as problem:
        problems.append(str(problem))
    return problems
