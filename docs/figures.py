"""Writes what a build prints into the README, so that its figures are the command's: in fewer than 20 lines."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
START, END = "<!-- figures: made by `invoke figures` -->\n", "<!-- end of figures -->"
TARGET = "microcontroller"
MOST = 20
"""Lines."""


def printed(target: str = TARGET) -> str:
    """What the first build of a target prints, in a store of its own, as a pipe gets it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "edgekit", "build", f"--target={target}"]
        store = {"EDGEKIT_STORE": folder}
        return subprocess.run(
            command, cwd=ROOT, env=os.environ | store, capture_output=True, text=True, check=True
        ).stdout


def shortened(text: str) -> str:
    """The same without notes and without the spaces that end lines, in as few lines as a README takes.

    Raises:
      ValueError: it has more lines than that.
    """
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("note: ")]
    if len(lines) >= MOST:
        raise ValueError(f"{len(lines)} lines, and a build of one target prints fewer than {MOST}")
    return "\n".join(lines)


def with_figures(readme: str, text: str) -> str:
    """A README with that, and the command, between its markers."""
    block = f"{START}`invoke build --target={TARGET}` prints this:\n\n```\n{text}\n```\n{END}"
    return re.sub(f"{re.escape(START)}.*?{re.escape(END)}", lambda _: block, readme, flags=re.DOTALL)


if __name__ == "__main__":
    place = ROOT / "README.md"
    place.write_text(with_figures(place.read_text(), shortened(printed())))
