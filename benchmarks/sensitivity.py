"""Sensitivity of the reference model, by simulation and with one conversion for each point, in one run; writes the
figures of docs/how-to/sensitivity.md.

python benchmarks/sensitivity.py [prune|channels|quantize]      with a method: prints its comparison and writes nothing

Both measure the same points on the same samples. A conversion is edgekit's own, which is faster than TensorFlow's
(docs/measured/benchmarks.md); the calibration set is read once. They take turns, and seconds are medians.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "-1"}

from msgspec.structs import replace
from scipy.stats import spearmanr

from edgekit.analyze.confirm import answers
from edgekit.analyze.curves import BITS, SensitivityCurves, Sweep
from edgekit.analyze.sensitivity import changed, concerned, held_out, sensitivity
from edgekit.compress.allocate import SPARSITIES, mean_loss
from edgekit.compress.simulation import Simulation
from edgekit.compress.targets import training_targets
from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.measure.machine import machine
from edgekit.model.read import KERAS, load_file, open_keras
from edgekit.quantize.convert import convert
from edgekit.quantize.int8 import quantize_whole
from edgekit.quantize.settings import Quantize
from edgekit.report.markdown import table
from edgekit.types import Reading, TensorSpec

ROOT = Path(__file__).parents[1]
TURNS, BAR = 3, 5.0
Losses = dict[str, list[float]]
"""Of each layer, at each level."""


def losses(model: Any, x: list[Any], taught: Any, settings: Sweep, run: Callable[[Simulation], Any]) -> Losses:
    """The losses of all points, where `run` gives the outputs of the model as it is then."""
    simulation, found = Simulation(model, x), {}
    for layer in concerned(model, settings):
        found[layer.name] = []
        for level in settings.levels:
            with changed(simulation, [(layer, "weights", level)], settings):
                found[layer.name].append(mean_loss(run(simulation), taught) or float("nan"))
    return found


def simulated(measured: SensitivityCurves) -> Losses:
    return {c.layer: [p.effect.loss or float("nan") for p in c.points if p.of == "weights"] for c in measured.curves}


def compare(method: Any) -> str:
    """Runs all ways in turns: what they took, and how well they agree.

    Raises:
      AssertionError: simulation is not as much faster as it has to be.
    """
    settings = Sweep(method, BITS if method == "quantize" else SPARSITIES, quantize=Quantize())
    inputs = (TensorSpec("image", (1, 28, 28, 1), "float32"),)
    data = DataSpec(str(ROOT / "assets/digits.npz"), "", Preprocessing(scale=1 / 255), inputs, 10, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        load_file.run(folder, str(ROOT / "assets/digits.keras"), Reading())
        model = open_keras(str(Path(folder) / KERAS), "")
    samples = held_out(data, settings)
    x, taught = prepared(samples, data), training_targets(model, samples, data, None, None)
    calibrated = calibration(read_dataset(replace(data, held_out=True)), Quantize().calibration_samples, data)

    def one_by_one(run: Callable[[Simulation], Any]) -> Callable[[], Losses]:
        return lambda: losses(model, x, taught, settings, run)

    def as_int8(_: Simulation) -> Any:
        return [answers(quantize_whole(convert(model), calibrated, Quantize())[0], x)]

    ways: dict[str, Callable[[], Losses]] = {
        "simulation": lambda: simulated(sensitivity(model, x, samples.y, taught, settings)),
        "simulation of the whole model": one_by_one(lambda simulation: simulation.outputs()),
        "float conversion": one_by_one(lambda _: [answers(convert(model), x)]),
        "int8 conversion": one_by_one(as_int8),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Losses] = {}
    for turn in range(TURNS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            results[name] = way()
            if turn:  # the first is to warm up
                seconds[name].append(time.perf_counter() - start)
    ours = results["simulation"]
    points = sum(map(len, ours.values()))
    rows = []
    for name, found in results.items():
        ranks = spearmanr(*([v for layer in ours for v in each[layer]] for each in (ours, found))).statistic
        same = sum(
            sorted(ours, key=lambda layer, n=n: ours[layer][n]) == sorted(ours, key=lambda layer, n=n: found[layer][n])
            for n in range(len(settings.levels))
        )
        ratio = median(seconds[name]) / median(seconds["simulation"])
        rows.append(
            [
                name,
                f"{median(seconds[name]):.2f} s",
                f"{ratio:.1f}",
                f"{ranks:.3f}",
                f"{same} of {len(settings.levels)}",
            ]
        )
    ratio = median(seconds["int8 conversion"]) / median(seconds["simulation"])
    assert ratio >= BAR, f"{ratio:.1f} times faster than one int8 conversion for each point; the bar is {BAR:g}"
    head = ["way", "time", "times ours", "rank correlation of the losses", "levels with the same order of layers"]
    return f"`{method}`, {points} points on {len(x[0]):,} samples, {cpu()}:\n\n{table(head, rows)}"


def cpu() -> str:
    found = machine()
    return f"{found.cpu}, {found.cores} cores"


def command(out: Path) -> tuple[str, str]:
    """What `sensitivity --target=phone` prints, and the recipe that it writes; the figure goes to `docs/how-to/`."""
    line = [sys.executable, "-m", "edgekit", "sensitivity", "--target=phone", f"--out={out / 'prune'}"]
    environment = os.environ | {"EDGEKIT_STORE": str(out / "store")}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    shutil.copy(out / "prune" / "sensitivity.svg", ROOT / "docs/how-to")
    printed = done.stdout[done.stdout.index("\n\n") :].strip().replace(str(out), "build/sensitivity")
    recipe = (out / "prune" / "recipe.toml").read_text()
    return f"```\n{printed}\n```", f"```toml\n{recipe}```"


def fill(page: str, name: str, text: str) -> str:
    """A page with other text between two markers."""
    start, end = f"<!-- {name}: made by `python benchmarks/sensitivity.py` -->\n", f"<!-- end of {name} -->"
    return re.sub(f"{re.escape(start)}.*?{re.escape(end)}", lambda _: f"{start}{text}\n{end}", page, flags=re.DOTALL)


def main() -> None:
    """One comparison, or all that the page has."""
    if len(sys.argv) > 1:
        print(compare(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        printed, recipe = command(Path(folder))
    path = ROOT / "docs/how-to/sensitivity.md"
    comparison = compare("prune")
    print(comparison)
    page = fill(fill(path.read_text(), "command", printed), "recipe", recipe)
    path.write_text(fill(page, "benchmark", comparison))


if __name__ == "__main__":
    main()
