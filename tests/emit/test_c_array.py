import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tflm_shim import write_shim

from edgekit.emit.array_forms import PLAIN_BELOW, byte_rows, word_rows
from edgekit.emit.c_array import CArray, in_comment
from edgekit.emit.kit import Kit, emit_file, files
from edgekit.emit.literals import c_float
from edgekit.emit.settings import Outputs
from edgekit.errors import ModelError, RecipeError
from edgekit.types import Arena

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = {"c": ("gcc", "-std=c99", "-xc"), "cpp": ("g++", "-std=c++11", "-xc++")}
DUMP = """
#include <stdio.h>
#include "{name}_model.h"
#include "{name}_model.h"
int main(void) {{
  const uint8_t* model = {name}_model;
  if (sizeof {name}_model != {macro}_MODEL_BYTES) return 2;
  if (((uintptr_t)model & 15) != 0) return 3;
  return fwrite(model, 1, sizeof {name}_model, stdout) == sizeof {name}_model ? 0 : 4;
}}
"""


def emit(path: Path, array: CArray, arena: int | None) -> dict[str, str]:
    """The sources for TFLM, which takes so many bytes on this host."""
    return files(path, Kit(array, arena=None if arena is None else Arena(arena, arena, 0, arena)))


@pytest.fixture(scope="module")
def models(shared: Path) -> Path:
    return shared / "models" / "tflite"


def compiled(folder: Path, language: str, sources: list[str], *options: str) -> Path:
    program = folder / f"program.{language}"
    subprocess.run(
        [*COMPILERS[language], *STRICT, *options, *sources, "-o", str(program)], cwd=folder, check=True, timeout=60
    )
    return program


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")


def array_of(files: dict[str, str], name: str, folder: Path, language: str) -> bytes:
    """What a program that links the array reads from it."""
    write(files, folder)
    (folder / "main.c").write_text(DUMP.format(name=name, macro=name.upper()))
    program = compiled(folder, language, ["main.c", f"{name}_model.c"])
    return subprocess.run([program], check=True, capture_output=True, timeout=60).stdout


def edited(data: bytes, edit: Callable[..., None]) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    edit(model, schema)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("model", ["hello_world_int8", "two_signatures_float", "anomaly_autoencoder_int8"])
def test_the_program_holds_the_models_bytes(models: Path, tmp_path: Path, model: str, language: str) -> None:
    path = models / f"{model}.tflite"
    assert array_of(emit(path, CArray(model), 4096), model, tmp_path, language) == path.read_bytes()


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_large_models_of_any_length_keep_their_bytes(models: Path, tmp_path: Path, extra: int) -> None:
    path = tmp_path / "large.tflite"
    path.write_bytes((models / "hello_world_int8.tflite").read_bytes().ljust(PLAIN_BELOW + extra, b"\xff"))
    files = emit(path, CArray("large"), None)
    assert "uint64_t words" in files["large_model.h"]
    assert array_of(files, "large", tmp_path, "c") == path.read_bytes()


@given(st.binary(max_size=100))
def test_rows_read_back_as_the_bytes(data: bytes) -> None:
    plain = [int(item, 16) for item in "".join(byte_rows(data)).split(",") if item]
    words = [int(item.rstrip("u"), 16) for item in "".join(word_rows(data)).split(",") if item]
    assert bytes(plain) == data
    assert struct.pack(f"<{len(words)}Q", *words)[: len(data)] == data
    assert len(words) == (len(data) + 7) // 8


@pytest.mark.parametrize("name", ["3 évil/../na*/me\n#error", "class", "模型", '"; int x = 1; //', "linux"])
def test_any_name_compiles(models: Path, tmp_path: Path, name: str) -> None:
    path = models / "hello_world_int8.tflite"
    files = emit(path, CArray(name), None)
    identifier = next(iter(files)).removesuffix("_model.h")
    for language in COMPILERS:
        assert array_of(files, identifier, tmp_path, language) == path.read_bytes()


EVIL = '*/ #error "out" /* ??/\n\\ int x; \r\u2028é\0'


@pytest.mark.parametrize("language", COMPILERS)
def test_evil_names_in_a_model_stay_in_their_comments(models: Path, tmp_path: Path, language: str) -> None:
    def edit(model, schema) -> None:
        model.description = EVIL
        for tensor in model.subgraphs[0].tensors:
            tensor.name = EVIL
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = EVIL

    path = tmp_path / "evil.tflite"
    path.write_bytes(edited((models / "hello_world_int8.tflite").read_bytes(), edit))
    files = emit(path, CArray("evil"), None)
    assert "evil_resolver.h" not in files
    assert "TFLM has no kernel for" in files["evil_model.h"]
    assert array_of(files, "evil", tmp_path, language) == path.read_bytes()


@given(st.text())
def test_no_text_ends_a_comment(text: str) -> None:
    shown = in_comment(text)
    assert re.fullmatch(r"[A-Za-z0-9_.:;,/() -]*", shown)
    assert len(shown) <= 83


