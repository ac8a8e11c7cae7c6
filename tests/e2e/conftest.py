import shutil
import sys
from pathlib import Path

import pytest
from command_line import ROOT, verbose_build
from traps import BY_PYTHON_ITSELF, LIBRARIES, lay

OWN = ("camera", "camera-u55", "microcontroller", "phone")


def new_project(folder: Path) -> Path:
    """A project as after a clone: the reference model, its data, the profiles that it has limits for."""
    (folder / "targets").mkdir(parents=True)
    for name in OWN:
        shutil.copy(ROOT / "targets" / f"{name}.toml", folder / "targets")
    shutil.copytree(ROOT / "assets", folder / "assets", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tasks.py").write_text("from edgekit.tasks import namespace\n")
    return folder


@pytest.fixture(scope="session")
def cold(once) -> Path:
    """A project in which the phone's build ran once; `stdout` holds what it printed. Not to be changed."""

    def fill(folder: Path) -> None:
        new_project(folder)
        traps = lay(folder, {*LIBRARIES, *sys.stdlib_module_names} - BY_PYTHON_ITSELF)
        done = verbose_build(folder, "--target=phone")
        for trap in traps:
            trap.unlink()
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "stdout").write_text(done.stdout)

    return once("cold", fill)


@pytest.fixture(scope="session")
def everything(once, cold) -> Path:
    """The same project after `build --target=all`. Not to be changed."""

    def fill(folder: Path) -> None:
        shutil.copytree(cold, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("work"))
        traps = lay(folder, {*LIBRARIES, *sys.stdlib_module_names} - BY_PYTHON_ITSELF)
        done = verbose_build(folder, "--target=all")
        for trap in traps:
            trap.unlink()
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "stdout").write_text(done.stdout)

    return once("everything", fill)


@pytest.fixture
def fresh(tmp_path) -> Path:
    """A project in which nothing was built."""
    return new_project(tmp_path / "project")


@pytest.fixture
def built(cold, tmp_path) -> Path:
    """A project, to be changed, in which the phone's build ran once."""
    # A build of the other process of tests may be at work in the store that it shares.
    return Path(shutil.copytree(cold, tmp_path / "project", ignore=shutil.ignore_patterns("work")))


@pytest.fixture
def released(everything, tmp_path) -> Path:
    """A project, to be changed, in which all targets are built."""
    return Path(shutil.copytree(everything, tmp_path / "project"))
