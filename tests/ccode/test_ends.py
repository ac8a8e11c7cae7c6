"""Inputs and outputs of every type that a file can have: C that compiles, or a refusal in one line."""

import subprocess

import numpy as np
import pytest
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.schema import accessors

TYPES = [name for name in vars(accessors().TensorType) if not name.startswith("_")]
WHERE = ["input", "output", "both", "quantized", "dequantized", "constant", "passed"]


def model(dtype: str, where: str) -> bytes:
    """A graph in which tensors at an end are of a type."""
    g = Graph()
    other = "INT8" if where in ("input", "output") else dtype
    if where == "constant":  # as where a converter could work out an output beforehand
        x = g.input([1, 4])
        c = g.tensor([4], 0.1, 0, dtype)
        g.model.buffers.append(g.s.BufferT())
        g.graph.tensors[c].buffer = len(g.model.buffers) - 1
        g.model.buffers[-1].data = np.zeros(4 * 8 if dtype.endswith("64") else 16, np.uint8)
        return g.finish(g.unary("RELU", x, 0.1, 0), c)
    if where == "passed":
        x = g.input([1, 4], 0.1, 0, dtype)
        return g.finish(g.unary("RELU", g.input([1, 4]), 0.1, 0), x)
    x = g.input([1, 4], 0.1, 0, "INT8" if where in ("output", "dequantized") else dtype)
    made = g.tensor([1, 4], 0.1, 0, "INT8" if where in ("input", "quantized") else dtype if where != "both" else other)
    kind = {"quantized": "QUANTIZE", "dequantized": "DEQUANTIZE"}.get(where, "RELU")
    return g.finish(g.operator(kind, [x], [made]))


@pytest.mark.parametrize("where", WHERE)
def test_ends_of_every_type_compile_or_are_refused(tmp_path, where):
    written = []
    for dtype in TYPES:
        content = model(dtype, where)
        try:
            parse_graph(content, "m")
            code = generate(content, "m")
        except ModelError as refusal:
            assert "\n" not in str(refusal)
            continue
        written.append(dtype)
        for name, text in code.files.items():
            (tmp_path / name).write_text(text)
        command = "gcc -std=c11 -Wall -Wextra -Wconversion -Wpedantic -Werror -c m.c"
        subprocess.run(command.split(), cwd=tmp_path, check=True)
    assert set(written) <= {"INT8", "UINT8", "INT16", "INT32", "FLOAT32"}
    assert "INT8" in written or where in ("constant", "dequantized")
    assert "FLOAT32" not in written or where in ("quantized", "dequantized")
