"""What workers are asked to do in tests: to answer, to fail, to crash, to hang."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from msgspec import Struct

from edgekit.engine.libraries import EIGEN, OWN, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import DataError, EdgekitError, RecipeError, SetupError
from edgekit.types import Artifact

KINDS = {kind.__name__: kind for kind in (DataError, EdgekitError, RecipeError, SetupError)}


def process() -> int:
    return os.getpid()


def larger(artifact: Artifact, factor: int = 2) -> Artifact:
    return Artifact(artifact.kind, artifact.path, factor * artifact.bytes, artifact.sha256)


def fail(kind: str, text: str) -> None:
    raise KINDS[kind](text)


def stumble() -> None:
    raise KeyError("no\nsuch\nthing")


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


def abort() -> None:
    os.abort()


def read_nowhere() -> None:
    ctypes.string_at(0)


def leave(status: int) -> None:
    os._exit(status)


def quit_python() -> None:
    sys.exit(3)


def hang() -> None:
    time.sleep(600)


def hang_in_c() -> None:
    ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock


def count(steps: int, progress) -> int:
    for step in range(steps):
        progress(f"step {step + 1}", (step + 1) / steps)
    return steps


def chatter(text: str) -> str:
    print(text)
    print(text, file=sys.stderr)
    os.write(1, b"from C++\n")
    subprocess.run(["echo", "from a child"])
    return "said"


def interrupt_parent() -> None:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(600)


def imported() -> list[str]:
    return sorted(sys.modules)


def environment(name: str) -> str:
    return os.environ.get(name, "")


def large(size: int) -> str:
    return "x" * size


@stage("train", OWN, retry=EIGEN)
def die_once(work: Work, place: str, number: int) -> str:
    """Dies of a signal where no process has done so before."""
    if not Path(place).exists():
        Path(place).touch()
        os.kill(os.getpid(), number)
    return "alive"


class Found(Struct):
    value: int
    passing: list[str] = []


@stage("fault", OWN)
def fault_once(work: Work, place: str) -> Found:
    """Holds a passing fault where no call has done so before."""
    (work.folder / "file").write_text("x")
    if Path(place).exists():
        return Found(1)
    Path(place).touch()
    return Found(0, ["the process died with SIGKILL"])


@stage("train", TENSORFLOW, retry=EIGEN)
def die_with_onednn(work: Work) -> str:
    """Dies as TensorFlow does on some processors, unless oneDNN is switched off."""
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0":
        os.kill(os.getpid(), signal.SIGSEGV)
    return "alive"


def litter() -> str:
    """Leaves a file where temporary files go, as TensorFlow does; says where."""
    import tempfile

    handle, name = tempfile.mkstemp(suffix=".py")
    os.close(handle)
    return name
