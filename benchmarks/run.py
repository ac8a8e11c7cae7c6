"""All comparisons of a build, side by side in one run; writes docs/measured/benchmarks.md.

What is compared runs in turns, so that a change of the machine's speed meets both; figures are medians.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from commands import ROOT, SCRIPTS, fresh_project, invoke, plain_script, run

from edgekit.engine import worker
from edgekit.engine.libraries import library
from edgekit.measure.machine import machine
from edgekit.report.markdown import table

Row = tuple[str, str, str, float, float, bool]
"""What is compared, both figures, the ratio, its bar, and whether the ratio has to stay below it."""
COLD, IDLE, CONVERSIONS = 3, 21, 3


TARGETS = sorted(path.stem for path in (ROOT / "targets").glob("*.toml"))


def cold_and_idle() -> list[Row]:
    """A cold build against the plain script, and a build with nothing to do against `invoke --list`."""
    builds, scripts, idle, lists = [], [], [], []
    for _ in range(COLD):
        with fresh_project() as project:
            build = invoke("build", "--target=phone", project=project)
            builds.append(run(build, project).seconds)
            scripts.append(run(plain_script(project / "plain"), project).seconds)
            for _ in range(IDLE // COLD):
                idle.append(run(build, project).seconds)
                lists.append(run(invoke("--list", project=project), project).seconds)
            assert "tensorflow" not in _imported(project), "a build with nothing to do imports TensorFlow"
    cold = median(builds)
    return [
        _row("cold `build --target=phone` / plain script", cold, median(scripts), "s", 1.1),
        _row("`build` with nothing to do / `invoke --list`", median(idle), median(lists), "s", 2.0),
        _row("cold `build` / `build` with nothing to do", cold, median(idle), "s", 50, below=False),
    ]


def all_targets() -> list[Row]:
    """All targets in one command against one cold build for each."""
    together, apart = [], []
    for _ in range(2):
        with fresh_project() as project:
            together.append(run(invoke("build", "--target=all", project=project), project).seconds)
        total = 0.0
        for target in TARGETS:
            with fresh_project() as project:
                total += run(invoke("build", f"--target={target}", project=project), project).seconds
        apart.append(total)
    return [_row("`build --target=all` / a cold build of each target", median(together), median(apart), "s", 0.6)]


def conversion() -> list[Row]:
    """MobileNetV2 to int8 against `from_keras_model`; both files must give the same outputs."""
    times: dict[str, list[float]] = {"edgekit": [], "tensorflow": []}
    with tempfile.TemporaryDirectory() as folder:
        files = {way: Path(folder) / f"{way}.tflite" for way in times}
        for _ in range(CONVERSIONS):
            for way, seconds in times.items():
                command = [sys.executable, str(ROOT / "benchmarks" / "conversion.py"), way, str(files[way])]
                printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                seconds.append(float(printed.split()[-1]))
        paths = [str(path) for path in files.values()]
        assert worker.call("run:same_outputs", *paths, returns=bool), "the outputs differ"
    ours, theirs = median(times["edgekit"]), median(times["tensorflow"])
    return [_row("MobileNetV2 to int8 / `from_keras_model`, identical outputs", ours, theirs, "s", 1 / 8)]


def same_outputs(first: str, second: str) -> bool:
    """Whether two `.tflite` files answer 100 random inputs alike."""
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    sessions = [open_session("litert", path) for path in (first, second)]
    for seed in range(100):
        answers = []
        for session in sessions:
            session.set_inputs(random_inputs(session.inputs, seed))
            session.invoke()
            answers.append([output.tobytes() for output in session.get_outputs()])
        if answers[0] != answers[1]:
            return False
    return True


def memory() -> list[Row]:
    """Peak memory of all processes of a build against that of the plain script."""
    with fresh_project() as project:
        build = run(invoke("build", "--target=phone", project=project), project, memory=True)
        script = run(plain_script(project / "plain"), project, memory=True)
    mib = 2**20
    return [_row("peak memory of a build / plain script", build.peak_bytes / mib, script.peak_bytes / mib, "MiB", 1.2)]


def _row(what: str, first: float, second: float, unit: str, bar: float, below: bool = True) -> Row:
    return what, f"{first:.3g} {unit}", f"{second:.3g} {unit}", first / second, bar, below


def _imported(project: Path) -> set[str]:
    """Modules that a build imports."""
    command = [sys.executable, "-X", "importtime", str(SCRIPTS / "invoke"), "build", "--target=phone"]
    log = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stderr
    return {line.rpartition("|")[2].strip() for line in log.splitlines()}


def main() -> None:
    """Runs everything, prints the table, and writes the page."""
    rows: list[Row] = []
    for part in (conversion, memory, cold_and_idle, all_targets):
        rows += part()
        print(*rows, sep="\n", file=sys.stderr, flush=True)
    lines = table(
        ["comparison", "first", "second", "ratio", "bar", "holds"],
        [
            [what, one, two, f"{ratio:.2f}", f"{'<>'[not below]} {bar:.3g}", "yes" if (ratio <= bar) == below else "no"]
            for what, one, two, ratio, bar, below in rows
        ],
    )
    host = machine()
    names = ("tensorflow", "tensorflow-model-optimization", "ai-edge-litert", "numpy")
    versions = ", ".join(f"{name} {library(name)}" for name in names)
    page = f"""# Benchmarks, side by side

Made by `invoke benchmarks`: the two sides of a comparison take turns; figures are medians (memory: one run of each).
The plain script (`benchmarks/plain_script.py`) does what a build does with TFMOT and `from_keras_model`, without a
second runtime, checks, reports or a cache.

{lines}

Measured on {host.cpu}, {host.cores} cores, {host.system}, {host.python}; {versions}.
"""
    (ROOT / "docs/measured/benchmarks.md").write_text(page)
    print(lines)


if __name__ == "__main__":
    main()
