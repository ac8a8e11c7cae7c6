"""What changed between two builds, or all builds of two folders, and what explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from edgekit.config import nearest
from edgekit.engine import worker
from edgekit.engine.limits import Look, limits
from edgekit.errors import ProjectError
from edgekit.files import read_json
from edgekit.profile.project import Project
from edgekit.records.baseline import Release, load_baseline, of, released, saved
from edgekit.records.reasons import Content, content, contents, decisions
from edgekit.report.changes import (
    FOLDED,
    Change,
    Comparison,
    Side,
    changes,
    from_to,
    measured_together,
    revision,
    side,
    valued,
)
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import printable, shown
from edgekit.report.types import Report
from edgekit.types import Measurement

Key = tuple[str, str]
"""Target and model."""
NOTHING = Side({})


class _Build(Struct, frozen=True):
    label: str
    path: Path | None
    """What ships, where it is there."""
    release: Release | None
    """None of a file."""


class _Builds(Struct, frozen=True):
    label: str
    found: dict[Key, _Build]
    single: bool
    """Whether it was one build that was named, and no folder or baseline of several."""


def compare(project: Project, before: str, after: str) -> list[Comparison]:
    """Compares two builds, or every build of two folders by target and model.

    Args:
      before, after: each the folder of a build, a folder of builds as `build --out` makes it, a `.tflite`, a baseline's
        `NAME`, or `NAME/TARGET/MODEL` of it. Where one of them is a single build, so is the other, or the build of the
        same target and model is taken from it.

    Returns:
      a comparison for each build; one for those that only one side has.

    Raises:
      ProjectError: one of them is nothing of that, or has no such build.
      OutputError, ModelError: it is damaged.
    """
    old, new = _builds(project, before), _builds(project, after)
    if old.single or new.single:
        return [_pair(_only(old, new), _only(new, old))]
    moved = _renamed(old, new)
    found = []
    for key, build in new.found.items():
        earlier = moved.get(key, key)
        if earlier in old.found:
            found.append(_pair(old.found[earlier], build, "/".join(earlier) if key in moved else ""))
        else:
            found.append(_alone(build, 1))
    gone = [build for key, build in old.found.items() if key not in new.found and key not in moved.values()]
    return [*found, *(_alone(build, 0) for build in gone)]


def _builds(project: Project, text: str) -> _Builds:
    path = Path(text)
    if path.is_file():
        return _Builds(text, {("", ""): _Build(text, path, None)}, True)
    if path.is_dir():
        single = (path / "report.json").exists() or (path / "manifest.json").exists()
        folders = [path] if single else sorted(report.parent for report in path.glob("*/*/report.json"))
        return _Builds(text, dict(map(_folder, folders)), single)
    name, *key = text.split("/")
    if name not in (known := saved(project)):
        said = nearest(text, known) if known else "nothing was saved with `baseline save` yet"
        raise ProjectError(f"{text}: no file, no folder of builds and no baseline; {said}")
    if len(key) == 2:
        return _Builds(text, {(key[0], key[1]): _stored(project, name, key[0], key[1])}, True)
    releases = load_baseline(project, name).releases
    if key:
        raise ProjectError(
            f"{text}: not a file, a folder of builds or NAME/TARGET/MODEL of a baseline; "
            f"there is {', '.join(f'{name}/{key}' for key in releases)}"
        )
    keys = [(target, model) for target, _, model in (key.partition("/") for key in releases)]
    return _Builds(f"baseline {name}", {key: _stored(project, name, *key) for key in keys}, False)


def _folder(folder: Path) -> tuple[Key, _Build]:
    """A build in a folder; of one that was fetched from elsewhere, `report.json` will do."""
    if (folder / "manifest.json").exists():
        release = released(folder)
    else:
        release = Release(read_json(folder / "report.json", Report, "build again"), {}, {})
    file = folder / "model.tflite"
    report = release.report
    return (report.target.name, report.model.name), _Build(str(folder), file if file.is_file() else None, release)


def _stored(project: Project, name: str, target: str, model: str) -> _Build:
    found = of(project, name, target, model)
    return _Build(f"baseline {name}/{target}/{model}", Path(found.file.path) if found.file else None, found.release)


def _only(builds: _Builds, other: _Builds) -> _Build:
    """The one build that is compared with the single one of the other side."""
    if builds.single:
        return next(iter(builds.found.values()))
    (key,) = other.found
    if key not in builds.found:
        there = ", ".join("/".join(k) for k in builds.found) or "none"
        said = f"no build of {key[1]} for {key[0]}" if any(key) else "has several builds, and the other is one file"
        raise ProjectError(f"{builds.label}: {said}; name one of its builds: {there}")
    return builds.found[key]


def _renamed(old: _Builds, new: _Builds) -> dict[Key, Key]:
    """Of builds that only the newer side has what they were called, where exactly one of the other side fits."""
    came = {key: build for key, build in new.found.items() if key not in old.found}
    went = {key: build for key, build in old.found.items() if key not in new.found}
    fits = {key: [k for k, b in went.items() if _same(b, build, k, key)] for key, build in came.items()}
    taken = [keys[0] for keys in fits.values() if len(keys) == 1]
    return {key: keys[0] for key, keys in fits.items() if len(keys) == 1 and taken.count(keys[0]) == 1}


def _same(old: _Build, new: _Build, before: Key, after: Key) -> bool:
    """Whether it is the same model for a target with another name, or another name of a model for the same target."""
    assert old.release and new.release
    if before[1] == after[1]:
        hardware = [release.settings.get("hardware") for release in (old.release, new.release)]
        shipped = old.release.shipped.sha256 == new.release.shipped.sha256
        return shipped or (hardware[0] is not None and hardware[0] == hardware[1])
    return before[0] == after[0] and old.release.report.model.sha256 == new.release.report.model.sha256


def _pair(old: _Build, new: _Build, renamed: str = "") -> Comparison:
    same = (old.release and new.release) and old.release.shipped.sha256 == new.release.shipped.sha256
    read = [None if same else _content(build) for build in (old, new)]
    if not same:
        same = _sha256(old, read[0]) == _sha256(new, read[1])
    together = {}
    if new.release and _held_against(new.release.report, old):
        together = measured_together(new.release.report)
    found = changes(_side(old, read[0]), _side(new, read[1]), together)
    reasons = decisions(old.release, new.release) if old.release and new.release else []
    if read[0] and read[1]:
        reasons += contents(read[0], read[1])
    key, words = _key(new), (_verdict(old), _verdict(new))
    commits = (revision(old.release.report), revision(new.release.report)) if old.release and new.release else ("", "")
    return Comparison(old.label, new.label, *key, words, bool(same), found, reasons, renamed, commits)


def _alone(build: _Build, number: int) -> Comparison:
    """A build that only one side has: the older one, 0, or the newer one, 1."""
    there, key, word = _side(build, None), _key(build), _verdict(build)
    if number == 0:
        return Comparison(build.label, "", *key, (word, ""), False, changes(there, NOTHING, {}))
    return Comparison("", build.label, *key, ("", word), False, changes(NOTHING, there, {}))


def _key(build: _Build) -> Key:
    report = build.release.report if build.release else None
    return (report.target.name, report.model.name) if report else ("", "")


def _verdict(build: _Build) -> str:
    return build.release.report.verdict if build.release else ""


def _sha256(build: _Build, found: Content | None) -> str:
    return found.sha256 if found else build.release.shipped.sha256 if build.release else ""


def _content(build: _Build) -> Content | None:
    if build.path is None:
        return None
    return worker.call_confined(content, str(build.path), returns=Content, **limits(build.path, Look.READ))


def _held_against(report: Report, old: _Build) -> bool:
    """Whether a build was held against the other one."""
    return (
        report.baseline is not None and old.release is not None and report.baseline.sha256 == old.release.shipped.sha256
    )


def _side(build: _Build, found: Content | None) -> Side:
    """The figures of what ships: of a build all, of a file what the file says."""
    if build.release:
        return side(build.release.report)
    assert found
    sizes = [("model_size", found.bytes, "B"), ("macs", found.macs, "1"), ("parameters", found.parameters, "1")]
    return Side({name: Measurement(name, value, unit) for name, value, unit in sizes})


@shown
def print_comparisons(found: Sequence[Comparison], every: bool) -> None:
    """Of each build what changed, and what explains it; `every` figure and column with --all."""
    for one in found:
        print_folded(f"{_where(one)}{': the same file' if one.same_file else ''}")
        if not one.before or not one.after:
            print_folded(f"  only {'after' if one.after else 'before'}: {one.after or one.before}")
        elif one.changed or every:
            _print_figures(one.figures, every)
            if one.reasons:
                print()
                print_table(["why", ""], [[reason.kind, printable(reason.what, 300)] for reason in one.reasons])
        if one is not found[-1]:
            print()
    if not found:
        print("no builds on either side")


def _where(one: Comparison) -> str:
    """Which build, and what the budget said of it before and after."""
    said = f"{one.before} → {one.after}" if one.before and one.after else f"{one.target}/{one.model}"
    said += f" (was {one.renamed})" if one.renamed else ""
    words = [word for word in dict.fromkeys(one.verdicts) if word]
    return f"{said}: {' → '.join(words)}" if words else said


def _print_figures(figures: Sequence[Change], every: bool) -> None:
    told = [change for change in figures if every or change.place < FOLDED]
    head = ["figure", "before", "after", "change", *(["limit", "runtime"] if every else []), "verdict"]
    rows = []
    for one in told:
        (before, low), (after, high) = (
            valued(value, interval, one.unit)
            for value, interval in ((one.before, one.before_interval), (one.after, one.after_interval))
        )
        further = [from_to(*one.limits), one.runtime] if every else []
        rows.append([one.name, before, after, one.by, *further, ", ".join(filter(None, _said(one, every)))])
        below = ["", low, high, one.by_interval, *([""] * len(further)), one.note]
        rows += [below] if any(below) else []
    if rows:
        print_table(head, rows, right=(1, 2, 3), spare=(5, 4) if every else ())
    else:
        print("  no figure changed")
    left = [change for change in figures if change not in told]
    for said, effects in (
        ("changed too", ("worse", "better", "changed")),
        ("not measured on both sides", ("lacking",)),
        ("not compared, because they are of another time", ("untimed",)),
    ):
        if names := [change.name for change in left if change.effect in effects]:
            print_folded(f"{said}: {', '.join(names)}")
    if left:
        print(f"{len(left)} more figure{'s' * (len(left) > 1)} with --all")


def _said(change: Change, every: bool) -> Iterable[str]:
    if change.effect in ("worse", "better"):
        yield change.effect
    yield from_to(*change.verdicts)
    if not every and change.limits[0] != change.limits[1]:
        yield f"limit {from_to(*change.limits)}"
