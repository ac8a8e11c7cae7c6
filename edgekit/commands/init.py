"""A folder with a model becomes a project: the model is measured once, and its limits follow from that."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from msgspec import Struct

from edgekit.commands.first_build import Draft, FirstBuild, first_build
from edgekit.commands.wish import Wish
from edgekit.config import nearest, tables
from edgekit.data.metric import check_metric
from edgekit.data.spec import RANDOM
from edgekit.engine.make import Listener
from edgekit.errors import ProjectError
from edgekit.files import check_writable, write_all
from edgekit.firmware.cores import CORES
from edgekit.measure.headroom import ProposedLimit
from edgekit.profile.profiles import load_target
from edgekit.profile.project import folder_name, is_function
from edgekit.profile.starter import (
    GITHUB,
    GITLAB,
    IGNORED,
    PROJECT,
    TASKS,
    TASKS_TEXT,
    Entry,
    Profile,
    ignored_text,
    installed_from,
    pipelines,
    project_text,
    target_text,
)
from edgekit.profile.target import Target
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import shown
from edgekit.report.verdict import repeated, sentence
from edgekit.stages.preprocess import AS_STORED, Scale
from edgekit.types import Remark


class Started(Struct, frozen=True):
    """The project that was made."""

    model: str
    device: str
    target: str
    data: str
    training: int
    """Samples to train and calibrate with."""
    scales: list[Scale]
    """What was tried on the samples, the best one first."""
    limits: list[ProposedLimit]
    notes: list[str]
    broken: list[str]
    """What does not hold all the same, in sentences: the device has less, or the model is no good."""
    written: list[str]
    next: str
    """The command to type now."""


def init(wish: Wish, ui: Listener) -> Started:
    """Makes a project of a folder. Nothing is written before all is known, and nothing that is there is changed.

    The results of measuring stay in the project's store, so that the first build finds them.

    Raises:
      ProjectError: the folder is a project already, or one of the files is there and holds something else.
      EdgekitError: the model cannot be built for the device.
    """
    root = wish.folder.absolute()
    entry = _entry(wish, root)
    taken = os.path.lexists(root / "targets" / f"{wish.device}.toml")
    draft = Draft(root, entry, Profile(f"{entry.name}-{wish.device}" if taken else wish.device, wish.device))
    device = load_target(wish.device, draft.project.target_folders)
    for name in _files(draft, device, wish.skip):
        check_writable((root / name).parent, "copy the model and its data into a folder of yours, and init there")
    found = first_build(draft, ui)
    files = _files(found.draft, device, wish.skip)
    written = [name for name, text in files.items() if _read(root / name) != text]
    write_all({(root / name).resolve(): text.encode() for name, text in files.items() if name in written})
    return started(found, written)


def started(found: FirstBuild, written: list[str]) -> Started:
    """What is to be said of a first build whose files are written."""
    root, entry, profile = found.draft.root, found.draft.entry, found.draft.profile
    change = "" if root == Path.cwd() else f"cd {shlex.quote(_shown(root))} && "
    trusted = " --trust-model" if entry.reading.trust else ""
    report = found.built.report
    return Started(
        entry.name,
        profile.device,
        profile.name,
        entry.data,
        found.built.product.loaded.samples,
        found.scales,
        list(profile.limits),
        _notes(found, written),
        [] if report.verdict == "pass" else [sentence(report), *repeated(report)],
        written,
        f"{change}edgekit build --target={profile.name}{trusted}",
    )


def _entry(wish: Wish, root: Path) -> Entry:
    """The model as the project will name it.

    Raises:
      ProjectError: a function is asked for from another folder than the project's, or there is no such metric.
    """
    here = Path.cwd()

    def placed(said: str) -> str:
        if said == RANDOM:
            return said
        if is_function(said) and not Path(said).exists():
            if root.resolve() != here.resolve():
                raise ProjectError(
                    f"{said}: a function is looked for in the project; cd {_shown(root)}, and init there"
                )
            return said
        return Path(os.path.relpath(here / said, root)).as_posix()

    check_metric(wish.metric, f"--metric={wish.metric}")
    function = is_function(wish.model) and not Path(wish.model).exists()
    name = folder_name(wish.model.partition(":")[2] if function else Path(wish.model).absolute().stem)
    return Entry(name, placed(wish.model), placed(wish.data), metric=wish.metric, reading=wish.reading)


def _files(draft: Draft, device: Target, skip: tuple[str, ...]) -> dict[str, str]:
    """The text of each file, by its path in the project: new ones, and two with more lines than before.

    Raises:
      ProjectError: one is there and holds something else, or is no text.
    """
    root, profile = draft.root, draft.profile
    project = _with_table(root, draft.entry)
    new = {f"targets/{profile.name}.toml": target_text(profile), TASKS: TASKS_TEXT}
    new |= pipelines(device.outputs.c_standalone and profile.standalone and device.hardware.cpu in CORES)
    optional = [*list(new)[1:], IGNORED]
    if unknown := next((name for name in skip if name not in optional), ""):
        raise ProjectError(f"--skip={unknown}: {nearest(unknown, optional)}")
    new = {name: text for name, text in new.items() if name not in skip}
    if taken := [name for name, text in new.items() if os.path.lexists(root / name) and _read(root / name) != text]:
        away = " ".join(f"--skip={name}" for name in taken if name in optional)
        raise ProjectError(
            f"{' and '.join(_shown(root / name) for name in taken)}: there already, and nothing was written; "
            + (f"leave what is there with {away}" if away else "move it away")
        )
    ignored = _read(root / IGNORED)
    more = "" if IGNORED in skip else ignored_text(ignored)
    return {PROJECT: project, **new, IGNORED: _appended(ignored, more)}


def _with_table(root: Path, entry: Entry) -> str:
    """pyproject.toml with the project's table behind what is there.

    Raises:
      ProjectError: the table is there already, or cannot stand there.
    """
    file, before = root / PROJECT, _read(root / PROJECT)
    tool = tables(before, str(file), ProjectError).get("tool", {})
    if isinstance(tool, dict) and "edgekit" in tool:
        raise ProjectError(f"{_shown(file)}: has [tool.edgekit], so this is a project already; nothing was written")
    text = _appended(before, project_text(entry), gap=True)
    tables(text, f"{file}: with [tool.edgekit] at its end", ProjectError)
    return text


def _appended(before: str, more: str, gap: bool = False) -> str:
    """A text with lines behind it, which end as its own do."""
    end = "\r\n" if "\r\n" in before else "\n"
    between = "" if not before or not more else end * ((not before.endswith("\n")) + gap)
    return before + between + more.replace("\n", end)


def _read(file: Path) -> str:
    """A text with its line ends as they are; "" where there is no file.

    Raises:
      ProjectError: it is no text in UTF-8, or cannot be read.
    """
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ProjectError(f"{file}: not a text file in UTF-8; save it as one") from None
    except OSError as problem:
        raise ProjectError(f"{file}: cannot be read ({problem.strerror}); move it away") from None


def _notes(found: FirstBuild, written: list[str]) -> list[str]:
    """What a person should know."""
    entry, tried, said = found.draft.entry, found.scales, list[str]()
    if entry.group:
        said.append(f"the samples are split by {entry.group}: none is in two parts")
    if tried[0].fit.kind == "none" and len(tried) > 1:
        others = " or ".join(scale.name for scale in tried[1:])
        said.append(
            f"without labels nothing tells whether the model takes samples as they are stored or scaled, {others}; if "
            "scaled, set preprocessing in pyproject.toml"
        )
    for m in found.built.found.measurements:
        if m.name.split(".")[0] == "skill" and m.low is not None and m.low <= 0:
            said.append(f"the model is near chance: {m.reason}; are the labels in the order of its outputs?")
    for path in (entry.model, entry.data):
        if path.startswith("../"):
            said.append(f"{path} lies outside of the project: a clone does not have it, and CI builds a clone")
    if {GITHUB, GITLAB} & {*written} and not installed_from():
        said.append("for CI, set its variable EDGEKIT to what pip installs: a wheel of edgekit, or its git address")
    return [*said, *(note for note in found.built.product.notes if not isinstance(note, Remark))]


def _shown(path: Path) -> str:
    """A path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


