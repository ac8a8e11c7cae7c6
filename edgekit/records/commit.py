"""The commit of git that a project is at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from edgekit.report.types import Commit

GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
"""Without the program that a repository may name, which git would run."""
TIME_LIMIT = 10.0
"""Seconds after which a slow disk has no commit."""


def commit_of(root: Path, out: Path) -> Commit | None:
    """The commit, and whether the tracked files are as committed; None where git or a repository is lacking.

    The date is the commit's: a build that is done again from the same commit says the same.

    Args:
      root: of the project.
      out: folder of the builds, whose files do not count, tracked or not.
    """
    said = _git(root, "log", "-1", "--format=%H %cd", "--date=format:%Y-%m-%d %H:%M %z")
    if not said:
        return None
    inside = Path(os.path.relpath(out, root)).as_posix()
    left = [] if inside == "." or inside.startswith("..") else [f":(exclude,literal){inside}"]
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ":/", *left)
    sha, _, date = said.strip().partition(" ")
    return None if changed is None else Commit(sha, date, not changed)


def _git(root: Path, *words: str) -> str | None:
    """What git prints; None where it fails."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run([*GIT, *words], cwd=root, env=variables, capture_output=True, timeout=TIME_LIMIT)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
