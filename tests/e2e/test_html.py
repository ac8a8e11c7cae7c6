"""The report in a real browser: what it shows, in both colour schemes, at every width."""

import json
import shutil

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
SECTIONS = "budget accuracy stages receipt size arena latency runtimes conformance changed files".split()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)")


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    pages = []

    def opened(path, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.said.append(request.url) if request.url.startswith("http") else None)
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()


def test_every_section_is_there_and_nothing_is_said_or_fetched(everything, open_page):
    page = open_page(everything / "build/phone/digits/report.html")
    assert page.said == []
    assert page.eval_on_selector_all("h2", "found => found.map(h => h.id)") == SECTIONS
    assert page.locator("header .verdict").inner_text().strip().endswith("pass")


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
@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_it_fits_every_width_in_both_schemes(everything, open_page, width, scheme):
    page = open_page(everything / "build/phone/digits/report.html", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")


CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const ground = e => { while (e) {
      const c = getComputedStyle(e).backgroundColor
      if (!/, 0\\)$/.test(c)) return c
      e = e.parentElement
    } return 'rgb(255, 255, 255)' }
  return [...document.querySelectorAll('h1, h2, p, th, td, small, a, summary, b')].filter(e => e.innerText).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x)
    return (a + 0.05) / (b + 0.05) }).reduce((x, y) => Math.min(x, y)) }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_enough(everything, open_page, scheme):
    page = open_page(everything / "build/phone/digits/report.html", scheme=scheme)
    assert page.evaluate(CONTRAST) >= 4.5


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
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"first paint after {painted:.0f} ms")  # a time decides no test: benchmarks and docs/reports.md have it


def test_a_part_without_data_is_absent(everything, open_page):
    page = open_page(everything / "build/microcontroller/digits/report.html")
    ids = page.eval_on_selector_all("h2", "found => found.map(h => h.id)")
    assert "baseline" not in ids and "trend" not in ids and "rungs" not in ids


def test_the_index_leads_to_every_report(everything, open_page):
    page = open_page(everything / "build/index.html")
    assert page.said == []
    links = page.eval_on_selector_all("td a", "found => found.map(a => a.getAttribute('href'))")
    assert sorted(links) == sorted(
        f"{t}/digits/report.html" for t in ("camera", "camera-u55", "microcontroller", "phone")
    )
    page.click("td a")
    assert page.locator("h1").inner_text().startswith("digits")
