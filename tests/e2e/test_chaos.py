"""A part of the campaigns of `benchmarks/chaos.py` and `benchmarks/fuzz.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import chaos  # noqa: E402
import reliability  # noqa: E402

QUICK, SLOW = ("streams",), ("kill_worker", "crash_worker", "damage")


@pytest.fixture(scope="module")
def lab(cold, tmp_path_factory):
    return chaos.Lab(tmp_path_factory.mktemp("chaos") / "project", cold, 12.0)


def mark(name):
    return () if name in QUICK else pytest.mark.slow if name in SLOW else pytest.mark.campaign


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark(name)) for name in chaos.SCENARIOS])
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


@pytest.mark.slow
def test_mutants_are_taken_or_refused_in_a_line(tmp_path):
    formats = ["npz", "images", "profile", "project", "tflite"]
    fuzz = [sys.executable, ROOT / "benchmarks/fuzz.py", "--seed=7", "--mutants=100", "--keep=findings", *formats]
    done = subprocess.run(fuzz, capture_output=True, text=True, cwd=tmp_path, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| tflite | " in done.stdout


TABLE = chaos.table(["scenario", "what", "blows"], [["crowd", "12 builds | at once", "1200"], ["streams", "", "34"]])
PRINTED = {
    f"crowd: finished\n{TABLE}\nno finding\n": "1,234 blows",
    f"1 refused, 2 taken\n{TABLE}\ncrowd 0.1: | --- | is odd\n": "1,234 blows",
    chaos.table(["format", "taken", "refused", "finding"], [["npz", "1,000", "2", "0"], ["keras", "30", "4", "1"]]): (
        "1,030 taken, 6 refused, 1 finding"
    ),
    "\r0 findings, 10 mutants\r0 findings, 1,250 mutants, 36 with TFLM's answer\nTFLM does not take it, 1: a\n": (
        "0 findings, 1,250 mutants, 36 with TFLM's answer"
    ),
    "411 refused, 92 taken\n": "411 refused, 92 taken",
    "92 taken\n": "92 taken",
    "Saved artifact at '/tmp/x'\n\n": "",
    "": "",
}
"""What campaigns print, and what they counted."""


def test_the_counts_of_a_campaign_are_read_from_what_it_prints():
    for printed, said in PRINTED.items():
        assert reliability.counts(printed) == said
