"""What `edgekit shrink` makes of files from elsewhere and of our own; writes docs/how-to/shrink.md.

python benchmarks/shrink.py [FOLDER]      files of FOLDER (beside the repository by default)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import ROOT

from edgekit.commands.shrink import shrink
from edgekit.report.markdown import table

SIZES = (64, 16, 8, 4)
"""Clusters a layer."""
FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"


def dead_channels() -> bytes:
    """A large int8 network made by hand, of which every seventh channel has no weights."""
    sys.path.insert(0, str(ROOT / "tests"))
    import numpy as np
    from make_graph import Graph

    rng, graph = np.random.default_rng(0), Graph()
    x = graph.input([1, 16, 16, 64], 0.05, 3)
    for stride in (1, 2, 2, 2):
        weights = rng.integers(-127, 128, (512, 3, 3, graph.shape(x)[3])).astype(np.int8)
        weights[::7] = 0
        bias = rng.integers(-500, 500, 512)
        bias[::14] = -100
        x = graph.conv(x, weights, bias, 0.1, -128, activation="RELU", stride=stride)
    x = graph.reshape(x, [1, int(np.prod(graph.shape(x)))])
    x = graph.dense(x, rng.integers(-127, 128, (1000, graph.shape(x)[1])).astype(np.int8), rng.integers(-9, 9, 1000))
    return graph.finish(x)


def lookup_tables() -> str:
    """The reference model, clustered, for a microcontroller."""
    rows = []
    for clusters in SIZES:
        sets = [
            f"recipe.cluster.clusters={clusters}",
            "recipe.prune=false",
            "budget.arena=40 KiB",
            "recipe.shrink.lookup_tables=true",
        ]
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "edgekit", "build", "--target=microcontroller", f"--out={out}", "--json"]
            done = subprocess.run([*command, *(f"--set={s}" for s in sets)], cwd=ROOT, capture_output=True, text=True)
            report = json.loads(done.stdout)
        sizes = {row["name"]: row["bytes"] for row in report["stages"] if row["bytes"]}
        value = {(m["name"], m["artifact"], m["runtime"].split(" ")[0]): m["value"] for m in report["measurements"]}
        shipped = report["artifacts"][0]["bytes"]
        rows.append(
            [
                f"{clusters}",
                f"{sizes['quantize']:,}",
                f"{shipped:,}",
                f"{100 * shipped / sizes['quantize']:.1f} %",
                f"{value['arena', 'quantize', 'tflm']:,.0f} → {value['arena', 'model', 'tflm']:,.0f}",
                f"{value['accuracy', 'model', 'tflm']:.2f} %",
            ]
        )
    return table(["clusters", "int8", "shipped", "share", "arena", "accuracy in TFLM"], rows)


def main() -> None:
    """Shrinks every file and writes the page."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else FOLDER
    rows = []
    with tempfile.TemporaryDirectory() as out:
        dead = Path(out) / "dead_channels.tflite"
        dead.write_bytes(dead_channels())
        for file in [*sorted(folder.glob("*.tflite")), dead]:
            found = shrink(file, Path(out), keep_names=False)
            name = file.name
            less = f"{100 * (1 - found.after / found.before):.1f} %"
            same = ", ".join(n for n, said in found.proven.items() if said.startswith("identical"))
            macs = "" if found.macs[0] == found.macs[1] else f"{found.macs[0]:,} → {found.macs[1]:,}"
            rows.append([name, f"{found.before:,}", f"{found.after:,}", less, macs, same])
            print(*rows[-1], sep=" | ", flush=True)
    head = ["file", "bytes", "shrunk", "less", "multiply-accumulates", "identical on 64 random inputs in"]
    page = f"""# Smaller, with the same outputs

Every build shrinks what ships, and `invoke shrink FILE.tflite --out=DIR` a file from elsewhere. What no output depends
on is left out: names of inner tensors (inputs, outputs and signatures keep theirs; `--keep-names` keeps all),
statistics of calibration, descriptions, metadata that no runtime reads, operator codes, buffers and tensors that
nothing refers to, and operators that do nothing. Equal vectors, quantizations, options and tensors are stored once,
and every buffer lies at a multiple of 16 bytes. Data that lies behind the FlatBuffer, as in large models, moves inside,
where TFLM finds it.

Metadata that applications read, and the files that are packed behind a model as a zip archive (labels and vocabularies,
where Task Library and MediaPipe look for them), stay byte for byte; `shrink` and the report name them. A `.tflite` that
a build quantizes hands them on, unless its inputs or outputs have other shapes then. Names and order of inputs and
outputs are those of the Keras model.

Channels that compute a constant, because all their weights are zero or all that they read is constant, go too, and
so do those that nobody reads. The constant moves into the biases of what reads it, through convolution, depthwise
convolution, dense layers, pooling, activations, sums and concatenations. Where a layer puts zeros around its input, the
constant has to be the stored zero; where runtimes may round to either side, the channel stays. Flash, arena and
multiply-accumulates fall. `recipe.shrink.harvest = false` leaves them.

What does not depend on the input is computed beforehand, by LiteRT's plain kernels: operators that read constants
only, and SHAPE of a tensor whose sizes are fixed, with all that follows from it (STRIDED_SLICE, PACK, …), as Keras
writes them around reshapes and transposed convolutions. Where the file leaves the batch open, a runtime may be given
another one, so SHAPE stays; standalone C, which has one size, [takes that of the file](ccode.md). `recipe.shrink.fold
= false` leaves all of it.

Before the smaller file is kept, every runtime of the target (for a file from elsewhere: every one that is installed)
runs both on 64 random inputs, and in a build on all calibration samples; if one output differs in one bit, or a runtime
refuses what it took before, what was computed beforehand is left, then the channels, and if that does not help, the
original stays and the report says why. The names that a build takes out lie in `model.names.json`, as symbols beside a
stripped binary, and `compare`, `inspect` and `diverge` read them from there. `recipe.shrink = false` leaves out the
stage.

Time and memory are linear in the file. One that asks for more processor time (5 s, and 5 µs for each of its first
16 MiB) or memory (128 MiB, and ten times its size) than that is left as it is, with these words; nothing is kept of it
in the store.

## Lookup tables

Where TFLM ships and `recipe.shrink.lookup_tables = true` asks for it, weights with few different values, as clustering
makes them, become indices of one to six bits into a table for each channel, if that takes at most three quarters of the
weight's bytes, makes the file smaller, and the arena stays within `budget.arena`: TFLM decodes a weight into the arena
while it runs, with its operator DECODE, which copies of TFLM from before 2025 lack, as the report says. Only TFLM
executes such a file; other runtimes of the target run its twin without tables, whose outputs are proven to be the same,
and so do `bench`, `diverge`, `compat` and `ccode`. `recipe.cluster.goal = "24 KiB"` halves the number of clusters until
the file fits, with tables. Standalone C then [has tables too](ccode.md#weights-as-lookup-tables).

The report's receipt says what each technique bought: bytes, deflated bytes, activations, arena, multiply-accumulates,
latency and accuracy, and if nothing, why.

{lookup_tables()}

## Files from elsewhere

Made by `python benchmarks/shrink.py`:

{table(head, rows)}
"""
    (ROOT / "docs/how-to/shrink.md").write_text(page)


if __name__ == "__main__":
    main()
