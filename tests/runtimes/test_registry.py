import subprocess
import sys
from importlib.metadata import version

import pytest

from edgekit import runtimes
from edgekit.errors import SetupError, TargetError


def test_naming_the_runtimes_imports_none_of_them():
    code = """if True:
        import sys
        from edgekit import runtimes
        from edgekit.measure import accuracy, latency, machine
        assert runtimes.installed("litert")
        machine.machine()
        heavy = {"numpy", "ai_edge_litert", "tflite_runtime", "tflite_micro", "tensorflow", "psutil"} & set(sys.modules)
        sys.exit(f"imported {heavy}" if heavy else 0)
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_asking_for_one_runtime_loads_the_file_of_no_other():
    code = """if True:
        import sys
        from edgekit import runtimes
        assert not {f"edgekit.runtimes.{name.replace('-', '_')}" for name in runtimes.ENGINES} & set(sys.modules)
        assert runtimes.engine("tflm").arena
        assert not {"edgekit.runtimes.litert", "edgekit.runtimes.tflite_runtime"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", runtimes.ENGINES)
def test_a_runtime_states_what_its_file_is(name):
    runtime = runtimes.engine(name)
    assert runtime.name == name and runtime.module == f"edgekit.runtimes.{name.replace('-', '_')}"
    assert runtime.by_tensor <= runtime.schemes
    assert runtime.exact == (name == runtimes.ORACLE)
    successor = runtime.successor.runtime if runtime.successor else runtimes.BASELINE
    assert successor in runtimes.RUNTIMES and runtimes.BASELINE in runtimes.RUNTIMES


@pytest.mark.parametrize(("name", "package"), [("litert", "ai-edge-litert"), ("tflm", "tflite-micro")])
def test_the_version_is_that_of_the_package(name, package):
    assert runtimes.installed(name) == version(package)
    assert runtimes.stand_in(name) == (name, "")


@pytest.mark.parametrize(
    ("typed", "said"),
    [("tflite_runtime", '"tflite-runtime"?'), ("lite-rt", '"litert"?'), ("qqq", "choose from litert, ")],
)
def test_an_unknown_runtime_is_refused_with_the_nearest_one(typed, said):
    for function in (runtimes.installed, runtimes.stand_in, runtimes.load_runtime):
        with pytest.raises(TargetError, match=typed) as refused:
            function(typed)
        assert said in str(refused.value)


class TestWithoutTfliteRuntime:
    """In an environment where only LiteRT is installed, as on Python 3.12 and later."""

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch):
        monkeypatch.setattr(runtimes, "installed", {"litert": "2.3.0"}.get)

    def test_litert_stands_in_on_a_new_python_and_the_report_can_say_why(self, monkeypatch):
        monkeypatch.setattr(runtimes, "sys", _Python(3, 12))
        used, why = runtimes.stand_in("tflite-runtime")
        assert used == "litert"
        assert "Python 3.12" in why and "LiteRT 2.3.0" in why

    def test_on_an_older_python_one_is_told_to_install_it(self, monkeypatch):
        monkeypatch.setattr(runtimes, "sys", _Python(3, 11))
        with pytest.raises(SetupError, match="pip install tflite-runtime"):
            runtimes.stand_in("tflite-runtime")

    def test_nothing_stands_in_for_tflm(self):
        with pytest.raises(SetupError, match="pip install tflite-micro"):
            runtimes.stand_in("tflm")
        with pytest.raises(SetupError, match="pip install tflite-micro"):
            runtimes.load_runtime("tflm")


class _Python:
    """Stands for `sys` of another Python."""

    def __init__(self, major, minor):
        self.version_info = type("version_info", (tuple,), {"major": major, "minor": minor})((major, minor, 0))
