"""Links and paths in the pages lead somewhere, and the navigation has every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s#]+)[^)\s]*\)")
PATH = re.compile(r"`((?:edgekit|benchmarks|tests|docs|assets)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in LINK.findall(text):
        if ":" not in link:
            target = (page.parent / link).resolve()
            assert target.exists(), link
            assert page.name == "README.md" or target.is_relative_to(DOCS), f"{link} is no page of the site"
    for path in PATH.findall(text):
        assert (ROOT / path).exists(), path


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [page.relative_to(DOCS).as_posix() for page in PAGES[1:]]
    assert [page for page in pages if f" {page}\n" not in navigation] == [], "add it to nav in mkdocs.yml"
