"""The release gate: every report is there, is of the files that lie beside it, and is within budget."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgekit.errors import DataError, EdgekitError, ModelError
from edgekit.locate import locate
from edgekit.project import ModelSpec
from edgekit.report.types import Manifest, Report
from edgekit.store import sha256
from edgekit.target import Target
from edgekit.write import intact


class Checked(msgspec.Struct, frozen=True):
    """What the gate found of one model for one target."""

    target: str
    model: str
    problems: list[str]
    """Empty where the build may be released."""


def check_all(targets: list[Target], specs: list[ModelSpec], out: Path) -> list[Checked]:
    """Each model for each target."""
    return [check(target, spec, out / target.name / spec.name) for target in targets for spec in specs]


def check(target: Target, spec: ModelSpec, folder: Path) -> Checked:
    """Holds an output folder against the files, the profile and the budget as they are now.

    Args:
      target: the profile without overrides: a build with `--set` is a trial, not a release.
      folder: `DIR/TARGET/MODEL`.
    """
    return Checked(target.name, spec.name, list(_problems(target, spec, folder)))


def _problems(target: Target, spec: ModelSpec, folder: Path) -> list[str]:
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
    problems += _stale(target, spec, manifest, build)
    for line in report.budget:
        if line.verdict not in ("pass", "skipped"):
            problems.append(f"{folder}: budget {line.name}: {line.verdict}; see report.md")
    return problems


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
