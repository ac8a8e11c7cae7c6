"""Builds that are killed, crowded, starved of disk and cut off, and what they leave behind.

python benchmarks/chaos.py [--seconds=1800] [--seed=0] [NAME …]      NAME: scenarios, all by default

After each blow the same must hold: no process of the build is left, every file in the store is what its name says,
nobody has seen a traceback, `check` has an answer, and the next build ends well with the very bytes of an undisturbed
one. Whatever breaks one of these is printed as a finding, with the seed that repeats it, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from commands import ROOT

from edgekit.files import sha256
from edgekit.report.markdown import table

EDGEKIT = [sys.executable, "-P", "-m", "edgekit"] if sys.version_info >= (3, 11) else [sys.executable, "-m", "edgekit"]
BUILD = ("build", "--target=phone")
OUT = Path("build/phone/digits")
STATUSES = {0, 1, 2, 3, 128 + signal.SIGHUP, 128 + signal.SIGINT, 128 + signal.SIGTERM}
"""How a command may end that nobody killed with SIGKILL."""
CLEAN = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"}
MARK = "EDGEKIT_CHAOS"
"""An environment variable by which all processes of one command are found, whoever started them."""
LINES = 4
"""The most that standard error may hold when a command could not do its work."""


class Finding(Exception):
    """Something that must not happen, in words."""


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    printed: str
    errors: str


def new_project(folder: Path) -> Path:
    """A project in which nothing was built."""
    folder.mkdir(exist_ok=True)
    for name in ("assets", "targets"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


class Lab:
    """A project in which builds are disturbed.

    Args:
      folder: empty; gets the project.
      undisturbed: a project in which the phone's build ran once.
      cold_seconds: what that took.
    """

    def __init__(self, folder: Path, undisturbed: Path, cold_seconds: float) -> None:
        self.rng = random.Random()
        self.undisturbed, self.project, self.cold_seconds = undisturbed, new_project(folder), cold_seconds
        self.sha256 = sha256(undisturbed / OUT / "model.tflite")

    def start(self, *arguments: str, folder: Path | None = None, mark: str = "", **options: object) -> subprocess.Popen:
        """Begins a command."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        environment = CLEAN | {MARK: mark or str(time.time_ns())} | streams.pop("env", {})
        return subprocess.Popen(
            [*EDGEKIT, *arguments], cwd=folder or self.project, env=environment, text=True, **streams
        )

    def run(self, *arguments: str, folder: Path | None = None, **options: object) -> Ended:
        """A command from its start to its end."""
        process = self.start(*arguments, folder=folder, **options)
        printed, errors = process.communicate(timeout=600)
        return Ended(process.returncode, printed or "", errors or "")

    def empty(self) -> None:
        """As if nothing had been built."""
        for name in (".edgekit", "build"):
            shutil.rmtree(self.project / name, ignore_errors=True)

    def full(self) -> None:
        """As after an undisturbed build."""
        self.empty()
        for name in (".edgekit", "build"):
            shutil.copytree(self.undisturbed / name, self.project / name)

    def recovers(self) -> None:
        """What must hold after every blow."""
        whole(self.project / ".edgekit")
        expect(self.run("check", "--target=phone"), {0, 1})
        expect(self.run(*BUILD), {0})
        if sha256(self.project / OUT / "model.tflite") != self.sha256:
            raise Finding("the next build made other bytes")
        expect(self.run("check", "--target=phone"), {0})

    def moment(self) -> float:
        """Seconds into a cold build."""
        return self.rng.uniform(0.05, self.cold_seconds)


def expect(ended: Ended, statuses: set[int]) -> None:
    """Raises a finding unless a command ended as it may, in words for people."""
    said = f"{ended.errors[-1500:]}\n{ended.printed[-500:]}"
    if "Traceback (most recent call last)" in ended.errors + ended.printed:
        raise Finding(f"a traceback:\n{said}")
    if ended.status not in statuses:
        raise Finding(f"ended with {ended.status}, not {sorted(statuses)}:\n{said}")
    if ended.status > 1 and len(ended.errors.strip().splitlines()) > LINES:
        raise Finding(f"more than {LINES} lines of error:\n{said}")


def whole(store: Path) -> None:
    """Raises a finding unless every file of a store is what its name says."""
    for file in (store / "files").rglob("*"):
        if file.is_file() and sha256(file) != file.name:
            raise Finding(f"{file.name[:12]}… in the store holds something else")


