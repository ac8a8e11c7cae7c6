"""Operators that compute the same whatever the input."""

import numpy as np
from make_graph import Graph

from edgekit.flatbuffer.read import parse_graph
from edgekit.runtimes import RUNTIMES, installed
from edgekit.shrink.file import shrink_file
from edgekit.shrink.proof import prove
from edgekit.shrink.settings import Shrink


def shrunk(content: bytes, folder) -> bytes:
    (folder / "in.tflite").write_bytes(content)
    shrink_file.run(str(folder), str(folder / "in.tflite"), Shrink())
    return (folder / "model.tflite").read_bytes()


def test_a_constant_subgraph_becomes_a_constant(tmp_path):
    g = Graph()
    x = g.input([1, 3, 4, 5])
    values = [g.constant(np.arange(60, dtype=np.int8).reshape(1, 3, 4, 5) - shift, 0.1) for shift in (0, 90)]
    both = g.add(*values, 0.2, 3)
    weights = g.operator(
        "TRANSPOSE", [both, g.constant(np.array([0, 1, 2, 3], np.int32))], [g.tensor([1, 3, 4, 5], 0.2, 3)]
    )
    out = g.add(x, weights, 0.3, -1)
    content = g.finish(out)
    after = shrunk(content, tmp_path)
    assert parse_graph(after, "it").operator_names == ("ADD",) and len(parse_graph(after, "it").operators) == 1
    assert len(after) < len(content)
    for runtime in filter(installed, RUNTIMES):
        said = prove(tmp_path / "in.tflite", tmp_path / "model.tflite", runtime)
        assert said == "identical on 64 random inputs", (runtime, said)


def test_what_is_stored_small_stays_small(tmp_path):
    g = Graph()
    x = g.input([1, 8], 0.0, 0, "FLOAT32")
    wide = g.tensor([1, 8], 0.0, 0, "FLOAT32")
    g.operator("DEQUANTIZE", [g.constant(np.arange(8, dtype=np.int8).reshape(1, 8), 0.1)], [wide])
    out = g.operator("ADD", [x, wide], [g.tensor([1, 8], 0.0, 0, "FLOAT32")], "AddOptions")
    assert "DEQUANTIZE" in parse_graph(shrunk(g.finish(out), tmp_path), "it").operator_names


def test_what_litert_does_not_run_is_not_folded(tmp_path):
    g = Graph()
    x = g.input([1, 4])
    broken = g.operator("TRANSPOSE", [g.constant(np.zeros((1, 4), np.int8), 0.1), x], [g.tensor([1, 4], 0.1)])
    nothing = g.operator("ADD", [g.constant(np.zeros((1, 4), np.int8), 0.1)] * 3, [g.tensor([1, 4], 0.1)])
    content = g.finish(g.add(broken, nothing))
    assert parse_graph(shrunk(content, tmp_path), "it").operator_names == ("ADD", "TRANSPOSE")
