"""What compression must show on the reference model, measured; writes the table of docs/how-to/compression.md.

    python benchmarks/compression.py

Accuracy is that of the 2,000 evaluation images, in the shipping runtime. Everything is built anew.
"""

import os
import re
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec

from edgekit.build import produce, prove
from edgekit.compress.channels import Channels
from edgekit.config import decode
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Maker
from edgekit.engine.store import Store
from edgekit.engine.worker import Worker
from edgekit.errors import TargetError
from edgekit.product import BuildResult
from edgekit.profile.profiles import load_single
from edgekit.profile.project import ModelSpec, find_project, select_model
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.markdown import table
from edgekit.report.progress import Progress
from edgekit.types import Reading

ROOT = Path(__file__).parents[1]
START, END = "<!-- bars: made by `python benchmarks/compression.py` -->\n", "<!-- end of bars -->"
SEEDS = range(1, 6)
SPREAD = 1000


def hard_model(path: str) -> None:
    """Writes the reference model with every second channel of both convolutions 1,000 times smaller, and what reads
    them as much larger: the function is the same but for rounding."""
    import keras
    import numpy as np

    model = keras.saving.load_model(ROOT / "assets/digits.keras")
    for maker, reader, places in (("conv1", "conv2", 1), ("conv2", "digit", 25)):
        kernel, bias = model.get_layer(maker).get_weights()
        factors = np.where(np.arange(len(bias)) % 2, 1 / SPREAD, 1.0).astype(np.float32)
        model.get_layer(maker).set_weights([kernel * factors, bias * factors])
        kernel, bias = model.get_layer(reader).get_weights()
        model.get_layer(reader).set_weights([kernel / np.tile(factors, places)[:, None], bias])
    model.save(path)


def without_training(model: str, data: DataSpec, by: str, seed: int) -> float:
    """Accuracy in percent with half of the channels gone and nothing trained."""
    import numpy as np

    from edgekit.compress.channels import remove_channels
    from edgekit.compress.targets import predict, training_targets
    from edgekit.data.read import read_dataset
    from edgekit.data.samples import prepared
    from edgekit.model.read import open_keras

    loaded, dataset = open_keras(model, ""), read_dataset(data)
    order = np.random.default_rng(seed).permutation(dataset.train.number)  # the batches that gradients come from
    train = dataset.train.take(order)
    settings = Channels(sparsity=0.5, by=by, epochs=0, protect=("last",))  # type: ignore[arg-type]
    taught = training_targets(loaded, train, data, None, None)
    smaller, _ = remove_channels(loaded, prepared(train, data), taught, settings, seed, lambda text, share: None)
    answers = predict(smaller, prepared(dataset.evaluation, data))[0]
    return 100 * float((answers.argmax(axis=1) == dataset.evaluation.y).mean())


class Bench:
    """Builds recipes of the reference model for a target."""

    def __init__(self, store: Path) -> None:
        self.project = find_project(ROOT)
        self.spec = select_model(self.project, None, None, Reading())
        self.maker = Maker(Store(store), Progress())

    def built(self, target: str, recipe: dict[str, Any], spec: ModelSpec | None = None, **budget: Any) -> BuildResult:
        """What a recipe gives for one of the project's targets."""
        profile: Target = load_single([target], self.project.target_folders, spec=self.spec)
        wanted = decode({"quantize": {"calibration_samples": 256}} | recipe, Recipe, "benchmark", TargetError)
        profile = msgspec.structs.replace(
            profile, recipe=wanted, budget=msgspec.structs.replace(profile.budget, **budget)
        )
        product = produce(spec or self.spec, profile, self.maker)
        self.maker.end(TENSORFLOW)
        return prove(product, self.maker, self.project)


