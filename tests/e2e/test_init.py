"""`edgekit init`: what it asks, what it refuses, and that it changes nothing that is there."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import ENVIRONMENT, ROOT, contents, edgekit, typed

from edgekit.config import tomllib

GIVEN = ("--model=digits.keras", "--data=digits.npz", "--target=phone")
WRITTEN = (
    "pyproject.toml",
    "targets/phone.toml",
    "tasks.py",
    ".github/workflows/edgekit.yml",
    ".gitlab-ci.yml",
    ".gitignore",
)


@pytest.fixture
def folder(tmp_path):
    """A model and few of its samples, 0 … 255, as they are stored."""
    (tmp_path / "digits.keras").write_bytes((ROOT / "assets/digits.keras").read_bytes())
    with np.load(ROOT / "assets/digits.npz") as data:
        np.savez(tmp_path / "digits.npz", **{name: data[name][:300] for name in data.files})
    return tmp_path


def refused(folder, *words, arguments=GIVEN, where=None):
    """The command ends with one line that has these words, and the folder is as before."""
    before = contents(folder)
    done = typed(where or folder, "init", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
    assert done.stderr.startswith("edgekit: ") and done.stderr.count("\n") == 1
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert contents(folder) == before


def test_without_a_terminal_it_says_what_is_missing_and_what_there_is(folder):
    line = f"write edgekit init {' '.join(GIVEN[:2])} --target="
    refused(folder, "no --model=FILE and no --data=PATH and no --target=NAME", line, arguments=[])
    refused(folder, "no --target=NAME; write", line, arguments=GIVEN[:2])
    refused(folder, "model and data look swapped", arguments=("--model=digits.npz", "--data=digits.keras", GIVEN[2]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--model=digit.keras", ["--model=digit.keras", "no such file"]),
        ("--data=digits.zip", ["--data=digits.zip", "no such file"]),
        ("--target=fone", ["--target=fone", 'did you mean "phone"?']),
        ("--metric=mea", ["--metric=mea", "mae, mse"]),
        ("--skip=task.py", ["--skip=task.py", 'did you mean "tasks.py"?']),
    ],
)
def test_what_is_not_there_is_named(folder, wrong, words):
    option = wrong.partition("=")[0]
    refused(folder, *words, arguments=(*(said for said in GIVEN if not said.startswith(option)), wrong))


def test_a_folder_that_is_a_project_is_left_alone(folder):
    (folder / "pyproject.toml").write_text("[tool.edgekit.models.net]\nmodel = 'net.keras'\ndata = 'random'\n")
    refused(folder, "pyproject.toml", "has [tool.edgekit]", "nothing was written", "takes --model=net, a name")
    refused(folder, "has [tool.edgekit]", "leave --data out", arguments=GIVEN[1:])
    refused(folder, "--target=wach", 'did you mean "watch"?', arguments=["--target=wach"])
    refused(folder, "no --target=NAME", arguments=[])
    with (folder / "pyproject.toml").open("a") as file:
        file.write("[tool.edgekit.models.other]\nmodel = 'net.keras'\ndata = 'random'\n")
    refused(folder, "several models", "net, other", "--model=NAME", arguments=["--target=watch"])


@pytest.mark.parametrize("name", WRITTEN[2:5])
def test_a_file_that_is_there_is_named_with_the_way_on(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("mine\n")
    refused(folder, name, "nothing was written", f"--skip={name}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.edgekit\n", ["pyproject.toml", "not valid TOML"]),
        ("tool = { black = {} }\n", ["pyproject.toml", "not valid TOML"]),
    ],
)
def test_a_pyproject_that_takes_no_more_tables_is_left_alone(folder, text, words):
    (folder / "pyproject.toml").write_text(text)
    refused(folder, *words)


def test_a_function_belongs_to_the_folder_that_becomes_the_project(folder):
    (folder / "shop").mkdir()
    given = ("shop", "--model=nets:build", "--data=digits.npz", "--target=phone")
    refused(folder, "nets:build", "cd shop", arguments=given)


def test_a_model_that_is_none_leaves_nothing(folder):
    (folder / "digits.keras").write_bytes(b"PK\x03\x04 no model")
    done = typed(folder, "init", *GIVEN)
    assert done.returncode == 2 and "digits.keras" in done.stderr.splitlines()[-1]
    assert {path.name for path in folder.iterdir()} <= {"digits.keras", "digits.npz", ".edgekit"}


class Terminal:
    """A command with a terminal of its own, and somebody who types."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.end, theirs = pty.openpty()
        command = [sys.executable, "-m", "edgekit", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        os.close(theirs)
        self.shown = ""

    def read(self, until: str) -> str:
        """What appears up to some words; fails after two minutes, or at the end of the command."""
        end, start = time.monotonic() + 120, len(self.shown)
        while until not in self.shown[start:]:
            assert time.monotonic() < end, self.shown
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.end, 65536).decode()
                except OSError:
                    break
        assert until in self.shown[start:], self.shown
        return self.shown[start:]

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def interrupt(self) -> int:
        """Ctrl-C, as often as it takes: `input` waits through one that comes right before it begins to."""
        while True:
            self.process.send_signal(signal.SIGINT)
            try:
                return self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue

    def close(self) -> int:
        os.close(self.end)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def terminal(folder):
    opened = Terminal(folder, "init")
    yield opened
    opened.close()


