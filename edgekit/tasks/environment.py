"""The tasks around the builds: the targets there are, what is installed, and what builds left."""

from __future__ import annotations

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(help=options("json"))
@command
def targets(c: Context, json: bool = False) -> None:
    """List the device profiles that build takes."""
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json, print_table

    project = find_project(Path.cwd())
    found = load_targets(["all"], project.target_folders, ())
    rows = [[t.name, t.runtimes.ship, t.description] for t in found]
    print_json(found) if json else print_table(["target", "runtime", "device"], rows)


@task(help=options("json"))
@command
def doctor(c: Context, json: bool = False) -> int:
    """Check the environment: Python, libraries, runtimes and compilers, and what to install where one is missing."""
    from edgekit.commands.doctor import examine, print_findings
    from edgekit.report.console import print_json

    findings = examine()
    print_json(findings) if json else print_findings(findings)
    return 3 if any(f.needed and not f.works for f in findings) else 0


@task(
    iterable=["target"],
    help=options("target", "out", "json", cache="the stored results of stages too, so that the next build starts anew"),
)
@command
def clean(c: Context, target: list[str], out: str = "build", cache: bool = False, json: bool = False) -> None:
    """Remove the outputs of builds: those of --target, or all; with --cache the stored results of stages too."""
    from edgekit.commands.clean import clean
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json

    lines = clean(find_project(Path.cwd()), Path(out), target, cache)
    print_json(lines) if json else print("\n".join(lines))
