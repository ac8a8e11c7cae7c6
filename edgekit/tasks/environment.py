"""The tasks around the builds: the targets there are, what is installed, and what builds left."""

from __future__ import annotations

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(
    group="environment",
    usage="[options]",
    examples={
        "targets": "every profile that can be given as --target",
        "targets --json": "the same with all their settings, for a program",
    },
    help=options("json"),
)
@command
def targets(c: Context, json: bool = False) -> None:
    """List the device profiles that `build` takes.

    Those of the project, and those that edgekit brings.
    """
    from edgekit.commands.targets import known_profiles, print_profiles
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json

    found = known_profiles(find_project(Path.cwd()))
    print_json(found) if json else print_profiles(found)


@task(
    group="environment",
    usage="[options]",
    examples={
        "doctor": "Python, libraries, runtimes and compilers, each with its version",
        "doctor --json": "the same for a program",
    },
    help=options("json"),
)
@command
def doctor(c: Context, json: bool = False) -> int:
    """Check what is installed, and say what to install.

    Exit status: 0 everything needed is there, 3 something is missing.
    """
    from edgekit.commands.doctor import examine, print_findings
    from edgekit.report.console import print_json

    findings = examine()
    print_json(findings) if json else print_findings(findings)
    return 3 if any(f.needed and not f.works for f in findings) else 0


@task(
    group="environment",
    usage="[options]",
    examples={
        "clean --target=phone": "removes what was built for one target",
        "clean --cache": "removes all builds and stored results: the next build starts anew",
    },
    iterable=["target"],
    help=options(
        "json",
        target="NAME: remove the builds for this target only; repeatable",
        out="DIR: folder of the builds; build in the project by default",
        cache="remove the stored results of stages too",
    ),
)
@command
def clean(c: Context, target: list[str], cache: bool = False, out: str = "", json: bool = False) -> None:
    """Remove what builds wrote."""
    from edgekit.commands.clean import clean
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json

    project = find_project(Path.cwd())
    lines = clean(project, project.folder(out), target, cache)
    print_json(lines) if json else print("\n".join(lines))
