"""The tasks around a release: the gate, baselines, the record of builds and archives."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Context
from msgspec import Struct

from edgekit.tasks.common import command, options, task

if TYPE_CHECKING:
    from edgekit.records.gate import Kind
    from edgekit.records.outputs import ReleasedFiles

TAKES = {
    "allow_stale": "take builds whose model, data, profile or baseline is another by now",
    "allow_trial": "take builds that were made with --set",
    "allow_broken": "take builds that are over budget",
    "replace": "overwrite what is there under that name",
    "strict": "take nothing that stayed inconclusive",
}
"""What softens the gate of a release."""


class Choice(Struct, frozen=True):
    """Which builds a release or a baseline takes, as options say it: those of `TAKES`, and the models."""

    model: str | None = None
    data: str | None = None
    allow_stale: bool = False
    allow_trial: bool = False
    allow_broken: bool = False
    replace: bool = False
    strict: bool = False

    def taken(self, out: str, targets: list[str]) -> list[ReleasedFiles]:
        """The builds in a folder, and on the terminal what has to be known of them."""
        from edgekit.profile.project import find_project, select_models
        from edgekit.records.gate import Gate
        from edgekit.records.taken import take
        from edgekit.report.text import one_line

        project = find_project(Path.cwd())
        specs = select_models(project, self.model, self.data) if self.model or project.models else []
        kinds: dict[Kind, bool] = {"stale": self.allow_stale, "trial": self.allow_trial, "broken": self.allow_broken}
        allowed = {kind for kind, given in kinds.items() if given}
        builds = take(project, specs, project.folder(out), targets, Gate(project.baseline, self.strict), allowed)
        for note in dict.fromkeys(note for build in builds for note in build.notes):
            print(f"note: {one_line(note)}", file=sys.stderr)
        return builds


def choosing(body: Callable[..., int | None]) -> Callable[..., int | None]:
    """Gives a task the options of `Choice` where it has the parameter `choice`."""
    options = inspect.signature(Choice).parameters
    own = inspect.signature(body)
    every = [q for p in own.parameters.values() for q in (options.values() if p.name == "choice" else [p])]

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> int | None:
        choice = Choice(**{name: kwargs.pop(name) for name in options if name in kwargs})
        return body(*args, choice=choice, **kwargs)

    run.__signature__ = own.replace(parameters=every)  # type: ignore[attr-defined]  # Invoke reads the options there
    return run


@task(
    group="daily",
    usage="[options]",
    examples={
        "check": "every target and every model of the project",
        "check --target=phone --rebuild": "one target, and whether a second build gives the same bytes",
    },
    iterable=["target"],
    help=options(
        "target",
        "model",
        "data",
        "out",
        "json",
        "baseline",
        strict="fail where a budget stayed inconclusive, too",
        rebuild="build again in an empty place, and say what differs",
    ),
)
@command
def check(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    out: str = "",
    baseline: str | None = None,
    strict: bool = False,
    rebuild: bool = False,
    json: bool = False,
) -> int:
    """Check that builds are up to date and hold their budgets.

    The gate of a release: files and inputs are those of the report. It builds nothing unless --rebuild is given.

    Exit status: 0 all pass, 1 one does not.
    """
    from edgekit.commands.check import check_all, own_targets, print_checks
    from edgekit.profile.profiles import load_pairs
    from edgekit.profile.project import find_project, select_models
    from edgekit.records.gate import Gate
    from edgekit.report.console import print_json

    project = find_project(Path.cwd())
    pairs = load_pairs(project, select_models(project, model, data), target or own_targets(project))
    gate = Gate(project.baseline if baseline is None else baseline, strict, rebuild)
    checks = check_all(project, pairs, project.folder(out), gate)
    print_json(checks) if json else print_checks(checks)
    return int(any(found.problems for found in checks))


@task(
    group="release",
    usage="save NAME [options]",
    examples={
        "baseline save v1.2": "keeps all builds as baselines/v1.2",
        "baseline save v1.2 --target=phone --replace": "one target, over what is there under that name",
    },
    positional=["action", "name"],
    iterable=["target"],
    help=options(
        "target",
        "model",
        "data",
        "out",
        "json",
        **TAKES,
        action="ACTION: save",
        name="NAME: of the baseline, such as v1.2",
    ),
)
@command
@choosing
def baseline(
    c: Context,
    action: str,
    name: str,
    target: list[str],
    out: str = "",
    choice: Choice = Choice(),  # noqa: B008
    json: bool = False,
) -> None:
    """Save builds as a baseline, to compare later builds with.

    It takes what `check` passes.
    """
    from edgekit.errors import ProjectError
    from edgekit.profile.project import find_project
    from edgekit.records.baseline import save
    from edgekit.report.console import print_json

    if action == "list":
        raise ProjectError("baseline list: write edgekit baselines, which lists what was saved")
    if action != "save":
        raise ProjectError(f"baseline {action}: write `baseline save NAME`; `baselines` lists what was saved")
    builds = choice.taken(out, target)
    files = [str(file) for file in save(find_project(Path.cwd()), name, builds, choice.replace)]
    print_json(files) if json else print("\n".join(files))


@task(
    group="release",
    usage="[options]",
    examples={
        "baselines": "a table of what was saved",
        "baselines --json": "the same for a program",
    },
    help=options("json"),
)
@command
def baselines(c: Context, json: bool = False) -> None:
    """List the baselines that were saved."""
    from edgekit.profile.project import find_project
    from edgekit.records.baseline import listed
    from edgekit.report.console import print_json, print_table

    rows = listed(find_project(Path.cwd()))
    print_json(rows) if json else print_table(["baseline", "target", "model", "verdict", "SHA-256"], rows)


@task(
    group="understand",
    usage="[options]",
    examples={
        "history": "the last 20 builds",
        "history --target=phone --count=5": "the last 5 for one target",
    },
    help=options(
        "json",
        target="NAME: builds for this target only",
        model="NAME: builds of this model only",
        count="N: how many builds, the last ones",
        all="every figure, also what did not change",
        out="FILE: write it as a page with charts, such as history.html",
    ),
)
@command
def history(
    c: Context,
    target: str | None = None,
    model: str | None = None,
    count: int = 20,
    all: bool = False,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Show how figures changed from build to build.

    Each change stands beside the commit that made it.
    """
    from edgekit.commands.history import history, print_history, write_history
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json

    entries = history(find_project(Path.cwd()), target, model, count)
    if out:
        write_history(entries, Path(out))
    print_json(entries) if json else print_history(entries, all)


