"""A part of the campaigns of `benchmarks/chaos.py` and `benchmarks/fuzz.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import chaos  # noqa: E402

QUICK = ("kill_worker", "streams")


@pytest.fixture(scope="module")
def lab(cold, tmp_path_factory):
    return chaos.Lab(tmp_path_factory.mktemp("chaos") / "project", cold, 12.0)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in chaos.SCENARIOS]
)
def test_a_blow_leaves_nothing_behind(lab, name):
    said = chaos.blow(lab, name, "1")
    if said.startswith("skipped"):
        pytest.skip(said)


def test_a_finding_is_found(lab, tmp_path):
    (tmp_path / "files/ab").mkdir(parents=True)
    (tmp_path / "files/ab/abcd").write_bytes(b"something else")
    with pytest.raises(chaos.Finding, match="something else"):
        chaos.whole(tmp_path)
    with pytest.raises(chaos.Finding, match="traceback"):
        chaos.expect(chaos.Ended(2, "", "Traceback (most recent call last):\n"), {2})


def test_mutants_are_taken_or_refused_in_a_line(tmp_path):
    formats = ["npz", "images", "profile", "project", "tflite"]
    fuzz = [sys.executable, ROOT / "benchmarks/fuzz.py", "--seed=7", "--mutants=100", "--keep=findings", *formats]
    done = subprocess.run(fuzz, capture_output=True, text=True, cwd=tmp_path, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| tflite | " in done.stdout
