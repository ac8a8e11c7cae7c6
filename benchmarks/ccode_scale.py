"""How long `ccode` takes for models of many operators, and how much stack their code does.

python benchmarks/ccode_scale.py [--operators=10000] [--stack]      prints the table of docs/how-to/ccode.md

Seconds are those of the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import numpy as np
from make_graph import Graph


def chain(count: int) -> bytes:
    """Sums, one after the other."""
    g = Graph()
    x = g.input([1, 8])
    for n in range(count):
        x = g.add(x, x, 0.1 + n * 1e-6)
    return g.finish(x)


def layers(count: int) -> bytes:
    """Convolutions, one after the other."""
    g = Graph()
    x = g.input([1, 4, 4, 4])
    for n in range(count):
        x = g.conv(x, np.full((4, 1, 1, 4), n % 100, np.int8), np.zeros(4))
    return g.finish(x)


def fan(count: int) -> bytes:
    """One tensor that all read, and one that all are joined to."""
    g = Graph()
    x = g.input([1, 8])
    return g.finish(g.concat([g.unary("RELU", x, 0.1, 0) for _ in range(count)], 1))


def skips(count: int) -> bytes:
    """What is made first is read last: half of all tensors are in use at once."""
    g = Graph()
    x, kept = g.input([1, 8]), []
    for _ in range(count // 2):
        x = g.unary("RELU", x, 0.1, 0)
        kept.append(x)
    for y in reversed(kept):
        x = g.add(x, y)
    return g.finish(x)


def giant(count: int) -> bytes:
    """One dense layer with 1,000 weights for each of so many operators, and an input of as many values."""
    g = Graph()
    rows = np.random.default_rng(0).integers(-127, 128, (1000, count)).astype(np.int8)
    return g.finish(g.dense(g.input([1, count]), rows, np.zeros(1000), 3.0))


SHAPES: tuple[Callable[[int], bytes], ...] = (chain, layers, fan, skips, giant)


def _seconds(command: list[str]) -> float:
    """Of the processor, in the command and what it starts."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _stack(source: Path) -> int:
    """Bytes of the function that takes most."""
    command = ["gcc", "-std=c11", "-O1", "-fstack-usage", "-c", source.name]
    subprocess.run(command, cwd=source.parent, check=True)
    return max(int(line.split("\t")[1]) for line in source.with_suffix(".su").read_text().splitlines())


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operators", type=int, default=10_000)
    parser.add_argument("--stack", action="store_true")
    given = parser.parse_args()
    print("| model | file | `ccode` |" + " largest stack of a function |" * given.stack)
    print("| --- | --- | --- |" + " --- |" * given.stack)
    for build in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{build.__name__}.tflite"
            path.write_bytes(build(given.operators))
            edgekit = [sys.executable, "-m", "edgekit"]
            seconds = _seconds([*edgekit, "ccode", str(path), "--name=m", f"--out={folder}"])
            said = (build.__doc__ or "").strip(".")
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            stack = f" {_stack(Path(folder) / 'm.c'):,} bytes |" if given.stack else ""
            print(f"| {said[0].lower()}{said[1:]} | {size} | {seconds:.1f} s |{stack}", flush=True)


if __name__ == "__main__":
    main()
