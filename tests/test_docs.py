"""Pages that are made from the code are those of the code."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_reference_of_settings_is_current():
    page = runpy.run_path(str(ROOT / "docs/settings.py"))["page"]
    assert (ROOT / "docs/recipe.md").read_text() == page()
