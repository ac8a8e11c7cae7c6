"""An operator is one `.py` and one `.c`: what docs/contributing.md says of adding one, done and run."""

import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import relu_0_to_1
from code_probe import compare
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.ccode.operators import OPERATORS
from edgekit.engine import worker
from edgekit.errors import ModelError
from edgekit.runtimes import REFERENCE

ENDS = [(0.02, -7, 1 / 255, -128), (0.05, 3, 0.03, 100), (3.0, 127, 0.5, 127), (0.001, -128, 0.004, 0)]
"""Scale and zero point of input and output."""


def model(*ends: tuple[float, int, float, int]) -> bytes:
    """The operator once for each, between others: its output may lie where its input lay."""
    g = Graph()
    x = g.input([1, 3, 3, 4], 0.1, 0)
    made = []
    for given, zero, scale, other in ends:
        y = g.conv(x, np.eye(4, dtype=np.int8).reshape(4, 1, 1, 4) * 100, np.zeros(4), given, zero)
        made.append(g.unary("RELU_0_TO_1", y, scale, other))
    return g.finish(*made)


def beside_litert(path: str, kernels: str) -> int:
    """How many bytes differ from LiteRT's."""
    with patch.dict(OPERATORS, relu_0_to_1.OPERATORS):
        return compare(path, kernels, 100, ends=True, runtime=REFERENCE)[0]


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
def test_an_operator_that_is_added_is_built_compiled_and_exact(tmp_path, kernels):
    (tmp_path / "m.tflite").write_bytes(model(*ENDS))
    assert worker.call(beside_litert, str(tmp_path / "m.tflite"), kernels, returns=int) == 0


def test_it_is_held_against_its_rules_as_all_are():
    with pytest.raises(ModelError, match="RELU_0_TO_1 in 't4': C code is not written for this operator"):
        generate(model(ENDS[0]), "m")
    with patch.dict(OPERATORS, relu_0_to_1.OPERATORS):
        assert "static void m_relu_0_to_1(const int8_t *input" in generate(model(ENDS[0]), "m").files["m.c"]
        with pytest.raises(ModelError, match="its scales are too far apart"):
            generate(model((1e9, 0, 1e-9, 0)), "m")


def test_the_page_shows_what_is_tested():
    page = (Path(__file__).parents[2] / "docs/contributing.md").read_text()
    section = page.split("## An operator of standalone C")[1].split("\n## ")[0]
    own = Path(relu_0_to_1.__file__)
    shown = re.findall(r"```(c|python)\n(.*?)```", section, re.DOTALL)
    assert [language for language, _ in shown] == ["c", "python", "python"]
    for language, text in shown:
        lines = own.with_suffix(".c" if language == "c" else ".py").read_text().replace("[KERNEL]", '["relu_0_to_1"]')
        assert text.strip() in lines
