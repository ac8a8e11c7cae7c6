"""A runtime is one file and one line: that of docs/contributing.md, in a copy of the package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit

ROOT = Path(edgekit.__file__).parents[1]


@pytest.fixture
def command(tmp_path):
    """Runs edgekit with one more runtime."""
    copy = shutil.copytree(ROOT / "edgekit", tmp_path / "library/edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("tensorflow_lite.py"), copy / "runtimes")
    registry = copy / "runtimes/__init__.py"
    line = '    "tflm",\n'
    assert line in registry.read_text()
    registry.write_text(registry.read_text().replace(line, line + '    "tensorflow-lite",\n'))
    shutil.copytree(ROOT / "targets", tmp_path / "project/targets")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "library")}

    def run(*arguments):
        line = [sys.executable, "-m", "edgekit", *arguments]
        return subprocess.run(line, capture_output=True, text=True, cwd=tmp_path / "project", env=environment)

    return run


@pytest.mark.slow
def test_the_commands_and_a_build_know_it(command, shared):
    model = str(shared / "models/tflite/hello_world_int8.tflite")
    asked = json.loads(command("compat", model, "--json").stdout)
    assert any(one["runtime"].startswith("tensorflow-lite 2.") and one["runs"] for one in asked)
    looked = command("inspect", model)
    assert looked.returncode == 0, looked.stderr
    settings = (
        "--set=runtimes.ship=tensorflow-lite",
        "--set=runtimes.patience=0 s",
        "--set=budget={model_size = '9 kB'}",
    )
    done = command("build", "--target=phone", f"--model={model}", "--data=random", *settings, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    timed = [m for m in report["measurements"] if m["name"] == "latency_p90" and m["artifact"] == "model"]
    assert any(m["runtime"].startswith("tensorflow-lite 2.") and m["value"] for m in timed)


def test_a_scheme_that_it_lacks_and_an_arena_are_refused(command, shared):
    model = str(shared / "models/tflite/hello_world_int8.tflite")
    for setting, said in (
        ("recipe.quantize.scheme=int4", '"tensorflow-lite" does not execute int4; it takes int8, float16,'),
        ("budget.arena=1 KiB", '"tensorflow-lite" has no arena; remove the line or ship "tflm"'),
    ):
        given = ("--set=runtimes.ship=tensorflow-lite", f"--set={setting}")
        done = command("build", "--target=phone", f"--model={model}", "--data=random", *given)
        assert done.returncode == 2 and said in done.stderr
