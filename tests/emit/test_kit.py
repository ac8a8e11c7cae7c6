"""The sources of `c/`, compiled and run as firmware would."""

import hashlib
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit_probe import LABELS, through, write_detector, write_kit
from make_graph import Graph, detector
from slow_part import all_but
from tflm_shim import engine, write_shim

from edgekit.ccode.generate import generate
from edgekit.emit.c_array import CArray
from edgekit.emit.kit import Kit, emit_file, files
from edgekit.emit.literals import c_number, c_string
from edgekit.emit.settings import Outputs
from edgekit.engine import worker
from edgekit.flatbuffer.read import read_graph
from edgekit.types import Arena

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
CPP = {"gcc": "g++", "clang": "clang++"}
TESTED = '#include "net_selftest.h"\nint main(void) { return net_selftest(); }\n'


def single(dtype: str = "INT8") -> bytes:
    g = Graph()
    x = g.input([1, 4, 4, 2], 0.1, 3 if dtype == "INT8" else 0, dtype)
    if dtype == "INT8":
        return g.finish(g.pool(x))
    return g.finish(
        g.operator("RESHAPE", [x, g.constant(np.array([1, 32], np.int32))], [g.tensor([1, 32], 0.1, 0, dtype)])
    )


def several() -> bytes:
    """Two inputs, two outputs."""
    g = Graph()
    a, b = g.input([1, 4, 4, 2]), g.input([1, 4, 4, 2], 0.2, -7)
    return g.finish(g.add(a, b), g.pool(a))


@pytest.fixture(scope="module")
def kits(tmp_path_factory, shared):
    """A folder for each model with its `c/`."""
    made = {}
    states = (shared / "models/tflite/mnist_lstm_int8.tflite").read_bytes()
    contents = {"single": single(), "int16": single("INT16"), "several": several(), "states": states}
    with worker.Worker() as process:
        for name, content in contents.items():
            folder = tmp_path_factory.mktemp(name)
            (folder / "model.tflite").write_bytes(content)
            (folder / "c").mkdir()
            process.call(write_kit, str(folder / "model.tflite"), str(folder / "c"), returns=None)
            made[name] = folder
    return made


def compiled(folder: Path, command: list[str], *sources: str) -> Path:
    subprocess.run([*command, *sources, "-o", "t"], cwd=folder, check=True, timeout=60)
    return folder / "t"


BEFORE = ("-include", "hostile.h")
"""What vendors define stands before ours."""


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("model", all_but(("several", "states"), ["single", "int16", "several", "states"]))
def test_the_selftest_passes_with_either_engine_beside_headers_of_vendors(kits, tmp_path, model, compiler):
    folder = kits[model] / "c"
    (tmp_path / "main.c").write_text(TESTED)
    write_shim(tmp_path)
    common = ["main.c", *(str(folder / f"net_{name}.c") for name in ("golden", "selftest"))]
    flags = ["-std=c11", *STRICT, *BEFORE, f"-I{folder}"]
    assert subprocess.run([compiled(tmp_path, [compiler, *flags], *common, str(folder / "net.c"))]).returncode == 0

    graph = read_graph(kits[model] / "model.tflite")
    ends = [
        [(f"{e.dtype}_t", int(np.prod(e.shape)) * np.dtype(e.dtype).itemsize) for e in of]
        for of in (graph.inputs, graph.outputs)
    ]
    (tmp_path / "shim.cpp").write_text(engine("net", *ends, model == "states"))
    for language, sources in {
        "c": [*common, folder / "net.c", folder / "net_model.c"],
        "cpp": ["shim.cpp", folder / "net_tflm.cpp"],
    }.items():
        standard = ["-std=c11", compiler] if language == "c" else ["-std=c++17", CPP[compiler]]
        for source in map(str, sources):
            command = [standard[1], standard[0], *STRICT, "-DNET_SELFTEST_TFLM", "-I.", f"-I{folder}", "-c", source]
            command += [] if source == "shim.cpp" else BEFORE
            subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    objects = [p.name for p in tmp_path.glob("*.o")]
    assert subprocess.run([compiled(tmp_path, [CPP[compiler]], *objects)]).returncode == 0


