"""Pages that are made from the code are those of the code, and the site has no broken link."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_parts_that_are_made_from_the_code_are_current():
    check = [sys.executable, "docs/generate", "--check"]
    run = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, f"run `invoke reference`: {run.stdout} {run.stderr[-500:]}"


def test_the_site_builds_without_a_broken_link():
    pytest.importorskip("zensical")
    site = [sys.executable, "-m", "zensical", "build", "--strict"]
    run = subprocess.run(site, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
