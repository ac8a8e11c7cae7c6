"""Mutants of every kind of file that edgekit reads, each given to the commands that read it.

python benchmarks/fuzz.py [--seconds=1800] [--seed=0] [--keep=DIR] [FORMAT …]     all formats by default

Every mutant is read in a process of its own, with bounds on its processor time and memory. It is taken, or refused with
exit status 2 in a line that a person can read. A traceback, an error that nobody foresaw, a crash, a hang or too much
memory is a finding: its file is kept, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import mutants
from commands import ROOT

from edgekit.report.markdown import table

SECONDS, MEMORY = 30, 8 << 30
"""Processor time and address space of one command on one mutant; the seeds are all small."""
SHARED = ROOT.parent / "shared" / "data" / "models"
LINES = 3


class Sound(NamedTuple):
    """A sound file, and where its mutants are written."""

    place: Path
    content: bytes


class Format(NamedTuple):
    """A kind of file that edgekit reads."""

    sound: Callable[[Path], Iterator[Sound]]
    """Writes what the commands need into a folder, which they run in."""
    mutate: mutants.Mutator
    commands: list[list[str]]
    """Of which each mutant gets one; `{}` stands for the file, `{stem}` for its name without suffix."""
    same: Callable[[bytes, bytes], bool] | None = None
    """Whether two files say the same; a mutant that does not and yet passes (exit status 0) is a finding."""


def main_in_a_child(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Runs a command line in a fork of this process.

    Returns:
      exit status (negative: the signal that ended it), and what it printed.
    """
    output = folder / "printed"
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1), os.dup2(file, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.chdir(folder)
            if arguments[0] == "read_data":
                _as_a_command(lambda: read_data(arguments[1]))
            else:
                from edgekit.__main__ import main

                sys.argv = ["edgekit", *arguments]
                main()
            sys.stdout.flush()
            os._exit(0)
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code if isinstance(end.code, int) else 1 if end.code else 0)
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
    deadline = time.monotonic() + 4 * SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.002)
    else:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return -signal.SIGALRM, "no answer"
    return os.waitstatus_to_exitcode(status), output.read_text(errors="replace")


def wrong(status: int, printed: str) -> str:
    """What is wrong with how a command ended; empty where nothing is."""
    if "Traceback (most recent call last)" in printed:
        return "a traceback"
    if status not in (0, 1, 2):
        return f"ended with {status}"
    said = [line for line in printed.splitlines() if line.startswith("edgekit:")]
    if status == 2 and len(said) != 1:
        return "no line that says why"
    if any(word in line for word in UNFORESEEN for line in said):
        return "an error that nobody foresaw"
    if status == 2 and len(printed.strip().splitlines()) > LINES:
        return "more than a line"
    if any(ord(c) < 32 and c not in "\n\t\r" for c in printed):
        return "control characters"
    return ""


UNFORESEEN = ("Error: ", "Exception: ", "unexpected ", "died with", "time limit")
"""Words of an error that was not turned into words for people: a class of Python, a worker that ended."""


