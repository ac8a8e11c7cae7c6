"""Files with other fields than they had are refused in one line, or their code runs under sanitizers as TFLM does."""

import sys
from pathlib import Path

import numpy as np
import pytest
from make_graph import Graph
from slow_part import all_but

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import fuzz_ccode

from edgekit.engine import worker
from edgekit.flatbuffer.edit import objects, packed


def fuzz(seed: int, most: int) -> list[str]:
    """In a worker for TFLM: what was found, and how many were refused and run."""
    found = fuzz_ccode.campaign(fuzz_ccode.bases(), seed, most=most, share=0.25)
    said = [f"{mutant.base}, {mutant.kernels}: {problem}" for mutant, problem in found.findings]
    return [*said, f"{found.counts['refused']} {found.counts['run']}"]


@pytest.mark.parametrize("seed", all_but([1], [1, 2]))
def test_thousands_of_mutants_are_refused_or_run_clean(seed):
    *findings, counts = worker.call(fuzz, seed, 1050, returns=list[str], time_limit=600)
    refused, run = map(int, counts.split())
    assert not findings and refused > 300 and run > 30


def layer(g: Graph) -> int:
    """A convolution."""
    return g.conv(g.input([1, 4, 4, 2]), np.ones((3, 1, 1, 2), np.int8), np.zeros(3))


def broken(name: str) -> list[str]:
    """In a worker: what the campaign says of code that writes past its output, and of code with another sum."""
    g = Graph()
    mutant = fuzz_ccode.written(fuzz_ccode.Mutant("conv", g.finish(layer(g)), "portable"))
    mutant = fuzz_ccode.asked(mutant)
    before, after = {
        "overrun": ("{4, 4, 2, 2, 4, 4", "{4, 4, 2, 2, 5, 4"),
        "sum": (" 3, 0, -128, 127}", " 3, 1, -128, 127}"),
    }[name]
    assert before in mutant.source
    mutant.source = mutant.source.replace(before, after)
    folder = Path(fuzz_ccode.tempfile.mkdtemp())
    return [said for _, said in fuzz_ccode.tried([mutant], folder)]


@pytest.mark.parametrize(("name", "words"), [("overrun", "heap-buffer-overflow"), ("sum", "not those of TFLM")])
def test_the_campaign_sees_code_that_is_wrong(name, words):
    (said,) = worker.call(broken, name, returns=list[str])
    assert words in said


def chance() -> list[str]:
    """In a worker: whether TFLM's answer is its own where it writes no output, and where it does."""
    g, found = Graph(), []
    content = g.finish(g.conv(g.input([1, 4, 4, 2]), np.ones((1, 3, 3, 2), np.int8), np.zeros(2), depthwise=True))
    for multiplier in (0, 1):
        model = objects(content)
        model.subgraphs[0].operators[0].builtinOptions.depthMultiplier = multiplier
        mutant = fuzz_ccode.Mutant("depthwise", packed(model), "portable", inputs=[("int8", (1, 4, 4, 2))])
        found.append(str(fuzz_ccode.by_chance(fuzz_ccode.asked(mutant))))
    return found


def test_an_answer_that_tflm_has_by_chance_is_told_from_its_own():
    assert worker.call(chance, returns=list[str]) == ["True", "False"]
