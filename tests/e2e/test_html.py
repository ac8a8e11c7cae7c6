"""The report in a real browser: what it shows, in both colour schemes, at every width."""

import json

import chromium
import pytest
from slow_part import all_but

SECTIONS = (  # of the phone, which nothing simulates
    "budget facts accuracy classes changed stages receipt size arena latency runtimes conformance files".split()
)
pytestmark = chromium.NEEDED


def test_every_section_is_there_and_nothing_is_said_or_fetched(everything, open_page):
    page = open_page(everything / "build/phone/digits/report.html")
    assert page.said == []
    assert page.eval_on_selector_all("h2", "found => found.map(h => h.id)") == SECTIONS
    assert page.locator("header .verdict").inner_text().strip().startswith("✓ pass: all")


def test_the_figures_are_those_of_the_report(everything, open_page):
    folder = everything / "build/phone/digits"
    report = json.loads((folder / "report.json").read_bytes())
    page = open_page(folder / "report.html")
    shown = page.eval_on_selector_all("tr[data-name]", "rows => rows.map(r => [r.dataset.name, r.dataset.value])")
    wanted = [[m["name"], None if m["value"] is None else float(m["value"])] for m in report["measurements"]]
    assert [[name, float(value) if value else None] for name, value in shown] == wanted
    rows = page.locator("table.budget tbody tr")
    assert rows.count() == len(report["budget"])
    for row, line in zip(rows.all(), report["budget"], strict=True):
        assert line["name"] in row.inner_text() and line["verdict"] in row.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", all_but((360, 2560), [360, 768, 1280, 2560]))
def test_it_fits_every_width_in_both_schemes(everything, open_page, width, scheme):
    page = open_page(everything / "build/phone/digits/report.html", width, scheme)
    assert page.evaluate(chromium.OUTSIDE) == [] == page.evaluate(chromium.OVERLAPPING)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_enough(everything, open_page, scheme):
    page = open_page(everything / "build/phone/digits/report.html", scheme=scheme)
    ratio, text = page.evaluate(chromium.CONTRAST)
    assert ratio >= 4.5, text


def test_a_screen_reader_finds_names_and_the_keyboard_every_link(everything, open_page):
    page = open_page(everything / "build/phone/digits/report.html")
    unnamed = "found => found.filter(s => !(s.querySelector('title') || s.getAttribute('aria-label'))).length"
    assert page.eval_on_selector_all("svg", unnamed) == 0
    assert page.eval_on_selector_all("img:not([alt])", "found => found.length") == 0
    assert page.eval_on_selector_all("thead th:not([scope])", "found => found.length") == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_it_is_small_and_paints_at_once(everything, open_page):
    path = everything / "build/phone/digits/report.html"
    assert path.stat().st_size < 1_000_000
    page = open_page(path)
    painted = None
    for _ in range(300):  # not wait_for_function, which the page's own policy forbids
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]")
        if painted is not None:
            break
        page.wait_for_timeout(100)
    assert painted is not None
    print(f"first paint after {painted:.0f} ms")  # a time decides no test: benchmarks and docs/reports.md have it


def test_a_part_without_data_is_absent(everything, open_page):
    page = open_page(everything / "build/microcontroller/digits/report.html")
    ids = page.eval_on_selector_all("h2", "found => found.map(h => h.id)")
    assert "baseline" not in ids and "trend" not in ids and "rungs" not in ids


def test_the_index_leads_to_every_report(everything, open_page):
    page = open_page(everything / "build/index.html")
    assert page.said == []
    links = page.eval_on_selector_all("td a", "found => found.map(a => a.getAttribute('href'))")
    built = [file.relative_to(everything / "build").as_posix() for file in everything.glob("build/*/*/report.html")]
    assert sorted(links) == sorted(built) and "phone/digits/report.html" in built
    page.click("td a")
    assert page.locator("h1").inner_text().startswith("digits")