def test_the_selftest_forgets_between_vectors(kits, tmp_path):
    folder = kits["states"] / "c"
    (tmp_path / "main.c").write_text(TESTED)
    text = (folder / "net_selftest.c").read_text()
    (tmp_path / "net_selftest.c").write_text(
        text.replace("    NET_SELFTEST_RESET(arena);", "    if (!vector) NET_SELFTEST_RESET(arena);")
    )
    sources = ["main.c", "net_selftest.c", str(folder / "net.c"), str(folder / "net_golden.c")]
    assert subprocess.run([compiled(tmp_path, ["gcc", "-std=c11", f"-I{folder}"], *sources)]).returncode > 0


@pytest.mark.parametrize("changed", [False, True])
def test_a_detector_has_a_selftest_of_what_its_c_makes(tmp_path, changed):
    (tmp_path / "m.tflite").write_bytes(detector())
    worker.call(write_detector, str(tmp_path / "m.tflite"), str(tmp_path), returns=None)
    (tmp_path / "main.c").write_text(TESTED)
    if changed:
        golden = (tmp_path / "net_golden.c").read_text()
        (tmp_path / "net_golden.c").write_text(
            re.sub(r"(output1\[NET_GOLDEN\]\[\d+\] = \{\s*\{\s*)-?\d+", r"\g<1>1", golden)
        )
    sources = ["main.c", "net.c", "net_golden.c", "net_selftest.c"]
    done = subprocess.run([compiled(tmp_path, ["gcc", "-std=c11", *STRICT], *sources)])
    assert done.returncode == changed


def test_the_selftest_counts_what_differs(kits, tmp_path):
    folder = Path(shutil.copytree(kits["single"] / "c", tmp_path / "c"))
    golden = (folder / "net_golden.c").read_text()
    head, outputs = golden.split("net_golden_output0[NET_GOLDEN][8] = {")
    row = outputs.split("{")[1].split(",")[0].strip()
    (folder / "net_golden.c").write_text(
        head + "net_golden_output0[NET_GOLDEN][8] = {" + outputs.replace(row, str(int(row) ^ 1), 1)
    )
    (folder / "main.c").write_text(TESTED)
    sources = ["main.c", "net.c", "net_golden.c", "net_selftest.c"]
    assert subprocess.run([compiled(folder, ["gcc", "-std=c11"], *sources)]).returncode == 1


