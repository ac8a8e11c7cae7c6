"""The builds that a release or a baseline takes: those that lie in a folder, and only what `check` passes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from edgekit.config import nearest
from edgekit.errors import GateError, OutputError, TargetError
from edgekit.files import decoded, read_json
from edgekit.profile.known import known_targets
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, Project
from edgekit.records.baseline import Release, load_baseline
from edgekit.records.gate import Examination, Gate, Kind, Objection, damaged, examine
from edgekit.records.outputs import ReleasedFiles
from edgekit.report.types import Manifest, Report

SIGNS = ("manifest.json", "report.json", "model.tflite")
"""Files of which one is enough for a folder to be a build."""


def take(
    project: Project, specs: list[ModelSpec], out: Path, targets: list[str], gate: Gate, allowed: set[Kind]
) -> list[ReleasedFiles]:
    """Every build of a folder, after the gate has passed each.

    Args:
      specs: the models that builds are held against.
      out: `DIR`, whose `TARGET/MODEL` were built.
      targets: names; all that lie there where it is empty.
      allowed: kinds of findings that are taken nevertheless; what is damaged never is.

    Raises:
      OutputError: there is no build, or one is damaged.
      GateError: `check` does not pass one.
    """
    every = "all" in targets or not targets
    folders = sorted({file.parent for sign in SIGNS for file in out.glob(f"*/*/{sign}")})
    built = {folder.parent.name for folder in folders}
    folders = [folder for folder in folders if every or folder.parent.name in targets]
    lacking = [name for name in targets if name != "all" and name not in {f.parent.name for f in folders}]
    if lacking or not folders:
        names = built | {*known_targets(project.target_folders)}
        if lacking and lacking[0] not in names:
            raise TargetError(f'unknown target "{lacking[0]}"; {nearest(lacking[0], names)}')
        what = f"no build for {lacking[0]}" if lacking else "no build"
        raise OutputError(f"{out}: {what} to take; run edgekit build, or name its folder")
    known = load_baseline(project, gate.baseline).releases if gate.baseline else {}
    examined = []
    for folder in folders:
        key = f"{folder.parent.name}/{folder.name}"
        examined.append(_examined(project, {s.name: s for s in specs}.get(folder.name), folder, gate, known.get(key)))
    findings = [finding for one in examined for finding in one.findings]
    if hurt := [finding.said for finding in findings if finding.kind == "damaged"]:
        raise OutputError(hurt[0] + _more(hurt))
    if refused := [finding for finding in findings if finding.kind not in allowed]:
        words = " ".join(dict.fromkeys(f"--allow-{finding.kind}" for finding in refused))
        raise GateError(f"{refused[0].said}{_more(refused)}; or take it as it is with {words}")
    return [_taken(folder, one) for folder, one in zip(folders, examined, strict=True)]


def _examined(
    project: Project, spec: ModelSpec | None, folder: Path, gate: Gate, before: Release | None
) -> Examination:
    try:
        target = load_target(folder.parent.name, project.target_folders, spec=spec)
    except TargetError as problem:
        return Examination([Objection("stale", f"{folder}: {problem}")])
    if spec is None:
        said = f"{folder}: the project has no model {folder.name} to hold it against; give --model and --data"
        return Examination([Objection("stale", said)])
    return examine(target, spec, folder, gate, before)


def _taken(folder: Path, examined: Examination) -> ReleasedFiles:
    """Reads a build.

    Raises:
      OutputError: it is damaged, whether there is a profile to hold it against or not.
    """
    again = f"run edgekit build --target={folder.parent.name}"
    content = _read(folder / "manifest.json", again)
    manifest = decoded(folder / "manifest.json", content, Manifest, again)
    report = read_json(folder / "report.json", Report, again)
    if problems := damaged(manifest, report, folder, again):
        raise OutputError(problems[0] + _more(problems))
    files = {"manifest.json": content}
    for output in manifest.outputs:
        files[output.path] = _read(folder / output.path, again)
        if hashlib.sha256(files[output.path]).hexdigest() != output.sha256:
            raise OutputError(f"{folder / output.path}: changed while it was read; {again}")
    notes = [*(finding.said for finding in examined.findings), *examined.notes]
    return ReleasedFiles(folder.parent.name, folder.name, folder, manifest, report, files, notes)


def _read(path: Path, advice: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise OutputError(f"{path} cannot be read ({problem.strerror}); {advice}") from None


def _more(findings: Sequence[object]) -> str:
    return f" ({len(findings) - 1} more: run check)" if len(findings) > 1 else ""
