"""What a good int8 build leaves of each output, without labels: where the default limits come from.

`python benchmarks/fidelity.py FOLDER [RUNTIME]` builds each Keras model of a folder in plain int8 and prints SQNR,
churn and lost values. Samples are smooth random ones of unit variance, or those of `NAME.npz` beside the model.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROFILE = """description = "plain int8"
[hardware]
cpu = "cortex-m4f"
[recipe.quantize]
scheme = "int8"
calibration_samples = 128
[recipe.shrink]
[runtimes]
ship = "{runtime}"
"""
PROBE = """
import sys, numpy as np
from edgekit.model.read import load_file
from edgekit.types import Reading
facts = load_file(sys.argv[1], Reading(), sys.argv[2])
rng = np.random.default_rng(0)
arrays = {}
for part, count in (("train", 200), ("test", 200)):
    for spec in facts.inputs:
        x = rng.normal(size=(count, *spec.shape[1:])).astype(np.float32)
        for axis in range(1, min(x.ndim, 3)):
            x = sum(np.roll(x, shift, axis) for shift in range(4)) / 2
        name = f"x_{part}.{spec.name}" if len(facts.inputs) > 1 else f"x_{part}"
        arrays[name] = x if spec.dtype == "float32" else rng.integers(0, 10, x.shape)
np.savez(sys.argv[3], **arrays)
"""


def main(folder: Path, runtime: str) -> None:
    print("| model | output | SQNR | churn | lost |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "targets").mkdir()
        (Path(place) / "targets" / "plain.toml").write_text(PROFILE.format(runtime=runtime))
        (Path(place) / "pyproject.toml").write_text("[tool.edgekit]\n")
        for model in sorted(p for p in folder.iterdir() if p.suffix in (".h5", ".hdf5", ".keras")):
            data = model.with_suffix(".npz")
            if not data.is_file():
                data = Path(place) / f"{model.stem}.npz"
                quiet = {"capture_output": True, "env": os.environ | {"TF_USE_LEGACY_KERAS": "1"}}
                subprocess.run([sys.executable, "-c", PROBE, model, place, data], **quiet)
            if data.is_file():
                _row(model, data, Path(place))


def _row(model: Path, data: Path, place: Path) -> None:
    command = ["edgekit", "build", "--target=plain", f"--model={model}", f"--data={data}", "--out=out"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    report = place / "out" / "plain" / model.stem / "report.json"
    if not report.is_file():
        print(f"| {model.name} | {(done.stderr.splitlines() or ['?'])[0]} | | | |")
        return
    read = json.loads(report.read_bytes())
    found = {m["name"]: m for m in read["measurements"] if m["artifact"] == "model" and m["runtime"]}
    for name in [n for n in found if n.startswith("sqnr")]:
        output = name.removeprefix("sqnr")
        values = [found.get(f"{n}{output}", {}) for n in ("sqnr", "churn", "lost_outputs")]
        shown = ["–" if v.get("value") is None else f"{v['value']:.1f}" for v in values]
        if values[1].get("reason"):
            shown[1] = "–"
        print(f"| {model.name} | {output[1:] or 'first'} | {' | '.join(shown)} |", flush=True)


main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "litert")
