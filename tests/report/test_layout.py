"""The page in a real browser, of small and deep models and names that nobody should give: it fits, and can be read."""

from itertools import pairwise

import chromium
import pytest
from full_report import EVIL, full_report, hostile, plain

from edgekit.report.html import html
from edgekit.report.text import cleaned

pytestmark = chromium.NEEDED
WIDTHS = (360, 768, 1280, 2560)
CASES = {
    "five layers": (5, plain, 7),
    "sixty layers": (60, hostile, 12),
    "many classes": (9, hostile, 30),
}


@pytest.fixture(scope="module", params=CASES)
def page_file(request, tmp_path_factory):
    layers, named, classes = CASES[request.param]
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html(*map(cleaned, full_report(layers, named, classes))), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_seen_beyond_the_window_and_no_text_lies_over_another(page_file, open_page, width):
    page = open_page(page_file, width)
    assert page.said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for state in ("as it opens", "with all details open"):
        assert page.evaluate(chromium.OUTSIDE) == [], state
        assert page.evaluate(chromium.OVERLAPPING) == [], state
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page_file, open_page, scheme):
    page = open_page(page_file, 1280, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    ratio, text = page.evaluate(chromium.CONTRAST)
    assert ratio >= 4.5, text


def test_headings_tables_and_drawings_say_what_they_are(page_file, open_page):
    page = open_page(page_file)
    levels = page.evaluate(chromium.HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert page.eval_on_selector_all("th:not([scope])", "found => found.length") == 0
    assert page.eval_on_selector_all("tbody tr", "rows => rows.every(r => r.querySelector('th, [colspan]'))")
    unnamed = "found => found.filter(e => !e.getAttribute('aria-label') && !e.querySelector('title')).length"
    assert page.eval_on_selector_all("svg, [role=img], .scroll", unnamed) == 0
    assert page.eval_on_selector_all("img:not([alt])", "found => found.length") == 0
    ids = page.eval_on_selector_all("[id]", "found => found.map(e => e.id)")
    assert len(ids) == len({*ids})
    assert page.eval_on_selector_all(
        "[aria-labelledby]", "found => found.every(e => document.getElementById(e.getAttribute('aria-labelledby')))"
    )


def test_whatever_is_wider_than_the_window_is_reached_by_keyboard(page_file, open_page):
    page = open_page(page_file, 360)
    scrollers = "found => found.filter(e => e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0).length"
    assert page.eval_on_selector_all(".scroll", scrollers) == 0


def test_what_comes_first_is_on_the_first_screen(page_file, open_page):
    page = open_page(page_file)
    tops = {
        name: page.locator(name).first.bounding_box()["y"] for name in (".verdict", ".budget .bar", "#facts", "#budget")
    }
    assert all(top < 800 for top in tops.values())
    assert tops[".verdict"] < tops["#budget"] < tops[".budget .bar"]


def test_a_whole_page_prints_with_what_is_folded(page_file, open_page):
    page = open_page(page_file, 768)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 768 or page.locator(".scroll").count()
    assert page.locator("details").last.locator("table").bounding_box()["height"] > 100


def test_no_name_becomes_markup(open_page, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(html(*full_report(5, lambda number: EVIL, 3)), encoding="utf-8")
    page = open_page(file)
    assert page.said == [] and page.locator("img[src=x]").count() == 0
    assert page.locator("script").count() == 0
    assert "onerror" in page.locator("h1").inner_text()
