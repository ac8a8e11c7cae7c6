"""GATHER with indices that the model is given: embeddings. Each index is looked at before it is used."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from code_probe import compare
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.engine import worker
from edgekit.errors import ModelError
from edgekit.runtimes import REFERENCE

SIZE = 7
"""Of the axis that indices go along."""
MAIN = """
#include <stdio.h>
#include "m.h"
int main(void) {
  static int8_t output[M_OUTPUT_BYTES], arena[M_ARENA_BYTES + 1];
  int32_t indices[4];
  for (int i = 0; i < 4; i++) if (scanf("%d", &indices[i]) != 1) return 9;
  return m_run(indices, output, arena);
}
"""


def embedding(dtype: str = "INT8", axis: int = 0, constant: bool = True, indices: str = "INT32") -> bytes:
    """Rows of a table, or parts of another input, and something behind them."""
    rng, g = np.random.default_rng(0), Graph()
    zero = 0 if dtype == "INT16" else -5
    shape = [3, 4]
    shape.insert(axis, SIZE)
    limits = np.iinfo(dtype.lower())
    values = rng.integers(limits.min, limits.max, shape).astype(dtype.lower())
    x = g.constant(values, 0.1, zero=zero) if constant else g.input(shape, 0.1, zero, dtype)
    given = g.input([2, 2], 0.0, 0, indices)
    made = [*shape[:axis], 2, 2, *shape[axis + 1 :]]
    y = g.operator("GATHER", [x, given], [g.tensor(made, 0.1, zero, dtype)], "GatherOptions", axis=axis)
    return g.finish(g.add(y, y, 0.2, zero) if dtype == "INT8" else y)


@pytest.mark.parametrize("kernels", ["portable", "dsp"])
@pytest.mark.parametrize(
    "of", [{}, {"dtype": "INT16"}, {"axis": 1}, {"axis": 2, "constant": False}], ids=["rows", "int16", "parts", "input"]
)
def test_what_indices_take_is_what_they_take_in_a_runtime(tmp_path, of, kernels):
    (tmp_path / "m.tflite").write_bytes(embedding(**of))
    runtime = REFERENCE if "dtype" in of else "tflm"  # TFLM takes no int16
    arguments = (str(tmp_path / "m.tflite"), kernels, 40, "gcc", False, False, False, runtime, SIZE)
    assert worker.call(compare, *arguments, returns=tuple[int, int, int])[0] == 0


def run(folder: Path, indices: str) -> int:
    """What `m_run` returns for four indices."""
    return subprocess.run(["./m"], cwd=folder, input=indices.encode()).returncode


def test_an_index_that_the_table_has_not_is_told_and_reads_nothing(tmp_path):
    code = generate(embedding(), "m")
    assert "or 1 where an index is beyond what it is for. */" in code.files["m.h"]
    assert "int32 2 x 2; indices */" in code.files["m.h"] and [spec.dtype for spec in code.inputs] == ["int32"]
    for name, text in (code.files | {"main.c": MAIN}).items():
        (tmp_path / name).write_text(text)
    flags = "-std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror -fsanitize=address,undefined main.c m.c -o m"
    subprocess.run(["gcc", *flags.split()], cwd=tmp_path, check=True)
    assert run(tmp_path, f"0 {SIZE - 1} 3 0") == 0
    for wrong in (f"0 1 2 {SIZE}", "-1 0 0 0", "0 2147483647 0 0", "0 0 -2147483648 0"):
        assert run(tmp_path, wrong) == 1


def test_indices_are_of_32_bits_and_nothing_else():
    with pytest.raises(ModelError, match="operator 0, GATHER in 't2': tensor 't1' is int64; C code is written for"):
        generate(embedding(indices="INT64"), "m")
    g = Graph()
    x = g.input([1, 4], 0.0, 0, "INT32")
    table = g.constant(np.zeros((5, 3), np.int8), 0.1)
    y = g.operator("GATHER", [table, x], [g.tensor([1, 4, 3])], "GatherOptions")
    z = g.operator("RESHAPE", [x, g.constant(np.array([4], np.int32))], [g.tensor([4], 0.0, 0, "INT32")])
    with pytest.raises(ModelError, match="operator 1, RESHAPE in 't4': tensor 't0' is int32; C code is written for"):
        generate(g.finish(y, z), "m")
