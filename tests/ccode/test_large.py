"""Models of many operators: the code stays exact, and its stack small, whatever is fanned out, chained or skipped."""

import subprocess

import numpy as np
import pytest
from code_probe import compare
from make_graph import Graph

from edgekit.ccode.generate import generate

COUNT = 300
"""More than a part of `NAME_run` has, and than a function takes."""


def chain() -> bytes:
    g = Graph()
    x = g.input([1, 4])
    for _ in range(COUNT):
        x = g.unary("RELU", g.add(x, x, 0.2), 0.1, 0)
    return g.finish(x)


def fan() -> bytes:
    g = Graph()
    x = g.input([1, 40])
    parts = [g.tensor([1, 1]) for _ in range(40)]
    g.operator("SPLIT", [g.constant(np.array(1, np.int32)), x], parts, "SplitOptions", numSplits=40)
    return g.finish(*(g.unary("RELU", parts[n % 40], 0.1 + n % 7 / 100, 0) for n in range(COUNT)))


def skips() -> bytes:
    g = Graph()
    x, kept = g.input([1, 4]), []
    for _ in range(COUNT // 2):
        x = g.unary("RELU", x, 0.1, 0)
        kept.append(x)
    for y in reversed(kept):
        x = g.add(x, y, 0.1, 0)
    return g.finish(x, kept[3])


@pytest.mark.parametrize("build", [chain, fan, skips])
def test_many_operators_are_exact_and_take_little_stack(build, tflm, tmp_path):
    content = build()
    for name, text in generate(content, "m").files.items():
        (tmp_path / name).write_text(text)
    subprocess.run("gcc -std=c11 -O2 -fstack-usage -c m.c".split(), cwd=tmp_path, check=True)
    stacks = [int(line.split("\t")[1]) for line in (tmp_path / "m.su").read_text().splitlines()]
    assert max(stacks) < 2048
    (tmp_path / "m.tflite").write_bytes(content)
    assert tflm.call(compare, str(tmp_path / "m.tflite"), "portable", 10, returns=tuple[int, int, int])[0] == 0