def bars(bench: Bench, folder: Path) -> list[list[str]]:
    """Each bar with what was measured, and whether it holds."""
    rows: list[list[str]] = []

    def row(what: str, must: str, measured: str, holds: bool) -> None:
        rows.append([what, must, measured, "yes" if holds else "**no**"])

    def of(built: BuildResult, name: str, artifact: str = "model") -> float:
        value = built.found.value(name, artifact)
        assert value is not None, name
        return value

    plain, small = bench.built("microcontroller", {}), {"sparsity": 0.5, "protect": ["last"], "epochs": 4}
    half = bench.built("microcontroller", {"channels": small})
    size, drop = of(half, "model_size") / of(plain, "model_size"), of(half, "accuracy_drop")
    row("structure: half of the channels", "int8 file at most 48 %", f"{100 * size:.1f} %", size <= 0.48)
    row("", "drop at most 0.5 points", f"{drop:.2f} points", drop <= 0.5)
    for name in ("arena", "latency_p50"):
        share = of(half, name) / of(plain, name)
        row("", f"{name} falls", f"to {100 * share:.0f} % (TFLM on this machine)", share < 1)

    model, data = half.product.made[0].artifact.path, half.product.data
    scores: dict[str, list[float]] = {}
    with Worker() as worker:
        for by in ("random", "taylor", "connectivity", "l1", "l2"):
            scores[by] = [worker.call(without_training, model, data, by, seed, returns=float) for seed in SEEDS]
    for by in ("taylor", "connectivity", "l1", "l2"):
        better = sum(a > b for a, b in zip(scores[by], scores["random"], strict=True))
        said = f"{better} of 5 (mean {mean(scores[by]):.2f} %, random {mean(scores['random']):.2f} %)"
        must = "better on 4 of 5 seeds" if by == "taylor" else "(for comparison)"
        row(f"half of the channels by {by}, untrained", must, said, by != "taylor" or better >= 4)

    both = bench.built("phone", {"prune": {"sparsity": 0.8, "epochs": 4}, "cluster": {}})
    int8 = bench.built("phone", {})
    share, drop = of(both, "download_size") / of(int8, "download_size"), of(both, "accuracy_drop")
    row("80 % magnitude, 16 clusters", "deflated at most 35 % of int8", f"{100 * share:.1f} %", share <= 0.35)
    row("", "drop at most 0.5 points", f"{drop:.2f} points", drop <= 0.5)

    hard_model_file = folder / "hard.keras"
    with Worker() as worker:
        worker.call(hard_model, str(hard_model_file), returns=None)
    hard = msgspec.structs.replace(bench.spec, name="hard", model=str(hard_model_file))
    lost = of(bench.built("phone", {}, hard), "accuracy_drop")
    rescued = bench.built("phone", {"quantize": {"rescue": True}}, hard)
    won = 100 * (lost - of(rescued, "accuracy_drop")) / lost
    remedy = next(r.name for r in reversed(rescued.report.rungs) if r.kept)
    row("channels scaled apart by 1,000, min/max int8", "loses over 10 points", f"{lost:.2f} points", lost > 10)
    row("the same with the ladder, no training", "wins back 95 %", f"{won:.1f} % ({remedy})", won >= 95)

    wide = bench.built("phone", {"quantize": {"scheme": "int16x8"}})
    apart = abs(of(wide, "accuracy_drop"))
    row("int16x8", "within 0.1 points of float", f"{apart:.2f} points", apart <= 0.1)
    return rows


def main() -> None:
    """Measures all bars and replaces the table between the markers."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name) / "store")
        with bench.maker:
            rows = bars(bench, Path(name))
    text = table(["what", "must", "measured", "holds"], rows)
    print(text)
    page = ROOT / "docs/how-to/compression.md"
    block = f"{START}{text}\n{END}"
    page.write_text(
        re.sub(f"{re.escape(START)}.*?{re.escape(END)}", lambda _: block, page.read_text(), flags=re.DOTALL)
    )


if __name__ == "__main__":
    import compression  # under its own name, by which workers find its functions

    compression.main()