@task(
    group="daily",
    usage="BEFORE AFTER [options]",
    examples={
        "compare v1.2 build/phone/digits": "a baseline with a build",
        "compare base/build build --markdown=comment.md": "all builds of two commits, as a comment on a pull request",
    },
    positional=["before", "after"],
    help=options(
        "json",
        before="BEFORE: folder of a build or of several, a baseline (NAME or NAME/TARGET/MODEL), or a .tflite file",
        after="AFTER: the same",
        all="every figure and column, also what did not change",
        markdown="FILE: write it as a comment on a pull request",
    ),
)
@command
def compare(
    c: Context, before: str, after: str, all: bool = False, markdown: str | None = None, json: bool = False
) -> None:
    """Show what changed between two builds, and why.

    Of two folders it compares all builds that are in both.
    """
    from edgekit.commands.compare import compare, print_comparisons
    from edgekit.files import write
    from edgekit.profile.project import find_project
    from edgekit.report.comment import comment
    from edgekit.report.console import print_json
    from edgekit.report.text import cleaned

    found = compare(find_project(Path.cwd()), before, after)
    if markdown:
        write(Path(markdown), comment(cleaned(found)).encode())
    print_json(found) if json else print_comparisons(found, all)


@task(
    group="daily",
    usage="--out=FILE [options]",
    examples={
        "release --out=release.zip": "everything that was built, after the gate has passed it",
        "release --out=release.zip --verify --key=public.pem": "is the archive whole, and signed with this key?",
    },
    iterable=["target"],
    help=options(
        "json",
        "model",
        "data",
        **TAKES,
        target="NAME: a target that the archive holds; repeatable; all that are built by default",
        out="FILE: the archive, such as release.zip; with --verify, the one to look at",
        builds="DIR: folder of the builds; build in the project by default",
        key="FILE: private key in PEM that signs; with --verify, the public key of whoever signed",
        verify="look at an archive instead of making one",
    ),
)
@command
@choosing
def release(
    c: Context,
    out: str,
    target: list[str],
    verify: bool = False,
    key: str | None = None,
    builds: str = "",
    choice: Choice = Choice(),  # noqa: B008
    json: bool = False,
) -> int:
    """Pack the builds that passed into an archive, or verify one.

    The archive holds what ships, the reports and the evidence. The same builds give the same bytes.
    """
    from edgekit.commands import release as archives
    from edgekit.report.console import print_json

    path = Path(key) if key else None
    if not verify:
        members = archives.release(choice.taken(builds, target), Path(out), path, choice.replace)
        print_json(members) if json else print("\n".join(members))
        return 0
    found = archives.verify(Path(out), path)
    print_json(found) if json else archives.print_verified_release(out, found)
    return int(bool(found.problems))
