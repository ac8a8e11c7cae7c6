"""Baselines: the figures of a release, and the files that shipped, to hold later builds against.

baselines/NAME.json                      reports, settings and versions; made to be compared by git
baselines/NAME/TARGET/MODEL.tflite       what shipped, to be timed in the same rounds as its successor
baselines/NAME/TARGET/MODEL.names.json   names of its inner tensors, where it does without
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from edgekit.config import encode, nearest
from edgekit.errors import OutputError, ProjectError
from edgekit.files import read_json, sha256, write_all
from edgekit.firmware.hardware import Hardware
from edgekit.flatbuffer.names import beside
from edgekit.profile.project import Project
from edgekit.records.outputs import intact, json
from edgekit.report.types import Manifest, Report, is_inside
from edgekit.types import Artifact, Measurement

if TYPE_CHECKING:
    from edgekit.records.outputs import ReleasedFiles

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

    def __post_init__(self) -> None:
        if wrong := [key for key in self.releases if not is_inside(key) or key.count("/") != 1]:
            raise ValueError(f"{wrong[0]!r} is no TARGET/MODEL")


class Before(msgspec.Struct, frozen=True):
    """What a build is compared with."""

    name: str
    release: Release
    file: Artifact | None
    """What shipped; None where it is not there any more."""

    @property
    def measurements(self) -> list[Measurement]:
        """The release's."""
        return self.release.report.measurements

    def same_core(self, hardware: Hardware) -> bool:
        """Whether it was made for the same core at the same clock."""
        then, now = self.release.settings.get("hardware"), encode(hardware)
        return isinstance(then, dict) and all(then.get(key) == now.get(key) for key in ("cpu", "clock"))


def save(project: Project, name: str, builds: Sequence[ReleasedFiles], replace: bool = False) -> list[Path]:
    """Stores builds as a release.

    Args:
      builds: what the gate has passed.
      replace: whether a baseline of that name gives way.

    Returns:
      the files of the baseline.

    Raises:
      OutputError: the folder cannot be written.
      ProjectError: the name is none, or is taken.
    """
    place = _place(project, name)
    if place.exists() and not replace:
        raise ProjectError(f"{place}: is there already; choose another name, or overwrite it with --replace")
    releases, files = {}, {}
    for build in builds:
        key = f"{build.target}/{build.model}"
        releases[key] = Release(build.report, build.manifest.settings, build.manifest.versions)
        copy = place.with_suffix("") / f"{key}.tflite"
        for there, here in (("model.tflite", copy), (beside(Path("model.tflite")).name, beside(copy))):
            if there in build.files:
                files[here] = build.files[there]
    write_all({**files, place: json(Baseline(SCHEMA, releases))})
    for left in place.with_suffix("").glob("*/*"):
        if left not in files and left.is_file():
            left.unlink()  # of the release that gave way
    return [place, *files]


def released(folder: Path) -> Release:
    """A build's report with what decided it.

    Raises:
      OutputError: it is incomplete, or its files are not those that were built.
    """
    manifest = read_json(folder / "manifest.json", Manifest, "build again")
    report = read_json(folder / "report.json", Report, "build again")
    changed = [output.path for output in manifest.outputs if not intact(folder, output)]
    if changed:
        raise OutputError(f"{folder / changed[0]}: changed since it was built; build again")
    return Release(report, manifest.settings, manifest.versions)


def load_baseline(project: Project, name: str) -> Baseline:
    """A baseline by its name.

    Raises:
      ProjectError: there is none, or its file is damaged or of another schema.
    """
    place = _place(project, name)
    if not place.exists():
        known = saved(project)
        said = nearest(name, known) if known else f"`baseline save {name}` makes it"
        raise ProjectError(f'{place}: there is no baseline "{name}"; {said}')
    advice = "it is not a baseline of this edgekit: restore it, or build the release again and save it anew"
    return read_json(place, Baseline, advice, ProjectError)


def of(project: Project, name: str, target: str, model: str) -> Before:
    """What a baseline says of a model for a target.

    Raises:
      ProjectError: see `load`; or it does not hold that model.
    """
    baseline, key = load_baseline(project, name), f"{target}/{model}"
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


def saved(project: Project) -> list[str]:
    """Names of the baselines that there are."""
    return [path.stem for path in sorted((project.root / FOLDER).glob("*.json"))]


def listed(project: Project) -> list[list[str]]:
    """What each baseline holds: its name, target, model, verdict, and the start of what shipped's hash."""
    return [
        [name, *key.split("/"), release.report.verdict, release.shipped.sha256[:12]]
        for name in saved(project)
        for key, release in load_baseline(project, name).releases.items()
    ]


def _place(project: Project, name: str) -> Path:
    if not re.fullmatch(r"[\w][\w.-]*", name, flags=re.ASCII):
        raise ProjectError(f"--baseline={name}: a name becomes a file; use letters, digits, '.', '-' and '_'")
    return project.root / FOLDER / f"{name}.json"
