"""Every command gives the same from any folder of the project, and takes paths from where the user stands."""

import json
import re
import shutil
from pathlib import Path

import pytest
from command_line import edgekit, typed
from slow_part import all_but

STUDY = '[[variant]]\nname = "plain"\nrecipe = { quantize = { calibration_samples = 8 } }\n'
BUILDS = "build/phone/digits"
LOADER = """
import numpy as np
def digits():
    with np.load("assets/digits.npz") as file:
        return {name: file[name][:300] for name in file.files}
"""
"""A function whose data lie where the project says."""

COMMANDS = {
    "targets": [],
    "build": ["--target=phone", "--json"],
    "check": ["--target=phone"],
    "history": ["--json"],
    "compare": [f"@{BUILDS}", f"@{BUILDS}"],
    "explain": ["--target=phone", "--samples=20", "--json"],
    "sensitivity": ["--target=phone", "--method=quantize", "--levels=8", "--samples=20", "--json"],
    "study": ["--target=phone", "--recipes=@study.toml", "--json"],
    "inspect": ["@assets/digits.keras"],
    "baseline": ["save", "v1", "--replace"],
    "baselines": [],
    "release": ["--out=@release.zip", "--replace"],
    "clean": ["--target=camera"],
}
"""Arguments; @ stands before a path from the project's root."""
SLOW = {"study", "sensitivity", "explain", "inspect"}


def said(folder: Path, up: str, command: str, arguments: list[str]) -> tuple[int, str]:
    """Status and output from a folder, with paths as from the root, and without times and widths of columns."""
    done = typed(folder, command, *(argument.replace("@", up) for argument in arguments))
    assert done.returncode in (0, 1), done.stderr
    text = re.sub(r'"seconds": [\d.e-]+|\d[\d.]* s\b', "", done.stdout.replace(up, "") if up else done.stdout)
    return done.returncode, re.sub(" +", " ", text)


@pytest.fixture(scope="module")
def project(cold, tmp_path_factory):
    folder = tmp_path_factory.mktemp("subfolder") / "project"
    shutil.copytree(cold, folder, ignore=shutil.ignore_patterns("work"))
    (folder / "study.toml").write_text(STUDY)
    (folder / "loaders.py").write_text(LOADER)
    (folder / "a/b").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("command", all_but(COMMANDS.keys() - SLOW, COMMANDS))
def test_a_command_gives_the_same_from_a_folder_below(project, command):
    below = project / "a/b"
    if command in ("explain", "sensitivity", "study"):
        said(project, "", command, COMMANDS[command])  # afterwards, everything is found in the store
    at_root, there = (said(f, up, command, COMMANDS[command]) for f, up in ((project, ""), (below, "../../")))
    assert there == at_root and there[1].strip()
    assert list(below.iterdir()) == []


def test_a_path_that_is_typed_is_from_there(project):
    below = project / "a/b"
    done = edgekit(below, "build", "--target=phone", "--out=mine")
    assert done.returncode == 0 and "(mine/phone/digits)" in done.stdout and "check --out=mine" in done.stdout
    assert (below / "mine/phone/digits/model.tflite").read_bytes() == (project / BUILDS / "model.tflite").read_bytes()
    assert typed(below, "clean", "--out=mine").returncode == 0 and list(below.iterdir()) == []
    assert typed(below, "build", "--target=phone", "--data=assets/digits.npz").returncode == 2


@pytest.mark.slow
def test_modules_of_the_project_and_the_files_that_they_open_are_found(project):
    options = ("--target=phone", "--data=loaders:digits", "--set=recipe.prune=false", "--out=trial", "--json")
    reports = []
    for folder in (project, project / "a/b"):
        done = edgekit(folder, "build", *options)
        assert done.returncode in (0, 1), done.stderr
        reports.append(json.loads(done.stdout))
    assert reports[0]["artifacts"] == reports[1]["artifacts"]
    assert {row["status"] for row in reports[1]["stages"]} == {"cached"}


@pytest.mark.slow
def test_a_module_of_the_folder_where_the_user_stands_is_found_too(project):
    below = project / "a"
    (below / "nearby.py").write_text(LOADER)
    done = edgekit(below, "build", "--target=phone", "--data=nearby:digits", "--set=recipe.prune=false", "--out=trial")
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.slow
def test_paths_in_a_profile_are_from_the_project(project):
    teacher = ("--set=recipe.prune=false", "--set=recipe.distil.teacher=assets/digits.keras")
    options = ("--target=phone", *teacher, "--set=recipe.distil.epochs=1", "--data=loaders:digits", "--out=trial")
    assert edgekit(project / "a/b", "build", *options).returncode in (0, 1)
    done = typed(project / "a/b", "build", "--target=phone", "--set=recipe.distil.teacher=../../assets/digits.keras")
    assert done.returncode == 2 and "no such model file" in done.stderr
