"""A part of the campaign of `benchmarks/chaos.py`: each kind of blow, and what must hold after it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import chaos  # noqa: E402


@pytest.fixture(scope="module")
def lab(cold, tmp_path_factory):
    return chaos.Lab(tmp_path_factory.mktemp("chaos") / "project", cold, 12.0)


@pytest.mark.parametrize("name", chaos.SCENARIOS)
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
