"""QUANTIZE between all types that TFLM has is exact, at the ends of a model and inside it."""

import numpy as np
import pytest
from code_probe import compare
from make_graph import Graph

from edgekit.ccode.generate import generate
from edgekit.ccode.operators.quantize import PAIRS
from edgekit.errors import ModelError

ENDS = {"int8": (0.05, -3), "uint8": (0.05, 125), "int16": (2e-4, 0), "int32": (3e-9, 0)}
"""A scale and zero point for each type; those of 8 bits stand for the same values."""


def quantized(source: str, made: str, scale: float = 1.0) -> bytes:
    """One QUANTIZE, whose output's scale is so many times what `ENDS` says."""
    g = Graph()
    x = g.input([1, 300], *ENDS[source], source.upper())
    step, zero = ENDS[made]
    return g.finish(
        g.operator("QUANTIZE", [x], [g.tensor([1, 300], step * scale, zero, made.upper())], "QuantizeOptions")
    )


def differing(tflm, folder, content: bytes, kernels: str = "portable") -> int:
    (folder / "m.tflite").write_bytes(content)
    found, _, _ = tflm.call(compare, str(folder / "m.tflite"), kernels, 60, "gcc", returns=tuple[int, int, int])
    return found


@pytest.mark.parametrize("scale", [1.0, 1.7, 0.013])
@pytest.mark.parametrize(("source", "made"), sorted(pair for pair in PAIRS if pair[1] != "int32"))
def test_values_of_all_types_become_what_tflm_makes_of_them(tflm, tmp_path, source, made, scale):
    assert differing(tflm, tmp_path, quantized(source, made, scale)) == 0


@pytest.mark.parametrize("scale", [1e9, 3e7])
@pytest.mark.parametrize("source", ["int8", "int16"])
def test_values_become_wide_where_32_bits_hold_them(tflm, tmp_path, source, scale):
    assert differing(tflm, tmp_path, quantized(source, "int32", scale)) == 0


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_a_model_takes_and_gives_what_quantize_takes_and_gives(tflm, tmp_path, dtype):
    """uint8 around a graph of int8, as converters are told by `inference_input_type`."""
    g = Graph()
    x = g.input([1, 6, 6, 3], *ENDS[dtype], dtype.upper())
    h = g.operator("QUANTIZE", [x], [g.tensor([1, 6, 6, 3], 0.05, -3)], "QuantizeOptions")
    weights = np.random.default_rng(0).integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
    h = g.conv(h, weights, np.arange(4), 0.5, -3)
    step = ENDS[dtype] if dtype == "uint8" else (1e-3, 0)
    out = g.operator("QUANTIZE", [h], [g.tensor(g.shape(h), *step, dtype.upper())], "QuantizeOptions")
    for kernels in ("portable", "dsp"):
        assert differing(tflm, tmp_path, g.finish(out), kernels) == 0
    code = generate(g.finish(out), "m")
    assert f"int m_run(const {dtype}_t *input, {dtype}_t *output, void *arena);" in code.files["m.h"]
    assert ("m_shift_uint8(" in code.files["m.c"]) == (dtype == "uint8")


@pytest.mark.parametrize(
    ("source", "made", "said"),
    [
        ("uint8", "uint8", "TFLM does not make uint8 of uint8"),
        ("uint8", "int16", "TFLM does not make int16 of uint8"),
        ("int32", "int32", "its scales are too far apart"),
        ("int16", "int32", "its scales are too far apart"),
    ],
)
def test_what_tflm_does_not_convert_is_refused(source, made, said):
    with pytest.raises(ModelError, match=said):
        generate(quantized(source, made), "m")


@pytest.mark.parametrize("dtype", ["UINT8", "INT32"])
def test_other_operators_take_no_such_values(dtype):
    g = Graph()
    x = g.input([1, 4], 0.05, 125 if dtype == "UINT8" else 0, dtype)
    with pytest.raises(ModelError, match=f"is {dtype.lower()}; C code is written for int8 and int16"):
        generate(g.finish(g.unary("RELU", x, 0.05, 0)), "m")
