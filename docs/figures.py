"""Writes what `invoke build --target=all` prints into the README, so that its figures are the command's."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
START, END = "<!-- figures: made by `invoke figures` -->\n", "<!-- end of figures -->"


def main() -> None:
    """Builds all targets in a store of their own and replaces the block between the markers."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "edgekit", "build", "--target=all"]
        store = {"EDGEKIT_STORE": folder}
        run = subprocess.run(command, cwd=ROOT, env=os.environ | store, capture_output=True, text=True, check=True)
    budgets = run.stdout[run.stdout.index("\n\n") :].strip()
    readme = ROOT / "README.md"
    text = readme.read_text()
    block = f"{START}```\n{budgets}\n```\n{END}"
    readme.write_text(re.sub(f"{re.escape(START)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