@shown
def print_started(started: Started) -> None:
    """What was found, the limits, the files, and the next command."""
    print(
        f"\n{started.model} for {started.device}: {started.training} samples of {started.data} to train and calibrate"
    )
    for line in _scale_lines(started.scales):
        print(line)
    if started.limits:
        print()
        rows = [[limit.name, limit.measured, limit.limit, limit.room] for limit in started.limits]
        print_table(["limit", "measured", "proposed", "headroom"], rows)
    for text in (*(f"note: {note}" for note in started.notes), *started.broken):
        print_folded(text)
    print_folded(f"written: {', '.join(started.written)}")
    print_folded(f"next: {started.next}")


def _scale_lines(tried: list[Scale]) -> list[str]:
    """Which scale was chosen, and what the others gave."""
    best = tried[0]
    if best.fit.kind == "none" or len(tried) == 1:
        return []

    def figure(scale: Scale) -> str:
        fit = scale.fit
        return f"accuracy {fit.accuracy:.2f} %" if fit.accuracy is not None else f"{fit.score:.1f} % of the variance"

    others = "; ".join(f"{scale.name} {figure(scale)}" for scale in tried[1:])
    word = "samples fit as they are stored" if best.name == AS_STORED else f"samples are scaled from {best.name}"
    if not best.fit.knows:
        word = f"the labels fit on no usual scale, {best.name}"
    return [f"{word}: {figure(best)} ({others})"]