def marked(mark: str) -> list[psutil.Process]:
    """The processes of a command."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def gone(mark: str, seconds: float = 15.0) -> None:
    """Raises a finding if a process of a command is still there after a while."""
    deadline = time.monotonic() + seconds
    while left := marked(mark):
        if time.monotonic() > deadline:
            said = [" ".join(process.cmdline()[:6]) for process in left]
            for process in left:
                process.kill()
            raise Finding(f"{len(left)} processes were left: {said}")
        time.sleep(0.1)


def struck(lab: Lab, blow: signal.Signals, at: str) -> str:
    """A cold build gets a signal at some moment: the command, or one of its workers."""
    lab.empty()
    mark = str(time.time_ns())
    process = lab.start(*BUILD, mark=mark)
    moment = lab.moment()
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    victims = [p for p in marked(mark) if (p.pid == process.pid) == (at == "main")]
    if process.poll() is not None or not victims:
        process.communicate(timeout=600)
        return "nothing was there to strike"
    with suppress(psutil.Error):
        lab.rng.choice(victims).send_signal(blow)
    printed, errors = process.communicate(timeout=600)
    ended = Ended(process.returncode, printed, errors)
    # Before a command has begun, a signal ends it as it ends any process: without a word.
    silent = at == "main" and (blow == signal.SIGKILL or not printed + errors)
    expect(ended, STATUSES | {-blow} if silent else STATUSES)
    gone(mark)
    lab.recovers()
    return "finished" if ended.status in (0, 1) else "ended"


def kill_main(lab: Lab) -> str:
    """SIGKILL for the command."""
    return struck(lab, signal.SIGKILL, "main")


def kill_worker(lab: Lab) -> str:
    """SIGKILL for one of its workers, as the kernel does when memory is short."""
    return struck(lab, signal.SIGKILL, "worker")


def signal_main(lab: Lab) -> str:
    """SIGINT, SIGTERM or SIGHUP for the command."""
    return struck(lab, lab.rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]), "main")


def crash_worker(lab: Lab) -> str:
    """SIGSEGV or SIGABRT for one of its workers, as native libraries end."""
    return struck(lab, lab.rng.choice([signal.SIGSEGV, signal.SIGABRT]), "worker")


def crowd(lab: Lab) -> str:
    """Two to four builds at once, with one store and one output folder; every other time one of them is killed."""
    lab.empty()
    builds = [lab.start(*BUILD) for _ in range(lab.rng.randint(2, 4))]
    victim = lab.rng.choice(builds) if lab.rng.random() < 0.5 else None
    if victim:
        with suppress(subprocess.TimeoutExpired):
            victim.wait(lab.moment())
        victim.kill()
    for build in builds:
        printed, errors = build.communicate(timeout=900)
        expect(Ended(build.returncode, printed, errors), {0, -signal.SIGKILL} if build is victim else {0})
    lab.recovers()
    return f"{len(builds)} builds"


def damage(lab: Lab) -> str:
    """Files of the store and the output folder are cut, emptied, changed or deleted."""
    lab.full()
    files = [f for name in (".edgekit", "build") for f in (lab.project / name).rglob("*") if f.is_file()]
    for file in lab.rng.sample(files, min(len(files), lab.rng.choice([1, 3, 10, 1000]))):
        content = file.read_bytes()
        match lab.rng.choice(["cut", "empty", "change", "delete", "noise"]):
            case "cut":
                file.write_bytes(content[: lab.rng.randint(0, len(content))])
            case "empty":
                file.write_bytes(b"")
            case "change" if content:
                place = lab.rng.randrange(len(content))
                file.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
            case "noise":
                file.write_bytes(lab.rng.randbytes(lab.rng.randint(0, 4096)))
            case _:
                file.unlink()
    for command in (
        ["history"],
        ["baselines"],
        ["inspect", str(OUT / "model.tflite")],
        ["compare", str(OUT), str(OUT)],
    ):
        expect(lab.run(*command), {0, 1, 2})
    expect(lab.run("check", "--target=phone"), {0, 1, 2})
    expect(lab.run(*BUILD), {0})
    whole(lab.project / ".edgekit")
    if sha256(lab.project / OUT / "model.tflite") != lab.sha256:
        raise Finding("the next build made other bytes")
    expect(lab.run("check", "--target=phone"), {0})
    return "repaired"


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of some bytes, mounted at a folder.

    Raises:
      PermissionError: only root may mount.
    """
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        raise PermissionError(mounted.stderr.decode())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def full_disk(lab: Lab) -> str:
    """The store, the output folder or the scratch folder lies on a disk that is too small."""
    lab.empty()
    size = int(2 ** lab.rng.uniform(12, 22))
    where = lab.rng.choice([".edgekit", "build", "scratch", "all"])
    places = [".edgekit", "build", "scratch"] if where == "all" else [where]
    try:
        for place in places:
            with small_disk(lab.project / place, size):
                options = {"env": {"TMPDIR": str(lab.project / "scratch")}} if place == "scratch" else {}
                ended = lab.run(*BUILD, **options)
                expect(ended, {0, 2})
                if ended.status == 2 and not ended.errors.strip():
                    raise Finding(f"{place} of {size:,} B: ended with 2 and no word")
                expect(lab.run("carray", str(lab.undisturbed / OUT / "model.tflite"), f"--out={place}/c"), {0, 2})
                made = list((lab.project / place / "c").glob("*")) if (lab.project / place / "c").exists() else []
                if len(made) == 1:
                    raise Finding(f"carray left half a set: {made[0].name}")
    except PermissionError:
        return "skipped: only root may mount a small disk"
    shutil.rmtree(lab.project / "scratch", ignore_errors=True)
    lab.recovers()
    return f"{where}"


