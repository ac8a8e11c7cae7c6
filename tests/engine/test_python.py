"""Files that lie in the folder where a command runs are no libraries."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from traps import BY_PYTHON_ITSELF, LIBRARIES, lay, marks

from edgekit.engine import worker
from edgekit.engine.python import environment, import_own, python

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture
def trap(tmp_path) -> Path:
    """A folder in which every library and every module of Python lies as a file that leaves a mark and fails."""
    lay(tmp_path / "trap", {*LIBRARIES, *sys.stdlib_module_names})
    shutil.copy(ASSETS / "digits.keras", tmp_path / "trap")
    return tmp_path / "trap"


def run(trap: Path, *command: str) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if k not in ("EDGEKIT_STORE", "PYTHONPATH")}
    return subprocess.run(command, cwd=trap, env=variables, capture_output=True, text=True, timeout=300)


EDGEKIT = str(Path(sys.executable).with_name("edgekit"))


def test_no_command_imports_what_lies_in_the_folder(trap):
    done = run(trap, EDGEKIT, "inspect", "digits.keras")
    assert (done.returncode, marks(trap)) == (0, ""), done.stderr


def test_nor_does_edgekit_as_a_module(trap):
    """But for what `-m` itself imports before edgekit is there: there `python -P -m` helps."""
    for name in BY_PYTHON_ITSELF:
        (trap / f"{name}.py").unlink(missing_ok=True)
    assert (trap / "pathlib.py").is_file() and (trap / "json.py").is_file()
    done = run(trap, sys.executable, "-m", "edgekit", "targets")
    assert (done.returncode, marks(trap)) == (0, ""), done.stderr


def test_a_worker_starts_without_the_folder(trap, monkeypatch):
    monkeypatch.chdir(trap)
    monkeypatch.setattr(sys, "path", ["", str(trap), *sys.path])
    assert worker.call("os:getcwd", returns=str) == str(trap)
    assert marks(trap) == ""


def test_python_of_any_release_starts_without_the_folder(trap):
    """3.10 has no `-P`: the same must hold without the variable that later releases know."""
    variables = {**os.environ, **environment()}
    del variables["PYTHONSAFEPATH"]
    done = subprocess.run(python("import json, sys; print(sys.path)"), cwd=trap, env=variables, capture_output=True)
    assert done.returncode == 0 and marks(trap) == "" and str(trap).encode() not in done.stdout


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.edgekit]\n")
    (tmp_path / "inner").mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path / "inner")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_a_named_module_is_the_project_s_own(project):
    """From the current folder or the project's root, with what lies beside it; libraries are the installed ones."""
    (project / "json.py").write_text("raise ImportError('this is no json')")
    (project / "own_beside.py").write_text("value = 3\n")
    (project / "own_data.py").write_text(
        "import json\nimport own_beside\n"
        "def load():\n    import own_late\n    return own_beside.value + own_late.value\n"
    )
    (project / "own_late.py").write_text("value = 4\n")
    assert import_own("own_data").load() == 7


def test_a_package_s_module(project):
    (project / "own_package").mkdir()
    (project / "own_package/__init__.py").write_text("")
    (project / "own_package/data.py").write_text("from own_package import other\nvalue = other.value\n")
    (project / "own_package/other.py").write_text("value = 5\n")
    assert import_own("own_package.data").value == 5


def test_a_module_that_fails_is_not_left_half_imported(project):
    (project / "own_broken.py").write_text("value = 1\n1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            import_own("own_broken")
    with pytest.raises(ModuleNotFoundError):
        import_own("own_nowhere")


def test_a_worker_has_the_edgekit_that_started_it(tmp_path, monkeypatch):
    """Another one may come first on the path: from a checkout its own comes last, as a file beside it is no library."""
    (tmp_path / "edgekit").mkdir()
    (tmp_path / "edgekit/__init__.py").write_text("raise RuntimeError('another edgekit')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert worker.call("edgekit.engine.python:python", "", returns=list)[0] == sys.executable