@pytest.mark.parametrize("language", COMPILERS)
def test_the_section_holds_the_array(models: Path, tmp_path: Path, language: str) -> None:
    path = models / "hello_world_int8.tflite"
    settings = CArray("hello", section=".rodata.models", attribute="PROGMEM")
    files = emit(path, settings, None)
    assert array_of(files, "hello", tmp_path, language) == path.read_bytes()
    compiled(tmp_path, language, ["hello_model.c"], "-c")
    headers = subprocess.run(
        ["objdump", "-h", f"program.{language}"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert re.search(rf"\.rodata\.models +{path.stat().st_size:08x} .* 2\*\*[4-9]", headers)


def test_a_boards_own_attribute_comes_from_its_header(models: Path, tmp_path: Path) -> None:
    path = models / "hello_world_int8.tflite"
    (tmp_path / "board.h").write_text("#define IN_FLASH __attribute__((used))\n")
    files = emit(path, CArray("hello", attribute="IN_FLASH", header="board.h"), None)
    assert array_of(files, "hello", tmp_path, "c") == path.read_bytes()


@pytest.mark.parametrize(
    "settings",
    [
        CArray("m", section='.rodata")) ; int x; //'),
        CArray("m", section=".rodata\n"),
        CArray("m", section=".data,\\"),
        CArray("m", attribute="PROGMEM; int x"),
        CArray("m", attribute="PROGMEM\n"),
        CArray("m", attribute="static"),
        CArray("m", attribute="IN_FLASH"),
        CArray("m", attribute="IN_FLASH", header='a.h"\n#error "'),
        CArray("m", header="a.h\n"),
    ],
)
def test_settings_that_could_not_stand_in_c_are_refused(models: Path, settings: CArray) -> None:
    with pytest.raises(RecipeError) as caught:
        emit(models / "hello_world_int8.tflite", settings, None)
    assert "\n" not in str(caught.value)


def test_the_header_describes_every_input_and_output(models: Path, tmp_path: Path) -> None:
    """A model with two inputs: `x + y`."""
    write(emit(models / "two_signatures_float.tflite", CArray("add"), 1000), tmp_path)
    text = (tmp_path / "add_config.h").read_text()
    inputs = int(re.search(r"#define ADD_INPUTS (\d+)", text)[1])
    assert re.findall(r"#define ADD_INPUT(\d+)_TYPE float", text) == [str(i) for i in range(inputs)]
    assert "SCALE" not in re.sub("/[*].*?[*]/", "", text, flags=re.DOTALL)
    assert "#define ADD_TFLM_ARENA_MEASURED_BYTES 1000\n" in text
    assert "#define ADD_TFLM_ARENA_BYTES 2032\n" in text


def test_two_inputs_and_two_outputs_are_numbered(models: Path, tmp_path: Path) -> None:
    def edit(model, schema) -> None:
        graph = model.subgraphs[0]
        graph.inputs, graph.outputs = [*graph.inputs, *graph.outputs], [*graph.outputs, *graph.inputs]

    path = tmp_path / "both.tflite"
    path.write_bytes(edited((models / "hello_world_int8.tflite").read_bytes(), edit))
    write(emit(path, CArray("both"), None), tmp_path)
    (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include "both_config.h"
static const int shape[BOTH_INPUT1_RANK] = BOTH_INPUT1_SHAPE;
static BOTH_OUTPUT1_TYPE output[BOTH_OUTPUT1_ELEMENTS];
int main(void) {
  printf("%d %d %d %d %d %d %d", BOTH_INPUTS, BOTH_OUTPUTS, BOTH_INPUT0_ZERO_POINT, BOTH_INPUT1_ZERO_POINT,
         BOTH_OUTPUT1_ZERO_POINT, shape[0] * shape[1], (int)sizeof output);
  return fwrite(&(float){BOTH_OUTPUT1_SCALE}, sizeof(float), 1, stderr) != 1;
}""")
    done = subprocess.run([compiled(tmp_path, "c", ["main.c"])], check=True, capture_output=True)
    assert done.stdout == b"2 2 -128 5 -128 1 1"
    assert done.stderr == struct.pack("<f", 0.024480115622282028)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_scales_read_back_exactly(value: float) -> None:
    literal = c_float(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal) and re.search("[.e]", literal)
    assert struct.pack("<f", float(literal[:-1])) == struct.pack("<f", value)


@pytest.mark.parametrize("model", ["wake_word_int8", "mnist_lstm_int8"])
def test_the_resolver_has_room_for_exactly_the_operators(models: Path, tmp_path: Path, model: str) -> None:
    write_shim(tmp_path)
    write(emit(models / f"{model}.tflite", CArray("m"), None), tmp_path)
    (tmp_path / "main.c").write_text("""
#include "m_model.h"
#include "m_resolver.h"
int main() {
  m_op_resolver resolver;
  if (m_register_operators(resolver) != kTfLiteOk) return 100;
  return static_cast<int>(resolver.count);
}""")
    program = compiled(tmp_path, "cpp", ["main.c"], "-I.")
    text = (tmp_path / "m_resolver.h").read_text()
    assert subprocess.run([program]).returncode == text.count("resolver.Add")


def test_the_same_model_gives_the_same_text_wherever_it_lies(models: Path, tmp_path: Path) -> None:
    path = models / "hello_world_int8.tflite"
    (tmp_path / "other.tflite").write_bytes(path.read_bytes())
    files = emit(path, CArray("hello"), 1)
    assert files == emit(tmp_path / "other.tflite", CArray("hello"), 1)
    assert not any(str(path.parent) in text or "hello_world_int8" in text for text in files.values())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.tflite").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"no\.tflite"):
        emit(tmp_path / "no.tflite", CArray("no"), None)


def test_a_target_can_name_the_array(models: Path, tmp_path: Path) -> None:
    model = str(models / "hello_world_int8.tflite")
    outputs, arena = Outputs(c_array=True, c_name="sine", c_attribute="PROGMEM"), Arena(2000, 2000, 1000, 1000)
    emit_file.run(str(tmp_path), model, "hello", outputs, arena, (), None, None)
    assert {"sine_model.c", "sine_model.h", "sine_resolver.h"} < {p.name for p in tmp_path.iterdir()}
    assert "PROGMEM" in (tmp_path / "sine_model.c").read_text()