QUESTIONS = (
    ["build", "--target=phone"],
    ["check", "--target=phone"],
    ["check", "--target=phone", "--json"],
    ["history"],
    ["targets"],
    ["baselines"],
    ["inspect", str(OUT / "model.tflite")],
    ["compat", str(OUT / "model.tflite")],
    ["compare", str(OUT), str(OUT)],
    ["carray", str(OUT / "model.tflite"), "--out=c"],
    ["ccode", str(OUT / "model.tflite"), "--out=c"],
    ["shrink", str(OUT / "model.tflite"), "--out=small"],
    ["--list"],
    ["build", "--help"],
    ["doctor"],
    ["no-such-task"],
)


FORMS = (
    *("{} >&-", "{} 2>&-", "{} >&- 2>&-", "{} <&-", "{} <&- >&- 2>&-"),
    *("{} >/dev/full", "{} 2>/dev/full", "{} >/dev/full 2>&1", "{} | head -1", "{} 2>&1 | head -c 1"),
)


def streams(lab: Lab) -> str:
    """Standard streams are closed, full, or read for one line only."""
    if not (lab.project / OUT / "report.json").is_file():
        lab.full()
    mark = str(time.time_ns())
    question = " ".join(f"'{word}'" for word in [*EDGEKIT, *lab.rng.choice(QUESTIONS)])
    command = lab.rng.choice(FORMS).format(question)
    shell = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=lab.project,
        env=CLEAN | {MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed, errors = shell.communicate(timeout=120)
        expect(Ended(shell.returncode, printed, errors), {0, 1, 2, 3})
        gone(mark)
    except (Finding, subprocess.TimeoutExpired) as found:
        with suppress(Finding):
            gone(mark, 0)
        raise Finding(f"{command}: {found}") from None
    lab.recovers()
    return command.replace(question, "…")


SCENARIOS: dict[str, tuple[Callable[[Lab], str], int]] = {
    "kill_main": (kill_main, 8),
    "kill_worker": (kill_worker, 8),
    "signal_main": (signal_main, 4),
    "crash_worker": (crash_worker, 4),
    "crowd": (crowd, 3),
    "damage": (damage, 6),
    "full_disk": (full_disk, 6),
    "streams": (streams, 16),
}
"""By name: what is done, and its share of the blows."""


def blow(lab: Lab, name: str, seed: str) -> str:
    """One blow and what it did; the seed repeats its place, and its moment as far as the machine does.

    Raises:
      Finding: something happened that must not.
    """
    lab.rng.seed(f"{name} {seed}")
    try:
        return SCENARIOS[name][0](lab)
    except subprocess.TimeoutExpired as waited:
        raise Finding(str(waited)) from None


def campaign(folder: Path, names: list[str], seconds: float, seed: int) -> tuple[dict[str, int], list[str]]:
    """Strikes until the time is over.

    Returns:
      blows by scenario, and the findings.
    """
    undisturbed, start = new_project(folder / "undisturbed"), time.monotonic()
    subprocess.run([*EDGEKIT, *BUILD], cwd=undisturbed, env=CLEAN, check=True, capture_output=True)
    lab = Lab(folder / "project", undisturbed, time.monotonic() - start)
    blows, findings, end = dict.fromkeys(names, 0), [], time.monotonic() + seconds
    order = random.Random(seed)
    while time.monotonic() < end:
        [name] = order.choices(names, [SCENARIOS[name][1] for name in names])
        number = f"{seed}.{sum(blows.values())}"
        try:
            said = blow(lab, name, number)
        except Finding as found:
            findings.append(f"{name} {number}: {found}")
            said = f"FINDING: {found}"
            lab.empty()
        blows[name] += 1
        print(f"{name}: {said}", flush=True)
    return blows, findings


def main() -> int:
    """Runs the campaign and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*SCENARIOS, []])
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        blows, findings = campaign(Path(folder), options.names or list(SCENARIOS), options.seconds, options.seed)
    rows = [[name, SCENARIOS[name][0].__doc__ or "", str(count)] for name, count in blows.items()]
    print(table(["scenario", "what", "blows"], rows))
    print("\n\n".join(findings) or "no finding")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
