"""What a page of the documentation asks its reader to do, and doing it.

An HTML comment in front of a fenced block, which no reader sees, says what the block is:

    <!-- file: NAME -->     the text of a file
    <!-- append: NAME -->   lines behind the text of a file
    <!-- run -->            commands of a shell, which succeed; with `run: exit 2` they end so
    <!-- prints -->         what the commands before print, among other lines; … stands for anything
    <!-- message -->        a message of edgekit, with … for what differs
    <!-- continues: PAGE -->  at the top: the folder is the one that this page leaves
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

DOCS = Path(__file__).parents[2] / "docs"
STEP = re.compile(r"^ *<!-- (file|append|run|prints|message)(?:: (.+?))? -->\n+( *)```[^\n]*\n(.*?)^ *```", re.M | re.S)
CONTINUES = re.compile(r"<!-- continues: (\S+) -->")


class Step(NamedTuple):
    kind: str
    name: str
    text: str
    line: int


def steps(page: str) -> list[Step]:
    text = (DOCS / page).read_text()
    return [
        Step(
            found[1],
            found[2] or "",
            re.sub(f"^{found[3]}", "", found[4], flags=re.M),
            text[: found.start()].count("\n"),
        )
        for found in STEP.finditer(text)
    ]


def pages_with(*kinds: str) -> list[str]:
    pages = [page.relative_to(DOCS).as_posix() for page in sorted(DOCS.rglob("*.md"))]
    return [page for page in pages if any(step.kind in kinds for step in steps(page))]


def carried_out(page: str, shared: Path) -> Path:
    """The folder that a page leaves, which is made once for all processes of a test run."""
    folder = shared / page.removesuffix(".md").replace("/", "-")
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            made = folder.with_suffix(".part")
            shutil.rmtree(made, ignore_errors=True)
            before = CONTINUES.search((DOCS / page).read_text())
            if before:
                shutil.copytree(carried_out(before[1], shared), made, symlinks=True)
            else:
                made.mkdir(parents=True)
            _carry_out(page, made)
            made.rename(folder)
    return folder


def _carry_out(page: str, folder: Path) -> None:
    printed = ""
    for step in steps(page):
        place = f"{page}:{step.line + 1}"
        file = folder / step.name
        if step.kind == "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text)
        elif step.kind == "append":
            file.write_text(f"{file.read_text()}\n{step.text}")
        elif step.kind == "run":
            wanted = int(step.name.removeprefix("exit ") or 0)
            status, printed = _run(step.text, folder)
            assert status == wanted, f"{place}: ended with {status}\n{printed[-3000:]}"
        elif step.kind == "prints":
            assert shows(step.text, printed), f"{place}: shows\n{step.text}\nbut this was printed:\n{printed[-3000:]}"


def _run(commands: str, folder: Path) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("EDGEKIT_STORE", "COLUMNS")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    run = subprocess.run(
        shell, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    return run.returncode, run.stdout + run.stderr


def shows(page: str, printed: str) -> bool:
    """Whether each line of a page stands in what was printed, in this order; spaces at will, … for anything."""
    lines = [" ".join(line.split()) for line in page.splitlines() if line.strip() not in ("", "…")]
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in lines]
    rest = iter(" ".join(line.split()) for line in printed.splitlines())
    return all(any(re.fullmatch(pattern, line) for line in rest) for pattern in patterns)
