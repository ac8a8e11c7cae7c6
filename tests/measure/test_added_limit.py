"""A limit is one field: that of docs/contributing.md, in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit

ROOT = Path(edgekit.__file__).parents[1]
FIELD = '    operators: Annotated[Count | None, Limit(needs="arena", otherwise=NO_ARENA)] = None\n'
BESIDE = "    macs: Count | None = None\n"
JUDGED = """
from pathlib import Path
from edgekit.measure.judge import judge
from edgekit.profile.profiles import load_target
from edgekit.types import Measurement
budget = load_target("microcontroller", [Path("targets")], ("budget={operators = 3}",)).budget
for kinds in ([Measurement("operators", n, "1", runtime="tflm 1") for n in (3, 4)], []):
    lines = [judge(budget, [m], "tflm")[0] for m in kinds] or judge(budget, [], "tflm")
    print(*(f"{line.name} {line.verdict} {line.reason}".strip() for line in lines), sep="\\n")
"""


@pytest.fixture
def run(tmp_path):
    """Runs Python with one more limit."""
    copy = shutil.copytree(ROOT / "edgekit", tmp_path / "library/edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "targets", tmp_path / "project/targets")
    limits = copy / "measure/limits.py"
    assert BESIDE in limits.read_text()
    limits.write_text(limits.read_text().replace(BESIDE, BESIDE + FIELD))
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "library")}

    def run(*arguments):
        line = [sys.executable, *arguments]
        return subprocess.run(line, capture_output=True, text=True, cwd=tmp_path / "project", env=environment)

    return run


def test_it_is_judged_and_its_absence_is_said(run):
    done = run("-c", JUDGED)
    assert done.stdout.splitlines() == [
        "operators pass",
        "operators fail",
        'operators inconclusive not measured: write runtimes.ship = "tflm", whose it is, or set hardware.npu',
    ], done.stderr


def test_a_profile_without_what_it_needs_is_refused(run):
    model = ROOT / "assets/digits.keras"
    done = run(
        "-m", "edgekit", "build", "--target=phone", f"--model={model}", "--data=random", "--set=budget.operators=3"
    )
    assert done.returncode == 2
    assert 'budget.operators: "litert" has no arena; remove the line or ship "tflm"' in done.stderr