def _as_a_command(body: Callable[[], None]) -> None:
    """Gives an error the form that a command gives it."""
    import warnings

    from edgekit.errors import EdgekitError

    warnings.simplefilter("ignore")  # in a command they are in the log
    try:
        body()
    except EdgekitError as error:
        print(f"edgekit: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def read_data(path: str) -> None:
    """A dataset for a model of grey images, as the stages read it."""
    from edgekit.data.read import read_dataset
    from edgekit.data.spec import DataSpec, Preprocessing
    from edgekit.types import TensorSpec

    read_dataset(DataSpec(path, "", Preprocessing(), (TensorSpec("x", (1, 28, 28, 1), "float32"),), 10, 1))


def sound_tflite(folder: Path) -> Iterator[Sound]:
    """A graph of the tests, and shared models where they are."""
    import numpy as np
    from make_graph import Graph

    graph = Graph()
    x = graph.input([1, 4, 4, 2])
    x = graph.conv(x, np.ones((2, 1, 1, 2), np.int8), np.zeros(2))
    x = graph.pool(x)
    x = graph.dense(graph.reshape(x, [1, 8]), np.ones((3, 8), np.int8), np.zeros(3))
    yield Sound(folder / "small.tflite", graph.finish(x))
    for file in sorted((SHARED / "tflite").glob("*.tflite")):
        if file.stat().st_size < 40_000:
            yield Sound(folder / file.name, file.read_bytes())


def sound_keras(folder: Path) -> Iterator[Sound]:
    """The reference model, and shared ones where they are."""
    for file in (ROOT / "assets" / "digits.keras", *sorted((SHARED / "keras").iterdir() if SHARED.is_dir() else ())):
        if file.stat().st_size < 400_000:
            yield Sound(folder / file.name, file.read_bytes())


def sound_npz(folder: Path) -> Iterator[Sound]:
    """A dataset of grey images."""
    import numpy as np

    rng, held = np.random.default_rng(0), io.BytesIO()
    x, y = rng.integers(0, 255, (40, 28, 28, 1), np.uint8), np.arange(40) % 10
    np.savez_compressed(held, x_train=x, y_train=y, x_test=x[:20] ^ 1, y_test=y[:20])
    yield Sound(folder / "data.npz", held.getvalue())


def sound_images(folder: Path) -> Iterator[Sound]:
    """An image of each kind in a folder of ten classes."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (28, 28, 4), np.uint8)
    for number in range(10):
        (folder / "images" / str(number)).mkdir(parents=True)
        for copy in range(5):
            Image.fromarray(pixels + number).convert("RGB").save(folder / "images" / str(number) / f"{copy}.png")
    for mode, suffixes in (
        ("RGB", "png jpg bmp gif webp tif ppm"),
        ("L", "png jpg pgm"),
        ("RGBA", "png"),
        ("P", "gif"),
    ):
        for suffix in suffixes.split():
            held = io.BytesIO()
            kind = {"jpg": "jpeg", "pgm": "ppm", "tif": "tiff"}.get(suffix, suffix)
            Image.fromarray(pixels).convert(mode).save(held, kind)
            yield Sound(folder / "images" / "3" / f"0.{suffix}", held.getvalue())


def sound_profile(folder: Path) -> Iterator[Sound]:
    """The profiles that edgekit brings."""
    for file in sorted((_project(folder) / "targets").glob("*.toml")):
        yield Sound(file, file.read_bytes())


def sound_project(folder: Path) -> Iterator[Sound]:
    """A project's file."""
    text = (ROOT / "pyproject.toml").read_text()
    table = text[text.index("[tool.edgekit") : text.index("[tool.pytest")]
    yield Sound(_project(folder) / "pyproject.toml", table.encode())


def sound_release(folder: Path) -> Iterator[Sound]:
    """A release."""
    _edgekit(_built(folder), "release", "--out=release.zip")
    yield Sound(folder / "release.zip", (folder / "release.zip").read_bytes())


def sound_records(folder: Path) -> Iterator[Sound]:
    """What a build leaves beside the model, what a baseline keeps, and the history."""
    _edgekit(_built(folder), "baseline", "save", "v1")
    for file in sorted([*folder.glob("build/phone/digits/*.json"), *folder.glob("baselines/*.json")]):
        yield Sound(file, file.read_bytes())
    for file in (folder / "build/phone/digits/golden.npz", folder / ".edgekit/history.sqlite"):
        yield Sound(file, file.read_bytes())


def same_members(sound: bytes, mutant: bytes) -> bool:
    """Whether two archives hold the same regular files, each once."""

    def members(content: bytes) -> list[tuple[str, bytes, bool]]:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(i.filename, archive.read(i), i.external_attr >> 28 in (0, 8)) for i in archive.infolist()]

    return sorted(members(sound)) == sorted(members(mutant))