def test_it_asks_with_what_there_is_and_ctrl_c_leaves_nothing(folder, terminal):
    before = contents(folder)
    assert "1  digits.keras" in terminal.read("> ")
    terminal.type("nothing.keras\n")
    assert "no such file" in terminal.read("> ")
    terminal.type("\n")
    assert "1  digits.npz" in terminal.read("> ") and "2  random" in terminal.shown
    terminal.type("1\n")
    assert "phone" in terminal.read("> ") and "Android" in terminal.shown
    terminal.type("\n")
    assert "type a number or a name" in terminal.read("> ")
    terminal.type("phon\n")
    assert 'did you mean "phone"' in terminal.read("> ")
    assert terminal.interrupt() == 130 and contents(folder) == before
    assert "edgekit: interrupted" in terminal.read("interrupted")


@pytest.fixture(scope="module")
def project(once):
    """A folder with files of its own, after init in it from the folder around. Not to be changed."""

    def fill(folder):
        inner = folder / "my shop"
        inner.mkdir()
        (inner / "digits.keras").write_bytes((ROOT / "assets/digits.keras").read_bytes())
        with np.load(ROOT / "assets/digits.npz") as data:
            np.savez(inner / "digits.npz", **{name: data[name][:300] for name in data.files})
        (inner / "pyproject.toml").write_bytes(b'[project]\r\nname = "shop"  # ours')
        (inner / ".gitignore").write_text("*.pyc\nbuild")
        (inner / ".gitlab-ci.yml").write_text("test:\n  script: [pytest]\n")
        given = ("--model=my shop/digits.keras", "--data=my shop/digits.npz", "--target=phone")
        done = edgekit(folder, "init", "my shop", *given, "--skip=.gitlab-ci.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "stdout").write_text(done.stdout)

    return once("initialised", fill) / "my shop"


def test_what_was_there_is_still_there(project):
    assert (
        (project / "pyproject.toml")
        .read_bytes()
        .startswith(b'[project]\r\nname = "shop"  # ours\r\n\r\n[tool.edgekit.')
    )
    assert b"\n" not in (project / "pyproject.toml").read_bytes().replace(b"\r\n", b"")
    assert (project / ".gitignore").read_text() == "*.pyc\nbuild\n.edgekit/\n"
    assert (project / ".gitlab-ci.yml").read_text() == "test:\n  script: [pytest]\n"


def test_paths_are_relative_to_the_project(project):
    table = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["edgekit"]["models"]["digits"]
    assert (table["model"], table["data"]) == ("digits.keras", "digits.npz")
    assert not [
        name for name, content in contents(project).items() if str(project).encode() in content and "/" not in name
    ]


def test_the_scale_of_the_samples_is_found(project):
    table = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["edgekit"]["models"]["digits"]
    assert table["preprocessing"] == {"scale": 1 / 255}
    assert "samples are scaled from 0 … 255 to 0 … 1" in (project.parent / "stdout").read_text()


def test_the_last_lines_say_what_to_type(project):
    *_, written, then = (project.parent / "stdout").read_text().splitlines()
    assert written.startswith("written: pyproject.toml, targets/phone.toml, ") and ".gitlab-ci.yml" not in written
    assert then == "next: cd 'my shop' && edgekit build --target=phone"


def test_running_it_twice_says_so(project):
    refused(project, "has [tool.edgekit]", arguments=GIVEN)
    refused(project, "targets/phone.toml", "there already", "edgekit build --target=phone", arguments=GIVEN[2:])


@pytest.mark.slow
def test_a_project_gets_a_target_for_a_further_device_and_nothing_else(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    before = contents(tmp_path / "copy")
    done = typed(tmp_path / "copy", "init", "--target=android-old")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "written: targets/android-old.toml",
        "next: edgekit build --target=android-old",
    ]
    after = contents(tmp_path / "copy")
    assert {name for name in after if after[name] != before.get(name) and not name.startswith(".edgekit")} == {
        "targets/android-old.toml"
    }
    profile = tomllib.loads((tmp_path / "copy/targets/android-old.toml").read_text())
    assert profile["extends"] == "android-old" and {"model_size", "accuracy"} <= profile["budget"].keys()
