"""The release gate: every report is there, is of the files that lie beside it, and is within budget."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edgekit.engine.make import changes
from edgekit.errors import TargetError
from edgekit.profile.known import known_targets
from edgekit.profile.project import ModelSpec, Project
from edgekit.profile.target import Target
from edgekit.records.baseline import load_baseline
from edgekit.records.gate import Gate, examine
from edgekit.report.progress import Progress
from edgekit.report.render import FORMATS
from edgekit.report.text import shown
from edgekit.report.types import Manifest
from edgekit.types import VerdictWord

MEASURED = {"report.json", "report.md", "build.log", *FORMATS}
"""Outputs that hold times, which are never the same twice."""


class CheckResult(msgspec.Struct, frozen=True):
    """What the gate found of one model for one target."""

    target: str
    model: str
    problems: list[str]
    """Empty where the build may be released."""
    verdict: VerdictWord = "pass"
    """`fail` where there are problems, else that of the budget."""
    notes: list[str] = []
    """Limits that were not decided."""


def own_targets(project: Project) -> list[str]:
    """The targets that a check without --target is about.

    Raises:
      TargetError: the project has none of its own.
    """
    if own := sorted(known_targets(project.target_folders[:1])):
        return own
    raise TargetError(
        "the project has no target of its own; make one with edgekit init --target=NAME, or check a build for a "
        "built-in one with edgekit check --target=NAME"
    )


def check_all(
    project: Project,
    pairs: list[tuple[ModelSpec, Target]],
    out: Path,
    gate: Gate = Gate(),  # noqa: B008
) -> list[CheckResult]:
    """Each model for its target.

    Raises:
      EdgekitError: a build that was asked for failed, or there is no such baseline.
    """
    known = load_baseline(project, gate.baseline).releases if gate.baseline else {}
    folders = [out / target.name / spec.name for spec, target in pairs]
    checks = []
    for (spec, target), folder in zip(pairs, folders, strict=True):
        found = examine(target, spec, folder, gate, known.get(f"{target.name}/{spec.name}"))
        problems = [finding.said for finding in found.findings]
        checks.append(CheckResult(target.name, spec.name, problems, "fail" if problems else found.verdict, found.notes))
    if not gate.rebuild or any(found.problems for found in checks):
        return checks
    differences = _rebuilt(project, pairs, folders)
    return [
        msgspec.structs.replace(c, problems=d, verdict="fail" if d else c.verdict)
        for c, d in zip(checks, differences, strict=True)
    ]


def _rebuilt(project: Project, pairs: list[tuple[ModelSpec, Target]], folders: list[Path]) -> list[list[str]]:
    """What comes out otherwise when all is built again with nothing to reuse; empty where the bytes are equal."""
    from edgekit.build import build

    found = []
    with tempfile.TemporaryDirectory() as place:
        fresh = msgspec.structs.replace(project, store_folder=Path(place) / "store")
        build(fresh, pairs, Path(place) / "build", (), Progress(quiet=True))
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


@shown
def print_checks(checks: Sequence[CheckResult]) -> None:
    """The gate's findings."""
    for found in checks:
        print(f"{found.target}: {found.model}: {found.verdict}")
        for said in (*found.problems, *found.notes):
            print(f"  {said}")
