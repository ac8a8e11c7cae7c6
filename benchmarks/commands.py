"""Running edgekit and the plain script as a user does: in a copy of the project, with time and memory taken."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent


class Run(NamedTuple):
    """What a command took."""

    seconds: float
    peak_bytes: int
    """Largest sum over its processes, pages that several share counted once (PSS)."""


@contextmanager
def fresh_project() -> Iterator[Path]:
    """A copy of the project with nothing built."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pyproject.toml", "tasks.py", "README.md"):
            shutil.copy(ROOT / name, folder)
        for name in ("assets", "targets"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        yield Path(folder)


def invoke(*arguments: str, project: Path) -> list[str]:
    """A command of the project."""
    return [str(SCRIPTS / "invoke"), "--search-root", str(project), *arguments]


def plain_script(out: Path) -> list[str]:
    """The script that does the same without edgekit."""
    return [sys.executable, str(ROOT / "benchmarks" / "plain_script.py"), str(out)]


def run(command: list[str], folder: Path, memory: bool = False) -> Run:
    """Runs a command to its end.

    Raises:
      subprocess.CalledProcessError: it failed.
    """
    # As Python runs by default: a store beside the project, bytecode kept.
    unset = ("EDGEKIT_STORE", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
        peak = _watch(process) if memory else 0
        status = process.wait()
        seconds = time.perf_counter() - start
        if status:
            output.seek(0)
            raise subprocess.CalledProcessError(status, command, output.read())
    return Run(seconds, peak)


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Peak memory of a process and those that it starts, looked at every 20 ms."""
    peak, root = 0, psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for one in [root, *_children(root)]:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
        peak = max(peak, total)
        time.sleep(0.02)
    return peak


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def put(page: Path, tables: dict[str, str]) -> None:
    """Writes tables into a page, each between its markers, `<!-- NAME -->` and `<!-- end of NAME -->`."""
    text = page.read_text()
    for name, made in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        assert end in rest, f"{page}: no markers of {name}"
        text = f"{before}{start}{made}\n{end}{rest.partition(end)[2]}"
    page.write_text(text)
