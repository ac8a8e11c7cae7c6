"""Standalone C beside TFLM: instructions, flash and RAM on a simulated Cortex-M4F; writes docs/how-to/ccode.md.

python benchmarks/ccode.py      builds the reference model; needs arm-none-eabi-gcc and qemu-system-arm
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from commands import ROOT, put

from edgekit.engine import worker
from edgekit.firmware.cores import CORES
from edgekit.report.markdown import table

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import TensorSpec

FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"
SAMPLES = 200
TFLM = {
    "reference CNN": ("29,286,290", "6,136,926", "29,044"),
    "wake_word_int8.tflite": ("", "2,227,378", "16,532"),
}
"""Instructions of TFLM with its reference kernels and with CMSIS-NN, built once by GCC 12 -O2 for M4F, and its arena
there: its C++ sources are in no package, so these are not measured again here."""


def measure(
    path: str, kernels: str, core: str, samples: int, tables: bool = False, images: bool = False
) -> dict[str, float | str]:
    """A model in TFLM beside its C code on a simulated core; in a worker for TFLM.

    Args:
      images: whether the inputs are those of the reference model's dataset, else random.
    """
    import time

    import numpy as np

    from edgekit.ccode.generate import generate
    from edgekit.emit.golden import as_stored
    from edgekit.firmware.run import ALIGNMENT, build_image, run, simulate
    from edgekit.flatbuffer.read import read_graph
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    start = time.perf_counter()
    code = generate(Path(path).read_bytes(), "m", kernels, tables=tables)
    seconds, session = time.perf_counter() - start, open_session("tflm", path)
    inputs = [random_inputs(code.inputs, seed) for seed in range(samples)]
    if images:
        pixels, of = np.load(ROOT / "assets/digits.npz")["x_test"][:samples], code.inputs[0]
        inputs = [[as_stored(image.reshape(of.shape).astype(np.float32) / 255, of)] for image in pixels]
    wanted = []
    for sample in inputs:
        session.reset()
        pairs = zip(sample, session.inputs, code.inputs, strict=True)
        session.set_inputs([_real(x, of) if own.dtype == "float32" else x for x, own, of in pairs])
        session.invoke()
        made = zip(session.get_outputs(), code.outputs, strict=True)
        wanted.append(b"".join(as_stored(output, of).tobytes() for output, of in made))
    columns = [np.stack(column) for column in zip(*inputs, strict=True)]
    ran = run(code, columns, core)
    assert ran.outputs == wanted, "other outputs than TFLM"
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        zeros = np.zeros((1, sum(-(-size // ALIGNMENT) * ALIGNMENT for size in code.sizes[0])), np.int8)
        image = build_image(code, zeros, CORES[core], Path(folder), profile=False)
        compiled = time.perf_counter() - start
        if images and core == "cortex-m4f":
            boards = [simulate(image, CORES[board], 1, code.sizes[1]) for board in (core, core, core, "cortex-m7")]
            assert boards.count(boards[0]) == 4, "another count in another run or on another board"
    return {
        "instructions": round(ran.instructions),
        "per_mac": ran.instructions / read_graph(Path(path)).macs,
        "flash": ran.flash - ran.weights,
        "weights": ran.weights,
        "arena": code.arena,
        "bound": code.bound,
        "tflm_arena": session.arena_bytes(),
        "generated": seconds,
        "compiled": compiled,
        "operators": "; ".join(f"{name}: {count:,.0f}" for name, count in ran.operators),
    }


def _real(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    """What stored values stand for."""
    import numpy as np

    return np.float32(of.scale) * (values.astype(np.int32) - of.zero_point).astype(np.float32)


def built(out: Path, *settings: str) -> Path:
    """The reference model for the microcontroller."""
    command = [sys.executable, "-m", "edgekit", "build", "--target=microcontroller", f"--out={out}"]
    done = subprocess.run(command + [f"--set={setting}" for setting in settings], cwd=ROOT, capture_output=True)
    assert done.returncode in (0, 1), done.stderr.decode()  # 1: beyond a budget, but built
    return out / "microcontroller/digits/model.tflite"


def clustered(out: Path) -> list[list[str]]:
    """What tables for the weights save and take, for so many clusters and each set of kernels."""
    rows = []
    for clusters in (16, 8, 4):
        settings = "recipe.prune=false", f"recipe.cluster.clusters={clusters}", "recipe.cluster.epochs=1"
        file = str(built(out / str(clusters), *settings, "budget.arena=48 KiB"))
        for kernels in ("portable", "dsp"):
            pairs = []
            for tables in (False, True):
                arguments = (file, kernels, "cortex-m4f", 20, tables)
                pairs.append(worker.call("ccode:measure", *arguments, returns=dict[str, float | str]))
            plain, less = pairs
            cells = [
                f"{plain[name]:,.0f} → {less[name]:,.0f}" for name in ("weights", "flash", "arena", "instructions")
            ]
            more = float(less["instructions"]) / float(plain["instructions"]) - 1
            rows.append([str(clusters), kernels, *cells[:3], f"{cells[3]} (+{100 * more:.0f} %)"])
            print(*rows[-1], sep=" | ", flush=True)
    return rows


def measured(file: Path, kernels: str, core: str, images: bool) -> dict[str, float | str]:
    """See `measure`."""
    arguments = (str(file), kernels, core, SAMPLES if images else 20, False, images)
    return worker.call("ccode:measure", *arguments, returns=dict[str, float | str])


def _of_core(file: Path, core: str) -> list[str]:
    both = [measured(file, kernels, core, images=True) for kernels in ("portable", "dsp")]
    return [f"{of['instructions']:,.0f} ({of['per_mac']:.2f})" for of in both]


def main() -> None:
    """Measures every model and writes the page."""
    os.environ["PYTHONPATH"] = str(ROOT / "benchmarks")  # where the worker finds this file
    rows, layers, cores = [], [], []
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out)
        reference = built(folder)
        wider = built(folder / "int16x8", "recipe.quantize.scheme=int16x8")
        few = clustered(folder)
        names = "anomaly_autoencoder audio_commands ecg_autoencoder hello_world magic_wand micro_speech".split()
        names += ["mnist_lstm", "on_off", "wake_word"]
        for file in [reference, wider, *(FOLDER / f"{name}_int8.tflite" for name in names)]:
            name = {reference: "reference CNN", wider: "reference CNN, int16x8"}.get(file, file.name)
            images = file in (reference, wider)
            portable, dsp = (measured(file, kernels, "cortex-m4f", images) for kernels in ("portable", "dsp"))
            given = TFLM.get(name, ("", "", ""))
            rows.append(
                [
                    name,
                    f"{portable['instructions']:,.0f} ({portable['per_mac']:.2f})",
                    f"{dsp['instructions']:,.0f} ({dsp['per_mac']:.2f})",
                    *given[:2],
                    f"{portable['flash']:,.0f}; {dsp['flash']:,.0f}",
                    f"{portable['arena']:,.0f}; {dsp['arena']:,.0f}",
                    f"{portable['bound']:,.0f}; {dsp['bound']:,.0f}",
                    given[2] or f"{portable['tflm_arena']:,.0f} on the host",
                    f"{dsp['generated']:.2f} s, {dsp['compiled']:.1f} s",
                ]
            )
            print(*rows[-1], sep=" | ", flush=True)
            if file == reference:
                one, other = (str(of["operators"]).split("; ") for of in (portable, dsp))
                pairs = (pair[0].split(": ") + pair[1].split(": ")[1:] for pair in zip(one, other, strict=True))
                layers = [list(pair) for pair in pairs]
                cores = [[core, *_of_core(file, core)] for core in CORES]
    head = [
        *("model", "portable (per MAC)", "DSP (per MAC)", "TFLM reference", "TFLM with CMSIS-NN"),
        *("flash beyond the weights", "arena", "least possible", "arena of TFLM", "generated, compiled in"),
    ]
    columns = ["clusters", "kernels", "weights", "flash beyond them", "arena", "instructions"]
    tables = {
        "clusters": table(columns, few),
        "models": table(head, rows),
        "cores": table(["core", "portable (per MAC)", "DSP (per MAC)"], cores),
        "operators": table(["operator", "portable", "DSP"], layers),
    }
    put(ROOT / "docs/how-to/ccode.md", tables)


if __name__ == "__main__":
    main()
