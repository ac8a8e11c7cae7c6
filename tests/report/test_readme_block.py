"""The block of the README that `invoke figures` writes."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "figures.py"


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_a_build_prints_stands_between_the_markers_without_notes(figures):
    readme = f"before\n{figures.START}old \\1\n{figures.END}after\n"
    said = figures.with_figures(readme, figures.shortened("phone: digits  \nnote: a\nphone: digits: pass\\1\n"))
    assert said.startswith(f"before\n{figures.START}`invoke build --target=") and said.endswith(f"{figures.END}after\n")
    assert "\n```\nphone: digits\nphone: digits: pass\\1\n```\n" in said and "old" not in said


def test_a_build_that_prints_too_much_is_refused(figures):
    with pytest.raises(ValueError, match="20 lines"):
        figures.shortened("line\n" * 20)


def test_the_readme_has_the_markers(figures):
    text = (SCRIPT.parents[1] / "README.md").read_text()
    assert text.count(figures.START) == text.count(figures.END) == 1
