"""What happens to processes: two builds at once, Ctrl-C, a build that is killed."""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from command_line import ENVIRONMENT, edgekit, rebuilt, statuses, verbose_build

from edgekit.files import sha256

OUT = Path("build/phone/digits")
BUILD = [sys.executable, "-m", "edgekit", "build", "--target=phone", "--verbose"]


@pytest.fixture
def start():
    """`start(folder, …)` begins the phone's build in a process; what still runs at the end of the test is ended."""
    running = []

    def begin(folder, **options):
        process = subprocess.Popen(
            BUILD,
            cwd=folder,
            env=ENVIRONMENT | {"TERM": "xterm-256color"},
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def two_at_once(once, cold):
    """A project in which two builds ran at the same time, with one store and one output folder."""

    def fill(folder: Path) -> None:
        shutil.copytree(cold, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".edgekit", "build", "stdout"))
        both = [
            subprocess.Popen(
                BUILD, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        for number, process in enumerate(both):
            printed, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            (folder / f"stdout{number}").write_text(printed)

    return once("two_at_once", fill)


def test_two_builds_at_once_make_each_step_once(two_at_once):
    said = [rebuilt((two_at_once / f"stdout{n}").read_text()) for n in range(2)]
    assert set(said[0]) & set(said[1]) == set()
    assert {"load", "prune", "quantize"} <= set(said[0]) | set(said[1])


def test_two_builds_at_once_leave_outputs_that_pass_the_gate(two_at_once):
    done = edgekit(two_at_once, "check", "--target=phone")
    assert done.returncode == 0, done.stdout


def test_the_same_inputs_give_the_same_bytes_in_another_store_and_other_processes(cold, two_at_once):
    assert (two_at_once / OUT / "model.tflite").read_bytes() == (cold / OUT / "model.tflite").read_bytes()


def test_ctrl_c_leaves_no_broken_state_and_the_next_build_goes_on(fresh, start):
    terminal, end = pty.openpty()
    build = start(fresh, stderr=end)
    os.close(end)
    assert b"prune" in _read_until(terminal, b"epoch 1/2")
    assert b"prune" in _read_until(terminal, b" left")  # the bar, with the time that is left
    workers = psutil.Process(build.pid).children(recursive=True)
    assert workers
    build.send_signal(signal.SIGINT)
    printed, _ = build.communicate(timeout=20)
    assert build.returncode == 130
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []
    assert set(statuses(printed)) == {"load", "data", "score original", "reference", "rehearse"}
    assert not (fresh / "build").exists()
    _assert_whole(fresh / ".edgekit")
    assert not list((fresh / ".edgekit/work").iterdir())
    with contextlib.suppress(OSError):
        shown = _read_until(terminal, b"nothing else comes")
    assert b"interrupted" in shown and b"Traceback" not in shown

    again = verbose_build(fresh, "--target=phone")
    assert again.returncode == 0
    said = statuses(again.stdout)
    assert {said.pop(name) for name in ("load", "data", "score original", "reference", "rehearse")} == {"cached"}
    assert set(said.values()) == {"built"}


def test_a_build_that_is_killed_leaves_no_worker_and_no_lock(fresh, start):
    build = start(fresh)
    workers: list[psutil.Process] = []
    deadline = time.monotonic() + 20
    while not workers and time.monotonic() < deadline:
        workers = psutil.Process(build.pid).children(recursive=True)
        time.sleep(0.05)
    assert workers
    time.sleep(0.5)  # well into TensorFlow's import
    build.kill()
    build.wait()
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert alive == []
    _assert_whole(fresh / ".edgekit")
    done = edgekit(fresh, "build", "--target=phone", "--data=nothing.npz")  # does not wait for who is gone
    assert "nothing.npz" in done.stderr


def _read_until(terminal: int, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # the other end is closed
            return seen
        if not chunk:
            return seen
        seen += chunk
    return seen


def _assert_whole(store: Path) -> None:
    """Every file of a store is what its name says, and none is half-written."""
    for file in (store / "files").rglob("*"):
        if file.is_file():
            assert sha256(file) == file.name
    assert not list(store.rglob("*.part"))
