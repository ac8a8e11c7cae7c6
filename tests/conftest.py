import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import bundled
import chromium
import pytest
import slow_part
from filelock import FileLock
from hypothesis import settings

from edgekit.engine.worker import Worker
from edgekit.runtimes import RUNTIMES, installed

settings.register_profile("without deadlines", deadline=None)  # a busy machine is no failure
settings.load_profile("without deadlines")


def pytest_addoption(parser):
    parser.addoption("--slow-part", metavar="K/N", help="runs part K of N of the slow tests, too; any number K")


def pytest_configure(config):
    if config.option.slow_part:
        slow_part.numbers(config.option.slow_part)
        config.option.markexpr = "not campaign"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if config.option.slow_part:
        left = slow_part.left_out([item for item in items if item.get_closest_marker("slow")], config.option.slow_part)
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def pytest_terminal_summary(terminalreporter, config):
    if config.option.slow_part:
        part, parts = slow_part.numbers(config.option.slow_part)
        terminalreporter.write_line(f"of the slow tests, part {part} of {parts} ran; all: pytest -m slow")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data beside the repository."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here")
    return folder


@pytest.fixture(scope="session")
def cmsis_nn() -> Path:
    """The folder of CMSIS-NN."""
    folder = bundled.cmsis_nn()
    if folder is None:
        pytest.skip("bakenn, whose wheel holds CMSIS-NN, is not installed")
    return folder


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """`once(name, fill)`: a folder that is filled once in a test run, however many processes pytest uses."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, part = root / name, root / f"{name}.part"
        with FileLock(root / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                fill(part)
                part.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def process(tmp_path_factory) -> Iterator[Worker]:
    """The process with TensorFlow, for all tests that need one: importing it takes seconds."""
    with Worker(tmp_path_factory.mktemp("log") / "tensorflow") as worker:
        yield worker


@pytest.fixture(scope="session")
def runtimes(tmp_path_factory) -> Iterator[dict[str, Worker]]:
    """A process of each runtime that is here, by its name; it starts when it is first called."""
    folder = tmp_path_factory.mktemp("log")
    with ExitStack() as stack:
        yield {name: stack.enter_context(Worker(folder / name)) for name in RUNTIMES if installed(name)}


@pytest.fixture(scope="session")
def tflm(runtimes) -> Worker:
    """The process with TFLM."""
    if "tflm" not in runtimes:
        pytest.skip("tflm is not installed")
    return runtimes["tflm"]


@pytest.fixture(scope="session")
def models(once) -> Path:
    """Small models of many kinds, each with `NAME.npz`: its inputs and what the library that made it answered."""

    def fill(folder: Path) -> None:
        import subprocess
        import sys

        maker = Path(__file__).parent / "model" / "make_models.py"
        done = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return once("models", fill)


@pytest.fixture(scope="session")
def browser():
    """A real browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium.CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Opens files; `page.said` is what a page writes to the console, raises and fetches."""
    pages = []

    def opened(path: Path, width: int = 1280, scheme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.said.append(request.url) if request.url.startswith("http") else None)
        page.goto(path.as_uri())
        page.evaluate(chromium.SEEN)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
