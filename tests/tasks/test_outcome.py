"""What a command says and with which status it ends, whatever goes wrong: one line, no traceback."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgekit.errors import OutputError
from edgekit.files import write, write_all

EDGEKIT = str(Path(sys.executable).with_name("edgekit"))
BUGGY = """
import sys
import edgekit.profile.profiles
from edgekit.__main__ import main

def load_targets(*arguments):
    raise {error}

edgekit.profile.profiles.load_targets = load_targets
sys.argv = ["edgekit", "targets"]
main()
"""


def shell(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        ("KeyError('x')", 2, "unexpected KeyError"),
        ("ValueError('two\\nlines')", 2, "unexpected ValueError"),
        ("RecursionError", 2, "unexpected RecursionError"),
        ("AssertionError", 2, "unexpected AssertionError"),
        ("MemoryError", 2, "not enough memory"),
        ("OSError(28, 'No space left on device', 'f')", 2, "f: No space left on device"),
        ("OSError(28, 'No space left on device')", 2, "No space left on device"),
        ("PermissionError(13, 'Permission denied', b'\\xff')", 2, "Permission denied"),
        ("__import__('sqlite3').OperationalError('database or disk is full')", 2, "database or disk is full"),
        ("UnicodeEncodeError('utf-8', 'a\\udcff', 1, 2, 'surrogates not allowed')", 2, "not UTF-8"),
        ("__import__('edgekit.errors').errors.SetupError('install it')", 3, "install it"),
        ("__import__('edgekit.errors').errors.ModelError('a\\x1b[2J\\nb\\u202ec')", 2, "a?[2J b?c"),
        ("KeyboardInterrupt", 130, "interrupted"),
    ],
)
def test_whatever_is_raised_ends_in_a_line(tmp_path, error, status, says):
    done = subprocess.run(
        [sys.executable, "-c", BUGGY.format(error=error)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (status, 1, "")
    assert done.stderr.startswith("edgekit: ") and says in done.stderr
    logs = list(tmp_path.glob("edgekit-*.log"))
    assert bool(logs) == ("unexpected" in says)
    for log in logs:
        assert str(log) in done.stderr and "load_targets" in log.read_text()


STREAMS = {
    "{} >&-": "standard output is closed",
    "{} >/dev/full": "No space left on device",
    "{} | true": "standard output was closed",
    "{} 2>&-": "",
    "{} <&-": "",
    "{} >&- 2>&-": None,
    "{} >/dev/full 2>&1": None,
    "{} <&- >&- 2>&-": None,
}
"""How a command is started, and what it says: "" where it works, None where nobody hears it."""


@pytest.mark.parametrize("task", ["targets", "--list", "build --help"])
@pytest.mark.parametrize("form", STREAMS)
def test_streams_that_are_closed_or_full(tmp_path, form, task):
    says = STREAMS[form]
    # More than a pipe holds, so that whoever does not read it is noticed.
    done = shell(form.format(f"{EDGEKIT} {task}").replace("| true", "| (exec <&-; sleep 1)"), tmp_path)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if says == "":
        assert done.returncode == 0 and done.stdout
    else:
        assert done.returncode == 2
        if says:
            assert says in done.stderr and len(done.stderr.splitlines()) == 1


WAITING = """
import sys, time
import edgekit.profile.profiles
import worker_probe
from edgekit.engine.worker import Worker
from edgekit.__main__ import main

def load_targets(*arguments):
    with Worker() as process:
        print(process.call(worker_probe.process, returns=int), flush=True)
        process.call(worker_probe.hang, returns=None)

edgekit.profile.profiles.load_targets = load_targets
sys.argv = ["edgekit", "targets"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_command_and_its_workers(number):
    import psutil

    variables = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert command.stdout
    worker = int(command.stdout.readline())
    command.send_signal(number)
    _, said = command.communicate(timeout=30)
    assert command.returncode == 128 + number and len(said.splitlines()) == 1 and said.startswith("edgekit: ")
    deadline = time.monotonic() + 10
    while psutil.pid_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 128 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_set_of_files_is_written_whole_or_not_at_all(small_disk):
    write(small_disk / "a", b"old")
    with pytest.raises(OutputError, match=r"small/c: cannot be written \(No space left"):
        write_all({small_disk / name: name.encode() * 50_000 for name in "abc"})
    assert {p.name: p.read_bytes() for p in small_disk.iterdir()} == {"a": b"old"}
    (small_disk / "b").mkdir()
    with pytest.raises(OutputError, match="small/b: cannot be written"):
        write_all({small_disk / name: b"new" for name in "ab"})
    assert (small_disk / "a").read_bytes() == b"old" and sorted(p.name for p in small_disk.iterdir()) == ["a", "b"]


def test_carray_on_a_full_disk_leaves_nothing(small_disk, tmp_path, shared):
    model = shared / "models/tflite/wake_word_int8.tflite"
    done = subprocess.run(
        [EDGEKIT, "carray", str(model), f"--out={small_disk / 'c'}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and "No space left" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not [file for file in small_disk.rglob("*") if file.is_file()]


def test_a_store_on_a_full_disk(small_disk, tmp_path):
    for name in ("digits.keras", "digits.npz"):
        shutil.copy(Path(__file__).parents[2] / "assets" / name, tmp_path)
    build = [EDGEKIT, "build", "--model=digits.keras", "--data=digits.npz", "--target=phone"]
    variables = os.environ | {"EDGEKIT_STORE": str(small_disk / "store")}
    done = subprocess.run(build, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "o space left" in done.stderr and not (tmp_path / "build").exists()


def test_names_that_are_no_utf_8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    Path(os.fsdecode(folder)).mkdir()
    for name in ("targets", "doctor --help", "inspect m.keras"):
        done = subprocess.run([EDGEKIT, *name.split()], cwd=folder, capture_output=True, timeout=60)
        assert b"Traceback" not in done.stderr and done.returncode == (2 if "inspect" in name else 0)
