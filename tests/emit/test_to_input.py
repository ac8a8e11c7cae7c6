"""Values of a front-end or a sensor become in C what Python stores for them: all that there are, in every channel."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edgekit.data.preprocessing import Preprocessing
from edgekit.data.samples import Samples, prepared
from edgekit.data.spec import DataSpec
from edgekit.emit.to_input import ToInput, code_of, to_input
from edgekit.runtimes.values import quantize
from edgekit.types import TensorSpec

FLAGS = "-std=c11 -O2 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror -Wno-unused-function".split()
TRAPS = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error", "-shared", "-fPIC"]
C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t"}
RANGES = {"int16": (-32768, 32767), "uint8": (0, 255)}


class Case:
    """Values of a type, preprocessed, for an input."""

    def __init__(self, of: str, preprocessing: Preprocessing, stored: TensorSpec, step: float = 1.0) -> None:
        self.of, self.said, self.stored, self.step = of, preprocessing, stored, step
        self.made: ToInput = to_input(preprocessing, stored, RANGES[of], step)

    def every(self) -> np.ndarray:
        """Each value in each channel, (values, channels)."""
        low, high = RANGES[self.of]
        return np.repeat(np.arange(low, high + 1, dtype=self.of)[:, None], self.stored.shape[-1], axis=1)

    def wanted(self) -> np.ndarray:
        every = self.every()
        data = DataSpec("", "", self.said, (TensorSpec("", (1, every.shape[1]), "float32"),), 1, 0)
        return quantize(prepared(Samples((every * np.float32(self.step),), None), data)[0], self.stored)


def in_c(cases: list[Case], compiler: str = "gcc") -> list[np.ndarray]:
    """What C makes of every value, in one library, in place where that is allowed."""
    text = "#include <stdint.h>\n"
    for number, case in enumerate(cases):
        types = C_TYPES[case.of], C_TYPES[case.stored.dtype]
        text += code_of(case.made, f"to{number}", case.every().size, *types)
        text += f"void go{number}(const {types[0]} *values, {types[1]} *input) {{ to{number}(values, input); }}\n"
    prototypes = "".join(
        f"void go{n}(const {C_TYPES[c.of]} *, {C_TYPES[c.stored.dtype]} *);\n" for n, c in enumerate(cases)
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.c")
        source.write_text(text.replace("\n", "\n" + prototypes, 1), encoding="ascii")
        subprocess.run([compiler, *FLAGS, *TRAPS, "-o", f"{folder}/a.so", str(source)], check=True)
        library = ctypes.CDLL(f"{folder}/a.so")
        for number, case in enumerate(cases):
            memory = case.every().copy()
            in_place = memory.itemsize >= np.dtype(case.stored.dtype).itemsize
            made = memory if in_place else np.zeros(memory.shape, case.stored.dtype)
            library[f"go{number}"](memory.ctypes.data_as(ctypes.c_void_p), made.ctypes.data_as(ctypes.c_void_p))
            found.append(made.ravel().view(case.stored.dtype)[: memory.size].reshape(memory.shape).copy())
    return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    of, dtype = draw(st.sampled_from([*RANGES])), draw(st.sampled_from([*C_TYPES]))
    levels = np.iinfo(dtype)
    magnitude = st.floats(2**-12, 2**12)
    scale = draw(magnitude) * draw(st.sampled_from([1, -1]))
    reach = draw(st.floats(0.01, 3)) * abs(scale) * (RANGES[of][1] - RANGES[of][0])
    zero = draw(st.integers(int(levels.min), int(levels.max))) if dtype != "int16" else 0
    stored = TensorSpec("", (1, draw(st.sampled_from([1, 3]))), dtype, float(np.float32(reach / 255)), zero)
    numbers, factors = (st.tuples(*[st.floats(-most, most, width=32)] * 3) for most in (100, 4))
    said = Preprocessing(scale=scale, offset=draw(st.floats(-1, 1)) * reach)
    if stored.shape[1] == 3:
        normalized = replace(stored, subtract=draw(numbers), multiply=draw(factors))
        listed = Preprocessing(scale=draw(factors), offset=draw(numbers))
        standard = Preprocessing(mean=draw(numbers), std=draw(st.tuples(*[st.floats(0.125, 100)] * 3)))
        stored, said = draw(st.sampled_from([(stored, said), (normalized, said), (stored, listed), (stored, standard)]))
    return Case(of, said, stored, 2.0 ** draw(st.integers(-10, 0)))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(cases(), min_size=4, max_size=8))
def test_every_value_becomes_in_c_what_python_stores(drawn):
    for case, made in zip(drawn, in_c(drawn), strict=True):
        np.testing.assert_array_equal(made, case.wanted())


USUAL = {
    "0 … 255 to 0 … 1": ("uint8", Preprocessing(scale=1 / 255), 1 / 255, -128),
    "0 … 255 to -1 … 1": ("uint8", Preprocessing(scale=2 / 255, offset=-1.0), 2 / 255, -1),
    "a falling line": ("int16", Preprocessing(scale=-1.0), 0.5, 3),
    "halves on both sides of zero": ("int16", Preprocessing(), 2.0, 0),
    "nothing but the ends": ("int16", Preprocessing(scale=1e6), 1e-3, 0),
    "one value": ("int16", Preprocessing(scale=0.0), 0.25, 7),
    "never reached": ("int16", Preprocessing(offset=1e9), 0.25, 7),
    "as it is": ("int16", Preprocessing(), 1.0, 0),
}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_usual_scales(compiler):
    made = [
        Case(of, preprocessing, TensorSpec("", (1, 1), dtype, scale, zero if dtype == "int8" else 0))
        for of, preprocessing, scale, zero in USUAL.values()
        for dtype in ("int8", "int16")
    ]
    for name, case, found in zip(np.repeat([*USUAL], 2), made, in_c(made, compiler), strict=True):
        np.testing.assert_array_equal(found, case.wanted(), err_msg=str(name))


def test_what_a_picture_takes():
    """To 0 … 1 it is a subtraction; to -1 … 1, where float32 decides what becomes of halves, a table."""
    first, second = (Case(of, pre, TensorSpec("", (1, 3), "int8", *rest)) for of, pre, *rest in [*USUAL.values()][:2])
    assert [tuple(line) for line in first.made.lines] == [(1, -128, (), ())]
    assert not first.made.clamped
    assert not first.made.shift
    assert len(second.made.lines[0].table) == 256


def test_features_of_a_microphone_hit_a_line():
    """A log-mel's: 20 octaves in steps of 1/256."""
    for scale in (0.0987, 0.0713, 0.0234):
        made = Case("int16", Preprocessing(), TensorSpec("", (1, 40), "int8", scale, -128), 2**-8).made
        assert not made.lines[0].others
