"""The path of somebody who has a Keras file and an .npz: from init to a release, without an editor.

It is that of docs/tutorials/first-build.md, which is carried out in every run, here for other devices too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import ENVIRONMENT, edgekit, rebuilt, run

pytestmark = pytest.mark.slow

MAKER = Path(__file__).with_name("make_gestures.py")
MOST_COMMANDS = 11
OF_PAGES = {"anatomy", "differences", "bill"}
"""Stages that describe a build to a reader, after all is measured."""


def train(folder, seed):
    done = run([sys.executable, str(MAKER), str(folder), str(seed)], folder)
    assert done.returncode == 0, done.stderr


class Stranger:
    """Somebody who types what the product says."""

    def __init__(self, folder):
        self.folder, self.typed = folder, []

    def types(self, *arguments, status=0):
        self.typed.append(arguments)
        done = edgekit(self.folder, *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=["phone", "microcontroller"])
def walked(request, once):
    """The folder at the end of the path, and what was printed on it. Not to be changed."""
    device = request.param

    def fill(folder):
        train(folder, 1)
        stranger = Stranger(folder)
        given = ("--model=gesture.keras", "--data=gestures.npz", f"--target={device}")
        said = {"init": stranger.types("init", *given)}
        next_line = said["init"].splitlines()[-1]
        assert next_line == f"next: edgekit build --target={device}"
        said["build"] = stranger.types(*next_line.removeprefix("next: edgekit ").split(), "--verbose")
        said["check"] = stranger.types("check")
        stranger.types("baseline", "save", "v1")
        train(folder, 2)
        said["again"] = stranger.types("build", f"--target={device}", "--baseline=v1")
        said["compare"] = stranger.types("compare", "v1", f"build/{device}/gesture")
        stranger.types("check")
        stranger.types("release", "--out=release.zip")
        said["verify"] = stranger.types("release", "--out=release.zip", "--verify")
        assert len(stranger.typed) <= MOST_COMMANDS
        (folder / "said.json").write_text(json.dumps(said))

    return device, once(f"first hour {device}", fill)


def said(walked):
    return json.loads((walked[1] / "said.json").read_text())


def test_the_first_build_finds_what_init_made(walked):
    assert set(rebuilt(said(walked)["build"])) <= OF_PAGES


def test_all_proposed_limits_hold(walked):
    device, folder = walked
    report = json.loads((folder / f"build/{device}/gesture/report.json").read_bytes())
    lines = {line["name"]: line["verdict"] for line in report["budget"]}
    assert report["verdict"] == "pass" and set(lines.values()) == {"pass"}, lines
    assert {"model_size", "download_size", "macs", "accuracy", "accuracy_drop", "churn"} <= {*lines}
    of_device = {"arena", "flash", "ram", "instructions", "latency"}
    assert of_device <= {*lines} if device == "microcontroller" else not of_device & {*lines}


def test_a_microcontroller_gets_c(walked):
    device, folder = walked
    assert (folder / f"build/{device}/gesture/c/gesture.c").is_file() == (device == "microcontroller")


def test_another_training_is_compared_with_the_release(walked):
    printed = said(walked)["compare"]
    assert "baseline v1/" in printed.splitlines()[0] and "gesture.keras changed" in printed


@pytest.fixture(scope="module")
def clone(walked, tmp_path_factory):
    """A fresh clone of the project, as a CI job has it."""
    device, folder = walked
    place = tmp_path_factory.mktemp("clone") / "project"
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    origin = shutil.copytree(folder, place.with_name("origin"), ignore=shutil.ignore_patterns("said.json", "*.zip"))
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "start"]):
        assert run(["git", *command], origin).returncode == 0
    assert run(["git", "clone", "-q", str(origin), str(place)], place.parent).returncode == 0
    return device, place


def scripts(folder):
    """The commands of both pipelines."""
    github = yaml.safe_load((folder / ".github/workflows/edgekit.yml").read_text())
    gitlab = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())
    return [step["run"] for step in github["jobs"]["build"]["steps"] if "run" in step], gitlab["edgekit"]["script"]


def test_the_pipelines_build_and_check_a_fresh_clone(clone, tmp_path):
    _, folder = clone
    assert not (folder / "build").exists() and not (folder / ".edgekit").exists()
    command = tmp_path / "edgekit"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edgekit "$@"\n')
    command.chmod(0o755)
    environment = ENVIRONMENT | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    github, gitlab = scripts(folder)
    wanted = [line for line in github if line.startswith("edgekit ")]
    assert [line for line in gitlab if line.startswith("edgekit ")] == wanted and len(wanted) == 2
    for line in wanted:
        done = subprocess.run(["bash", "-e", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert list(folder.glob("build/*/*/junit.xml"))


def test_invoke_does_the_same(walked):
    device, folder = walked
    done = run([sys.executable, "-m", "invoke", "check"], folder)
    assert (done.returncode, done.stdout) == (0, f"{device}: gesture: pass\n"), done.stderr