@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_of_it_compiles_together_as_old_and_new_c_and_as_cpp(kits, tmp_path, compiler):
    """Every header at once, twice, and every source but standalone C, which is C11."""
    for folder in (kit / "c" for kit in kits.values()):
        for name in folder.glob("*.[ch]"):
            shutil.copy(name, tmp_path)
        headers = "".join(f'#include "{p.name}"\n' for p in sorted(folder.glob("*.h")) if "resolver" not in p.name)
        (tmp_path / "main.c").write_text(headers * 2 + "int main(void) { return 0; }\n")
        sources = [p.name for p in folder.glob("net_*.c")]
        for options in (["-std=c99"], ["-std=c11"], ["-xc++", "-std=c++11"]):
            subprocess.run([compiler, *options, *STRICT, "-fsyntax-only", "main.c", *sources], cwd=tmp_path, check=True)
        subprocess.run([compiler, "-std=c99", *STRICT, "-fsyntax-only", "net.c"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_headers_of_vendors_do_no_harm_before_ours_or_after(kits, tmp_path, compiler):
    """Every standard that firmware is written in; POSIX' `read` and `write`, and macros, types and functions by names
    that a model's code might have."""
    write_shim(tmp_path)

    def check(standard: str, *options: str) -> None:
        """Of C++17 the test above has compiled the engine."""
        of = CPP[compiler] if "+" in standard else compiler
        subprocess.run([of, f"-std={standard}", *STRICT, "-I.", "-fsyntax-only", *options], cwd=tmp_path, check=True)

    for model in ("several", "states"):
        folder = kits[model] / "c"
        sources = list(map(str, folder.glob("net*.c")))
        check("c11", *BEFORE, f"-I{folder}", *sources)
        check("c17", *BEFORE, f"-I{folder}", *sources)
        check("c++14", *BEFORE, f"-I{folder}", str(folder / "net_tflm.cpp"))
        check("c++20", *BEFORE, f"-I{folder}", str(folder / "net_tflm.cpp"))
    headers = "".join(f'#include "{h.name}"\n' for h in sorted(folder.glob("*.h")) if "resolver" not in h.name)
    (tmp_path / "main.c").write_text(headers + '#include "hostile.h"\n' + headers + "int main(void) { return 0; }\n")
    for standard in ("c11", "c17", "c++14", "c++17", "c++20"):
        check(standard, f"-I{folder}", *(["-xc++"] if "+" in standard else []), "main.c")


def test_two_models_fit_into_one_translation_unit(kits, tmp_path):
    """What each declares at file scope starts with its name, macros too."""
    write_shim(tmp_path)
    names = {"single": "net", "states": "other"}
    for model, name in names.items():
        for path in (kits[model] / "c").glob("net*"):
            text = path.read_text().replace("net_", f"{name}_").replace("NET_", f"{name.upper()}_")
            (tmp_path / path.name.replace("net", name, 1)).write_text(text.replace('"net.h"', f'"{name}.h"'))
    for kind, standard in (("c", "c11"), ("cpp", "c++17")):
        own = [f'#include "{p.name}"\n' for name in names.values() for p in sorted(tmp_path.glob(f"{name}*.{kind}"))]
        (tmp_path / f"all.{kind}").write_text("".join(own))
        command = [CPP["gcc"] if kind == "cpp" else "gcc", f"-std={standard}", *STRICT, "-I.", f"all.{kind}"]
        subprocess.run([*command, "-c", "-o", f"{kind}.o"], cwd=tmp_path, check=True)
        subprocess.run([*command, "-E", "-dD", "-o", f"{kind}.i"], cwd=tmp_path, check=True)
        symbols = subprocess.run(["nm", f"{kind}.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        defined = [line.split()[-1] for line in symbols.splitlines() if line.split()[-2] not in "UwVW"]
        own = [symbol for symbol in defined if "." not in symbol]  # a dot: static inside a function
        assert kind == "cpp" or all(symbol.startswith(("net_", "other_")) for symbol in own)
        ours, macros = False, []
        for line in (tmp_path / f"{kind}.i").read_text().splitlines():
            if line.startswith("# "):
                ours = line.split('"')[1].startswith(("net", "other"))
            elif ours and line.startswith("#define"):
                macros.append(line.split()[1])
        assert macros and all(macro.removeprefix("EDGEKIT_").startswith(("NET_", "OTHER_", "net_")) for macro in macros)


def test_no_kernel_is_named_as_what_a_program_calls():
    """So that `NAME_run` is no kernel, whatever NAME is."""
    from edgekit.ccode.prefix import _DECLARED, _DEFINED
    from edgekit.ccode.sources import FOLDER, source

    called = ("run", "reset", "mark", "inputs", "outputs", "BYTES", "PROFILE")
    for path in FOLDER.glob("*.c"):
        text, _ = source("rescale_int8_int16" if path.stem == "rescale" else path.stem)
        own = [name for found in _DECLARED.findall(text) for name in found if name]
        assert "TYPED" not in own and own + _DEFINED.findall(text) != []
        assert not [name for name in own + _DEFINED.findall(text) if name.endswith(called)]


def test_a_model_of_floats_has_its_vectors_as_floats(tmp_path):
    g = Graph()
    g.graph.inputs = [g.tensor([1, 3], 0, 0, "FLOAT32")]
    out = g.operator("ABS", g.graph.inputs, [g.tensor([1, 3], 0, 0, "FLOAT32")])
    (tmp_path / "model.tflite").write_bytes(g.finish(out))
    worker.call(write_kit, str(tmp_path / "model.tflite"), str(tmp_path), False, returns=None)
    write_shim(tmp_path)
    for compiler in COMPILERS:
        command = [CPP[compiler], "-std=c++17", *STRICT, "-I.", "-c", "net_tflm.cpp"]
        subprocess.run(command, cwd=tmp_path, check=True)
        subprocess.run(
            [compiler, "-std=c11", *STRICT, "-c", "net_selftest.c", "net_golden.c"], cwd=tmp_path, check=True
        )
    assert "int net_tflm_run(const float *input, float *output, void *arena)" in (tmp_path / "net_tflm.h").read_text()


HELPERS = """
#include <stdio.h>
#include "net_quantize.h"
int main(void) {
  float real;
  TYPE stored;
  for (;;) {
    if (MODE == 0) {
      if (fread(&real, 4, 1, stdin) != 1) return 0;
      stored = net_quantize_input0(real);
      fwrite(&stored, sizeof stored, 1, stdout);
    } else {
      if (fread(&stored, sizeof stored, 1, stdin) != 1) return 0;
      real = net_dequantize_output0(stored);
      fwrite(&real, 4, 1, stdout);
    }
  }
}
"""


def helper(folder: Path, scale: float, zero: int, dtype: str, mode: int, values: np.ndarray) -> bytes:
    """What the emitted helper makes of values; of a model whose ends are quantized so."""
    g = Graph()
    x = g.input([1, 4], scale, zero, dtype)
    out = g.operator("ABS", [x], [g.tensor([1, 4], scale, zero, dtype)])
    place = folder / "ends.tflite"
    place.write_bytes(g.finish(out))
    for name, text in files(place, Kit(CArray("net"))).items():
        (folder / name).write_text(text)
    (folder / "main.c").write_text(HELPERS)
    defines = [f"-DTYPE={dtype.lower()}_t", f"-DMODE={mode}"]
    flags = ["-std=c11", "-O2", *STRICT, "-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    program = compiled(folder, ["gcc", *flags, *defines], "main.c")
    return subprocess.run([program], input=values.tobytes(), capture_output=True, check=True).stdout


SCALES = [("INT8", 0.00392156885936856, -128), ("INT8", 0.7, 11), ("INT8", 1e-6, 127), ("INT16", 3.05e-5, 0)]


@pytest.mark.parametrize(("dtype", "scale", "zero"), SCALES)
def test_real_values_become_what_quantize_of_tflm_makes_of_them(tmp_path, dtype, scale, zero):
    """Halves, their neighbours among the floats, both ends and what lies beyond, and random ones."""
    rng, least = np.random.default_rng(0), np.iinfo(dtype.lower()).min
    steps = (
        np.arange(least - zero - 3, -least - zero + 3) if dtype == "INT8" else rng.integers(least - 9, 9 - least, 600)
    )
    halves = (np.repeat(steps, 2) + np.tile([0, 0.5], len(steps))).astype(np.float32) * np.float32(scale)
    values = np.concatenate([halves, np.nextafter(halves, np.float32(9)), np.nextafter(halves, np.float32(-9))])
    values = np.concatenate([values, rng.normal(0, -least * scale, 800).astype(np.float32), [0, -0.0, 1e-30]])
    values = np.resize(values.astype(np.float32), (-(-values.size // 64), 64))
    g = Graph()
    g.graph.inputs = [g.tensor([1, 64], 0, 0, "FLOAT32")]
    out = g.operator("QUANTIZE", g.graph.inputs, [g.tensor([1, 64], scale, zero, dtype)], "QuantizeOptions")
    (tmp_path / "model.tflite").write_bytes(g.finish(out))
    np.save(tmp_path / "values.npy", values)
    worker.call(through, str(tmp_path / "model.tflite"), str(tmp_path / "values.npy"), returns=None)
    wanted = np.load(tmp_path / "made.npy")
    assert helper(tmp_path, scale, zero, dtype, 0, values) == wanted.tobytes()


def test_what_is_beyond_all_integers_is_clamped(tmp_path):
    values = np.array([3e38, np.inf, -3e38, -np.inf, np.nan], np.float32)
    got = np.frombuffer(helper(tmp_path, 0.5, 3, "INT8", 0, values), np.int8)
    assert got.tolist() == [127, 127, -128, -128, -128]


@pytest.mark.parametrize(("dtype", "scale", "zero"), SCALES)
def test_stored_values_become_what_dequantize_of_tflm_makes_of_them(tmp_path, dtype, scale, zero):
    limits = np.iinfo(dtype.lower())
    values = np.arange(limits.min, limits.max + 1, dtype=dtype.lower()).reshape(-1, 256)
    g = Graph()
    x = g.input([1, 256], scale, zero, dtype)
    out = g.operator("DEQUANTIZE", [x], [g.tensor([1, 256], 0, 0, "FLOAT32")], "DequantizeOptions")
    (tmp_path / "model.tflite").write_bytes(g.finish(out))
    np.save(tmp_path / "values.npy", values)
    worker.call(through, str(tmp_path / "model.tflite"), str(tmp_path / "values.npy"), returns=None)
    wanted = np.load(tmp_path / "made.npy")
    assert helper(tmp_path, scale, zero, dtype, 1, values) == wanted.tobytes()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_labels_read_back_whatever_stands_in_them(kits, tmp_path, compiler):
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "net_config.h"\nint main(void) {\n'
        "  static const char *const labels[NET_CLASSES] = NET_LABELS;\n"
        '  for (int i = 0; i < NET_CLASSES; i++) printf("%s%c", labels[i], 0);\n  return 0;\n}\n'
    )
    command = [compiler, "-std=c11", "-trigraphs", *STRICT, f"-I{kits['single'] / 'c'}"]
    said = subprocess.run([compiled(tmp_path, command, "main.c")], capture_output=True).stdout
    assert said.decode().split("\0")[:-1] == [label.split("\0")[0] for label in LABELS]


@given(st.text())
@example('"')
@example("??/")
@example("\\")
@example("\udcff")
def test_a_string_is_one_ascii_literal(text):
    literal = c_string(text)
    assert literal.isascii() and literal.isprintable() and "??" not in literal
    assert '"' not in literal[1:-1] and literal[0] == literal[-1] == '"'
    octal = literal[1:-1].encode().decode("unicode_escape").encode("latin-1")
    assert octal == text.encode("utf-8", "replace")


def test_the_least_integers_have_literals():
    for bits in (32, 64):
        assert eval(c_number(-(2 ** (bits - 1)))) == -(2 ** (bits - 1))


def test_the_header_states_both_arenas_and_where_the_margin_comes_from(kits):
    text = (kits["several"] / "c/net_config.h").read_text()
    figures = {
        part: int(text.split(f"#define NET_TFLM_ARENA_{part}BYTES ")[1].split()[0])
        for part in ("MEASURED_", "PERSISTENT_", "SCRATCH_", "")
    }
    assert figures["MEASURED_"] >= figures["PERSISTENT_"] + figures["SCRATCH_"] > figures["PERSISTENT_"] > 0
    assert figures[""] >= figures["MEASURED_"] + 1024
    assert "arm_convolve_get_buffer_sizes_s8.c" in text and "4 bytes on a Cortex-M" in text


def test_golden_vectors_of_another_model_or_runtime_are_left_out(kits, tmp_path):
    shutil.copy(kits["single"] / "model.tflite", tmp_path)
    with np.load(kits["single"] / "golden.npz") as file:
        arrays = dict(file)
    arena = Arena(4096, 4000, 2000, 2000)
    for change in (
        {"sha256": np.asarray("0" * 64)},
        {"runtime": np.asarray("litert 2")},
        {"output_0": np.zeros((5, 8), np.int16)},
    ):
        np.savez(tmp_path / "golden.npz", **arrays | change)
        kit = Kit(CArray("net"), arena=arena, golden=str(tmp_path / "golden.npz"))
        made = files(tmp_path / "model.tflite", kit)
        assert not [name for name in made if "golden" in name or "selftest" in name]
        assert "selftest" not in made["net_cmake.md"] and "net_tflm.cpp" in made
    (tmp_path / "golden.npz").write_bytes(b"no archive")
    assert "net_golden.c" not in files(tmp_path / "model.tflite", kit)


def test_values_that_are_not_finite_have_no_golden_vectors(kits, tmp_path):
    g = Graph()
    g.graph.inputs = [g.tensor([1, 3], 0, 0, "FLOAT32")]
    path = tmp_path / "model.tflite"
    path.write_bytes(g.finish(g.operator("LOG", g.graph.inputs, [g.tensor([1, 3], 0, 0, "FLOAT32")])))
    facts = {"row": np.zeros(1), "sha256": np.asarray(read_graph(path).sha256), "runtime": np.asarray("tflm 1")}
    for value, there in ((np.inf, False), (-0.1, True)):
        values = np.full((1, 1, 3), value, np.float32)
        np.savez(tmp_path / "golden.npz", input_0=values, output_0=values, **facts)
        made = files(path, Kit(CArray("net"), golden=str(tmp_path / "golden.npz")))
        assert ("net_golden.c" in made) == there
    assert struct.pack("<f", -0.1) == struct.pack("<f", float(made["net_golden.c"].split("    ")[1].split("f")[0]))


def test_pages_name_only_files_that_are_there(kits):
    import re

    for folder in (kit / "c" for kit in kits.values()):
        there = {p.name for p in folder.iterdir()}
        for page in folder.glob("*.md"):
            named = set(re.findall(r"\bnet\w*\.(?:c|h|cpp)\b", page.read_text()))
            assert named <= there and {"net.c", "net_tflm.cpp", "net_model.c", "net_selftest.c"} <= named


def test_without_an_interpreter_there_is_no_array(kits, tmp_path):
    model = str(kits["single"] / "model.tflite")
    golden = str(kits["single"] / "golden.npz")
    emit_file.run(
        str(tmp_path), model, "net", Outputs(c_standalone=True), Arena(4096, 4000, 2000, 2000), (), None, golden
    )
    names = {p.name for p in tmp_path.iterdir()}
    assert {"net_config.h", "net_golden.c", "net_selftest.c", "net_cmake.md"} <= names
    assert not {"net_model.c", "net_resolver.h", "net_tflm.cpp"} & names
    assert "TFLM" not in (tmp_path / "net_selftest.c").read_text()


def test_floats_around_a_graph_of_integers_are_tested_as_stored(shared, tmp_path):
    """Standalone C starts behind QUANTIZE and ends before DEQUANTIZE."""
    shutil.copy(shared / "models/tflite/ecg_autoencoder_int8.tflite", tmp_path / "model.tflite")
    worker.call(write_kit, str(tmp_path / "model.tflite"), str(tmp_path), returns=None)
    (tmp_path / "main.c").write_text(TESTED)
    sources = ["main.c", "net.c", "net_golden.c", "net_selftest.c"]
    assert subprocess.run([compiled(tmp_path, ["gcc", "-std=c11", *STRICT], *sources)]).returncode == 0
    assert "net_quantize_input0" in (tmp_path / "net_quantize.h").read_text()
    assert "There is no net_tflm.cpp: the model takes or gives floats" in (tmp_path / "net_config.h").read_text()


def test_a_model_that_tflm_did_not_run_has_no_interpreter(shared):
    made = files(shared / "models/tflite/two_signatures_float.tflite", Kit(CArray("add")))
    assert "There is no add_tflm.cpp: the arena was not measured" in made["add_config.h"]
    assert not [name for name in made if name.endswith((".cpp", ".md"))]


def test_standalone_c_names_the_model_that_ships():
    """Its twin without lookup tables has another SHA-256."""
    content, shipped = single(), "ab" * 32
    own = hashlib.sha256(content).hexdigest()
    for text in generate(content, "net", shipped=shipped).files.values():
        assert (
            f"the model with the SHA-256 {shipped}\n" in text and f"twin without lookup tables, SHA-256 {own}," in text
        )
    for text in generate(content, "net", shipped=own).files.values():
        assert f"the model with the SHA-256 {own}\n" in text and "twin" not in text
