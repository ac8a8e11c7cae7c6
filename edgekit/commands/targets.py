"""The device profiles that there are."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from edgekit.profile.known import known_targets, origin
from edgekit.profile.profiles import load_targets
from edgekit.profile.project import Project
from edgekit.profile.target import Target
from edgekit.report.console import print_table
from edgekit.report.text import shown


class Profile(Target, frozen=True, kw_only=True):
    """A profile, and where it comes from."""

    origin: str
    """`built-in`, or a file of the project."""


def known_profiles(project: Project) -> list[Profile]:
    """Those of the project, then those that edgekit brings and that no profile of the project replaces.

    Raises:
      TargetError: one is wrong.
    """
    files = known_targets(project.target_folders)
    targets = load_targets(list(files), project.target_folders, ())
    found = [Profile(**asdict(target), origin=origin(files[target.name])) for target in targets]
    return sorted(found, key=lambda profile: (profile.origin == "built-in", profile.name))


@shown
def print_profiles(profiles: Sequence[Profile]) -> None:
    """A line for each."""
    rows = [[p.name, p.origin, p.runtimes.ship, p.description] for p in profiles]
    print_table(["target", "from", "runtime", "device"], rows)
