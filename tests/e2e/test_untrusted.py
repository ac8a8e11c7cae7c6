"""Models from strangers at the command line: refused in one line, quickly, and nothing of them has run."""

import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import ROOT, edgekit
from refusal import assert_refused
from traps import BY_PYTHON_ITSELF, LIBRARIES, lay, marks


@pytest.fixture(scope="module")
def hostile(once):
    """The folder of `make_hostile.py`."""

    def fill(folder):
        maker = ROOT / "tests/model/make_hostile.py"
        done = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return once("hostile", fill)


def build(project, model, *options):
    return edgekit(project, "build", "--target=phone", f"--model={model}", "--data=random", *options)


@pytest.mark.parametrize("name", ["submodel_2.h5", "submodel_3.keras", "lambda_2"])
def test_a_lambda_that_writes_a_file(hostile, fresh, name):
    assert_refused(build(fresh, hostile / name), fresh, name, "'evil'", "Lambda", "--trust-model")
    assert not list(hostile.parent.glob("written*"))


def test_a_graph_that_writes_a_file(hostile, fresh):
    assert_refused(build(fresh, hostile / "lambda_3"), fresh, "lambda_3", "WriteFile", "reaches outside")
    assert not list(hostile.parent.glob("written*"))


def test_a_pickle(fresh):
    class Evil:
        def __reduce__(self):
            return open, (str(fresh / "written"), "w")

    (fresh / "m.pkl").write_bytes(pickle.dumps(Evil()))
    assert_refused(build(fresh, "m.pkl"), fresh, "m.pkl", "not a Keras file")
    assert not (fresh / "written").exists()


def test_a_module_beside_the_project_is_not_imported(fresh):
    (fresh / "payload.py").write_text("open('written', 'w').close()")
    config = {
        "module": "payload",
        "class_name": "Layer",
        "config": {"name": "evil"},
        "registered_name": "payload>Layer",
    }
    with zipfile.ZipFile(fresh / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [config]}}))
    assert_refused(build(fresh, "m.keras"), fresh, "m.keras", "'evil'", "'payload'", "--custom-objects")
    assert not (fresh / "written").exists()


def test_an_archive_that_leaves_its_folder(fresh):
    shutil.copy(fresh / "assets/digits.keras", fresh / "m.keras")
    with zipfile.ZipFile(fresh / "m.keras", "a") as archive:
        archive.writestr("../../written", "x")
    assert_refused(build(fresh, "m.keras"), fresh, "m.keras", "'../../written'", "leaves")
    assert not list(Path(fresh).parent.rglob("written"))


def test_a_saved_model_with_a_lambda_builds_when_trusted(hostile, fresh):
    done = build(fresh, hostile / "lambda_2", "--trust-model", "--set=recipe.quantize.calibration_samples=8")
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert (fresh / "build/phone/lambda_2/model.tflite").exists()


@pytest.mark.slow
def test_the_user_s_own_lambda_builds_when_trusted(hostile, fresh):
    small = ("--set=recipe.prune.epochs=1", "--set=recipe.quantize.calibration_samples=8")
    done = build(fresh, hostile / "own.h5", "--trust-model", *small)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert (fresh / "build/phone/own/model.tflite").exists()
    assert "own code ran" in (fresh / "build/phone/own/build.log").read_text()


def test_a_trusted_lambda_still_writes_nowhere(hostile, fresh):
    (hostile.parent / "mine").unlink(missing_ok=True)
    assert_refused(build(fresh, hostile / "mine.h5", "--trust-model"), fresh, "mine.h5", "evil")
    assert not (hostile.parent / "mine").exists()


def test_files_called_like_libraries_did_not_run_in_builds(everything):
    """They lay in the project while every target was built."""
    assert marks(everything) == ""


def test_nor_in_the_commands_that_take_a_file(cold, tmp_path):
    shutil.copy(cold / "build/phone/digits/model.tflite", tmp_path)
    lay(tmp_path, {*LIBRARIES, *sys.stdlib_module_names} - BY_PYTHON_ITSELF)
    for command in ("inspect", "ccode", "carray", "compat"):
        done = edgekit(tmp_path, command, "model.tflite")
        assert (done.returncode, marks(tmp_path)) == (0, ""), done.stderr
