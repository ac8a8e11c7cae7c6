"""What every wrong input gives: exit status 2, plain lines, and nothing written."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess


def assert_refused(done: CompletedProcess[str], project: Path, *words: str) -> None:
    """Holds a command's end against the rules, and its message against the words that a person needs.

    Args:
      words: what is wrong, where, and what to do, as they stand in the message.
    """
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 2, done.stderr
    assert lines[0].startswith("edgekit: ")
    assert "Traceback" not in done.stdout + done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert not (project / "build").exists()
