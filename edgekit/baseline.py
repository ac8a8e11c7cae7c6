"""Baselines: the figures of a release, and the files that shipped, to hold later builds against.

baselines/NAME.json                      reports, settings and versions; made to be compared by git
baselines/NAME/TARGET/MODEL.tflite       what shipped, to be timed in the same rounds as its successor
baselines/NAME/TARGET/MODEL.names.json   names of its inner tensors, where it does without
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from edgekit.config import nearest
from edgekit.errors import OutputError, ProjectError
from edgekit.flatbuffer.names import beside
from edgekit.project import Project
from edgekit.report.types import Manifest, Report
from edgekit.store import sha256, write
from edgekit.types import Artifact, Measurement
from edgekit.write import json

SCHEMA: Final = "edgekit.baseline/1"
FOLDER = "baselines"


class Release(msgspec.Struct, frozen=True):
    """One model for one target, as it was released."""

    report: Report
    settings: dict[str, Any]
    """The resolved profile."""
    versions: dict[str, str]
    """Python and the libraries that took part."""

    @property
    def shipped(self) -> Artifact:
        """`model.tflite`."""
        return next(a for a in self.report.artifacts if a.path == "model.tflite")


class Baseline(msgspec.Struct, frozen=True):
    """`baselines/NAME.json`."""

    schema: Literal["edgekit.baseline/1"]
    releases: dict[str, Release]
    """By `TARGET/MODEL`."""


class Before(msgspec.Struct, frozen=True):
    """What a build is held against."""

    name: str
    release: Release
    file: Artifact | None
    """What shipped; None where it is not there any more."""

    @property
    def measurements(self) -> list[Measurement]:
        """The release's."""
        return self.release.report.measurements


def save(project: Project, name: str, out: Path, targets: list[str]) -> list[Path]:
    """Stores the builds that lie in an output folder.

    Args:
      targets: names; empty for all.

    Returns:
      the files of the baseline.

    Raises:
      OutputError: there is no build, one has changed since it was built, or the folder cannot be written.
      ProjectError: the name is none.
    """
    place = _place(project, name)
    releases, files = {}, {}
    for manifest in sorted(out.glob("*/*/manifest.json")):
        folder = manifest.parent
        key = f"{folder.parent.name}/{folder.name}"
        if targets and folder.parent.name not in targets:
            continue
        releases[key] = released(folder)
        copy = place.with_suffix("") / f"{key}.tflite"
        for there, here in ((folder / "model.tflite", copy), (beside(folder / "model.tflite"), beside(copy))):
            if there.is_file():
                files[here] = there.read_bytes()
    if not releases:
        raise OutputError(f"{out}: no build to save; run build, or name its folder with --out=DIR")
    for file, content in files.items():
        write(file, content)
    write(place, json(Baseline(SCHEMA, releases)))
    return [place, *files]


def released(folder: Path) -> Release:
    """A build's report with what decided it.

    Raises:
      OutputError: it is incomplete, or its files are not those that were built.
    """
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
        changed = [o.path for o in manifest.outputs if sha256(folder / o.path) != o.sha256]
    except OSError as problem:
        raise OutputError(f"{problem.filename}: {problem.strerror}; build again") from None
    except msgspec.DecodeError as problem:
        raise OutputError(f"{folder}: its report cannot be read ({problem}); build again") from None
    if changed:
        raise OutputError(f"{folder / changed[0]}: changed since it was built; build again")
    return Release(report, manifest.settings, manifest.versions)


def load(project: Project, name: str) -> Baseline:
    """A baseline by its name.

    Raises:
      ProjectError: there is none, or its file is damaged or of another schema.
    """
    place = _place(project, name)
    try:
        return msgspec.json.decode(place.read_bytes(), type=Baseline)
    except FileNotFoundError:
        known = [p.stem for p in sorted(place.parent.glob("*.json"))]
        raise ProjectError(f'{place}: there is no baseline "{name}"; {nearest(name, known)}') from None
    except OSError as problem:
        raise ProjectError(f"{place}: cannot be read ({problem.strerror})") from None
    except msgspec.DecodeError as problem:
        raise ProjectError(
            f"{place}: not a baseline of this edgekit ({problem}); build the release again and save it anew"
        ) from None


def of(project: Project, name: str, target: str, model: str) -> Before:
    """What a baseline says of a model for a target.

    Raises:
      ProjectError: see `load`; or it does not hold that model.
    """
    baseline, key = load(project, name), f"{target}/{model}"
    if key not in baseline.releases:
        there = ", ".join(baseline.releases)
        raise ProjectError(
            f"{_place(project, name)}: has no {model} for {target}, only {there}; build it and save the baseline anew"
        )
    release = baseline.releases[key]
    path = _place(project, name).with_suffix("") / f"{key}.tflite"
    if not path.is_file():
        return Before(name, release, None)
    if sha256(path) != release.shipped.sha256:
        raise ProjectError(f"{path}: not the file that the baseline was saved with; restore it, or save anew")
    return Before(name, release, msgspec.structs.replace(release.shipped, path=str(path)))


def listed(project: Project) -> list[list[str]]:
    """What each baseline holds: its name, target, model, verdict, and the start of what shipped's hash."""
    names = [path.stem for path in sorted((project.root / FOLDER).glob("*.json"))]
    return [
        [name, *key.split("/"), release.report.verdict, release.shipped.sha256[:12]]
        for name in names
        for key, release in load(project, name).releases.items()
    ]


def _place(project: Project, name: str) -> Path:
    if not re.fullmatch(r"[\w][\w.-]*", name, flags=re.ASCII):
        raise ProjectError(f"--baseline={name}: a name becomes a file; use letters, digits, '.', '-' and '_'")
    return project.root / FOLDER / f"{name}.json"
