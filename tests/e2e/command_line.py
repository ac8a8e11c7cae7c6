"""The command as a person runs it: a process in a folder, its exit status, what it printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from edgekit.tasks import namespace
from edgekit.tasks.program import CommandLine

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"} | {"COLUMNS": "200"}
STEP = re.compile(r"  (?P<name>\S.*?) +(?P<status>built|cached) +[\d.]+ s(?: +[\d.]+ (?:B|KiB|MiB)\b)? *(?P<reason>.*)")


class Step(NamedTuple):
    status: str
    reason: str


def edgekit(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `edgekit ARGUMENTS` in a folder."""
    return run([sys.executable, "-m", "edgekit", *arguments], folder, **environment)


def typed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has started already: for what is refused, after which nothing is left of it."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.chdir(folder)
        patch.delenv("EDGEKIT_STORE", raising=False)
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            sys.exit(CommandLine(name="edgekit", namespace=namespace).run(["edgekit", *arguments]))
    return subprocess.CompletedProcess(arguments, ended.value.code or 0, out.getvalue(), err.getvalue())


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=300
    )


def verbose_build(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `edgekit build ARGUMENTS` so that it says every step."""
    return edgekit(folder, "build", "--verbose", *arguments, **environment)


def steps(printed: str) -> dict[str, Step]:
    """What a verbose build said of each step."""
    found = (STEP.fullmatch(line) for line in printed.splitlines())
    return {m["name"]: Step(m["status"], m["reason"]) for m in found if m}


def statuses(printed: str) -> dict[str, str]:
    return {name: step.status for name, step in steps(printed).items()}


def rebuilt(printed: str) -> list[str]:
    """The steps that a build made anew, but for the report's page, which follows whatever the report says."""
    return [name for name, step in steps(printed).items() if step.status == "built" and name != "render"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
