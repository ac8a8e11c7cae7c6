"""A process that reads a stranger's file reaches nothing: tried by what such a file could do, not by looking at it."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import confine_probe as probe
import numpy as np
import pytest

from edgekit import errors
from edgekit.engine import worker
from edgekit.engine.confine import holds, total_memory
from edgekit.engine.worker import Worker, call_confined

PRIVILEGED = ["trace a process", "write into a process", "mount", "a namespace", "another root", "io_uring"]
"""Attempts that the kernel may refuse any process."""

pytestmark = pytest.mark.skipif(len(holds()) < 2, reason=f"this kernel offers only {holds()}")


@pytest.fixture
def outside(tmp_path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/there").write_text("there")
    return tmp_path / "outside"


@pytest.fixture
def world(tmp_path, outside):
    """Arguments of `attempts`: a folder, a port, a socket and a process that are none of the worker's business."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s"))
        unix.listen()
        victim = subprocess.Popen(["sleep", "100"])
        yield lambda scratch: (str(outside), str(scratch), server.getsockname()[1], str(tmp_path / "s"), victim.pid)
        assert victim.poll() is None or victim.returncode == -9
        victim.kill()
        victim.wait()


def test_a_confined_worker_reaches_nothing(world, outside):
    with Worker(writes=()) as process:
        found = process.call(probe.attempts, *world(process.scratch), [], returns=dict[str, str])
    assert [name for name, refused in found.items() if not refused] == []
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"there": "there"}


def test_the_same_attempts_succeed_where_nothing_confines(world, tmp_path):
    (tmp_path / "scratch").mkdir()
    found = worker.call(probe.attempts, *world(tmp_path / "scratch"), PRIVILEGED, returns=dict[str, str])
    assert {name for name, refused in found.items() if refused} <= {"link out", "move in"}  # of what was moved before


def test_mode_and_time_of_other_files_stay(outside):
    before = (outside / "there").stat()
    call_confined(probe.without_effect, str(outside), returns=type(None))
    after = (outside / "there").stat()
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)


def test_what_a_stage_needs_is_left(tmp_path):
    place, *statuses = call_confined(probe.allowed, str(tmp_path), returns=list[str], writes=[tmp_path])
    assert statuses == ["0", "0"] and not Path(place).is_relative_to(tmp_path) and not Path(place).parent.exists()


def test_a_worker_inside_a_confined_one_is_confined_too(outside):
    with Worker(writes=()) as process, pytest.raises(errors.WorkerError, match="PermissionError"):
        process.call("confine_probe_nested:write_from_inner", str(outside / "new"), returns=None)
    assert not (outside / "new").exists()


def test_memory_has_a_limit():
    with pytest.raises(errors.WorkerError, match="not enough memory"):
        call_confined(probe.take, 2 * total_memory() >> 20, returns=int)


@pytest.mark.parametrize("body", [probe.spin, probe.spin_in_a_child])
def test_processor_time_has_a_limit(body):
    start = time.monotonic()
    with pytest.raises(errors.WorkerError):
        call_confined(body, returns=None, processor=1.0)
    assert time.monotonic() - start < 30


def test_the_limit_of_one_call_is_not_that_of_the_next():
    with Worker(writes=()) as process:
        process.call(probe.use_processor, 0.1, returns=type(None), processor=1.0)
        process.call(probe.use_processor, 1.2, returns=type(None), processor=2.0)
        process.call(probe.use_processor, 1.2, returns=type(None))


HOSTILE = """
import os, socket, sys
import tf_keras

def hostile(x, outside={outside!r}, port={port}):
    import os, socket, subprocess
    for attempt in (
        lambda: open(outside + "/code-ran-and-wrote", "w"),
        lambda: os.system("touch " + outside + "/a-child-wrote"),
        lambda: open(os.path.expanduser("~/.edgekit-hostile"), "w"),
        lambda: socket.create_connection(("127.0.0.1", port), 2),
    ):
        try:
            attempt()
        except Exception as problem:
            print("REFUSED", repr(problem))
    return x

inputs = tf_keras.Input((28, 28, 1))
outputs = tf_keras.layers.Dense(10, activation="softmax")(tf_keras.layers.Flatten()(inputs))
outputs = tf_keras.layers.Lambda(hostile)(outputs)
tf_keras.Model(inputs, outputs).save(sys.argv[1])
"""


@pytest.mark.slow
def test_a_model_whose_code_runs_writes_nothing_and_connects_nowhere(tmp_path, outside):
    """The scan of model files is told to let it pass: `--trust-model`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        program = textwrap.dedent(HOSTILE.format(outside=str(outside), port=server.getsockname()[1]))
        variables = {name: value for name, value in os.environ.items() if name != "EDGEKIT_STORE"}
        variables |= {"TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        made = subprocess.run([sys.executable, "-c", program, str(tmp_path / "m.h5")], env=variables)
        assert made.returncode == 0
        while _connected(server):
            pass
        for left in outside.iterdir():  # making the model ran it, too
            left.unlink()
        Path("~/.edgekit-hostile").expanduser().unlink(missing_ok=True)
        edgekit = str(Path(sys.executable).with_name("edgekit"))
        np.savez(tmp_path / "other.npz", x=np.zeros((10, 3)))  # ends the build after the model was loaded
        build = ["build", "--model=m.h5", "--data=other.npz", "--target=phone"]
        for command, status in (["inspect", "m.h5"], 0), (build, 2):
            done = subprocess.run(
                [edgekit, *command, "--trust-model"],
                cwd=tmp_path,
                env=variables,
                capture_output=True,
                text=True,
            )
            assert done.returncode == status, done.stderr
            assert list(outside.iterdir()) == [] and not Path("~/.edgekit-hostile").expanduser().exists()
            assert not _connected(server)
    logs = "".join(file.read_text() for file in (tmp_path / ".edgekit/log").iterdir())
    assert logs.count("REFUSED") >= 3, "the code of the model did not run"


def _connected(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True