def of_record(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a file that edgekit wrote for itself."""
    return (mutants.of_json if content[:1] in b"{[" else mutants.binary)(content, rng)


def of_image(content: bytes, rng: random.Random) -> bytes:
    """A mutant of an image."""
    deep = content.startswith(b"\x89PNG") and rng.random() < 0.7
    return (mutants.of_png if deep else mutants.binary)(content, rng)


def of_tflite(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a `.tflite`: usually of its objects, sometimes of its bytes."""
    from fuzz_ccode import mutated

    return (mutated if rng.random() < 0.7 else mutants.binary)(content, rng)


def of_keras(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a `.keras` or `.h5`."""
    if not content.startswith(b"PK"):
        return mutants.binary(content, rng)
    return mutants.of_zip(content, rng, lambda held, chance: of_record(held, chance))


def _project(folder: Path) -> Path:
    for name in ("assets", "targets"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _built(folder: Path) -> Path:
    """A project with one finished build."""
    _edgekit(_project(folder), "build", "--target=phone")
    return folder


def _edgekit(folder: Path, *arguments: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"}
    command = [sys.executable, "-m", "edgekit", *arguments]
    subprocess.run(command, cwd=folder, capture_output=True, env=environment, check=True)


FORMATS = {
    "tflite": Format(
        sound_tflite,
        of_tflite,
        [["inspect", "{}"], ["ccode", "{}"], ["carray", "{}"], ["compat", "{}"], ["shrink", "{}"]],
    ),
    "keras": Format(sound_keras, of_keras, [["inspect", "{}"]]),
    "npz": Format(sound_npz, mutants.of_npz, [["read_data", "{}"]]),
    "images": Format(sound_images, of_image, [["read_data", "images"]]),
    "profile": Format(sound_profile, mutants.of_toml, [["check", "--target={stem}"]]),
    "project": Format(sound_project, mutants.of_toml, [["check", "--target=phone"]]),
    "release": Format(sound_release, mutants.of_zip, [["release", "--verify", "--out={}"]], same_members),
    "records": Format(
        sound_records,
        of_record,
        [
            *(["check", "--target=phone", "--baseline=v1"], ["compare", "v1/phone/digits", "build/phone/digits"]),
            *(["history"], ["baselines"], ["release", "--out=r.zip"], ["verify", "build/phone/digits", "golden.npz"]),
        ],
    ),
}


def campaign(
    names: list[str], seconds: float, seed: int, keep: Path, most: float = math.inf
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Makes and tries mutants of some formats in turns until the time is over, or there were enough.

    Returns:
      counts by format and outcome (`taken`, `refused`), and the findings.
    """
    counts: Counter[tuple[str, str]] = Counter()
    findings: dict[tuple[str, str, str], str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch, name) for name in names}
        for folder in folders.values():
            folder.mkdir()
        sound = {name: list(FORMATS[name].sound(folder)) for name, folder in folders.items()}
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end and number < most:
            name, number = names[number % len(names)], number + 1
            rng = random.Random(f"{seed} {name} {number}")
            file = rng.choice(sound[name])
            words = rng.choice(FORMATS[name].commands)
            arguments = [word.replace("{}", str(file.place)).replace("{stem}", file.place.stem) for word in words]
            mutant = FORMATS[name].mutate(file.content, rng)
            file.place.parent.mkdir(parents=True, exist_ok=True)
            file.place.write_bytes(mutant)
            status, printed = main_in_a_child(arguments, folders[name])
            problem, same = wrong(status, printed), FORMATS[name].same
            if not problem and status == 0 and same and not same(file.content, mutant):
                problem = "passed, and is not what was made"
            if problem:
                counts[name, "finding"] += 1
                kind = (name, words[0], "\n".join(printed.strip().splitlines()[-1:])[-80:])
                if kind not in findings:
                    kept = keep / f"{name}-{number}{file.place.suffix}"
                    keep.mkdir(parents=True, exist_ok=True)
                    kept.write_bytes(mutant)
                    findings[kind] = f"{' '.join(words)}: {problem} ({kept}, {file.place.name})\n{printed[-1200:]}"
                    print(findings[kind], flush=True)
            else:
                counts[name, "refused" if status == 2 else "taken"] += 1
            file.place.write_bytes(file.content)
            if name == "images":
                file.place.unlink()
    return counts, list(findings.values())


def main() -> int:
    """Runs the campaign and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*FORMATS, []])
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutants", type=float, default=math.inf, help="end after so many")
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    options = parser.parse_args()
    os.environ.pop("EDGEKIT_STORE", None)
    names = options.names or list(FORMATS)
    counts, findings = campaign(names, options.seconds, options.seed, options.keep, options.mutants)
    words = ("taken", "refused", "finding")
    rows = [[name, *(f"{counts[name, word]:,}" for word in words)] for name in dict.fromkeys(n for n, _ in counts)]
    print(table(["format", *words], rows))
    print(f"{len(findings)} kinds of finding" if findings else "no finding")
    return int(bool(findings))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    sys.exit(main())
