"""What `edgekit shrink` makes of files from elsewhere and of our own; writes the tables of docs/how-to/shrink.md.

python benchmarks/shrink.py [FOLDER]      files of FOLDER (beside the repository by default)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import ROOT, put

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
    """Shrinks every file and writes the tables."""
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
    put(ROOT / "docs/how-to/shrink.md", {"tables": lookup_tables(), "files": table(head, rows)})


if __name__ == "__main__":
    main()
