"""Run in a worker for TFLM: C code of a model beside the model in TFLM."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from bundled import cmsis_nn

from edgekit.ccode.generate import generate
from edgekit.errors import ModelError
from edgekit.flatbuffer.read import read_graph
from edgekit.runtimes import open_session
from edgekit.runtimes.values import random_inputs
from edgekit.types import TensorSpec

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "m.h"
int main(void) {
  while (1) {
BODY
  }
}
"""
FLAGS = "-std=c11 -O1 -g1 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror".split()
PLAIN = ["-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict"]
"""What CMSIS-NN's headers need on the host."""
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@cache
def archive() -> str:
    """CMSIS-NN compiled as plain C, once for all models of this process."""
    place, folder = cmsis_nn(), tempfile.mkdtemp()
    assert place
    command = ["gcc", "-std=c11", "-O1", "-g1", "-w", *SANITIZE, *PLAIN, f"-I{place / 'Include'}", "-c"]
    subprocess.run([*command, *map(str, place.rglob("*.c"))], cwd=folder, check=True)
    subprocess.run("ar rc cmsis.a *.o", shell=True, cwd=folder, check=True)
    return f"{folder}/cmsis.a"


def main_of(inputs: int, outputs: int, stateful: bool, lasting: bool = False) -> str:
    """Reads inputs until they end, and writes the outputs; every buffer has the exact size.

    Args:
      compiler: its name, with further options.
      lasting: whether states last from one sample to the next.
    """
    rows = []
    for way, count in (("INPUT", inputs), ("OUTPUT", outputs)):
        for n in range(count):
            size = f"M_{way}{n if count > 1 else ''}_BYTES"
            rows.append(f"    void *{way.lower()}{n} = malloc({size});")
            if way == "INPUT":
                rows.append(f"    if (fread(input{n}, 1, {size}, stdin) != {size}) return 0;")
    rows.append("    static uint8_t *exact;")
    rows.append("    const int fresh = !exact;")
    rows.append("    if (fresh) exact = malloc(M_ARENA_BYTES ? M_ARENA_BYTES : 1);")
    if stateful:
        rows.append(f"    if ({'fresh' if lasting else '1'}) m_reset(exact);")
    if inputs > 1 or outputs > 1:
        rows.append(f"    m_inputs x = {{{', '.join(f'input{n}' for n in range(inputs))}}};")
        rows.append(f"    m_outputs y = {{{', '.join(f'output{n}' for n in range(outputs))}}};")
        rows.append("    if (m_run(&x, &y, exact) != 0) return 2;")
    else:
        rows.append("    if (m_run(input0, output0, exact) != 0) return 2;")
    for n in range(outputs):
        size = f"M_OUTPUT{n if outputs > 1 else ''}_BYTES"
        rows.append(f"    if (fwrite(output{n}, 1, {size}, stdout) != {size}) return 3;")
        rows.append(f"    free(output{n});")
    rows += [f"    free(input{n});" for n in range(inputs)]
    rows += [] if lasting else ["    free(exact);", "    exact = NULL;"]
    return MAIN.replace("BODY", "\n".join(rows))


def real(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    """What stored values stand for."""
    return (np.float32(of.scale) * (values.astype(np.int32) - of.zero_point)).astype(np.float32)


def stored(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    """The stored values that stand for these."""
    return (np.round(values / np.float32(of.scale)) + of.zero_point).astype(of.dtype)


def compare(
    model: str,
    kernels: str,
    samples: int,
    compiler: str = "gcc",
    lasting: bool = False,
    ends: bool = False,
    tables: bool = False,
    runtime: str = "tflm",
    indices: int = 0,
) -> list[int]:
    """How many bytes differ, the arena, and what is needed at once, in bytes.

    Args:
      compiler: its name, with further options.
      lasting: whether states last from one sample to the next.
      ends: whether the least and the most that inputs can store are samples too.
      tables: whether weights become indexes into tables where that takes fewer bytes.
      runtime: whose outputs are right.
      indices: of an input of whole numbers, which are less than so many.
    """
    content = Path(model).read_bytes()
    code = generate(content, "m", kernels, tables=tables)
    session = open_session(runtime, model)
    inputs = [random_inputs(code.inputs, seed) for seed in range(samples)]
    for end in ("min", "max") if ends else ():
        inputs.append([np.full(of.shape, getattr(np.iinfo(of.dtype), end), of.dtype) for of in code.inputs])
    if indices:
        places = np.random.default_rng(0)
        for sample in inputs:
            for number, of in enumerate(code.inputs):
                if not of.scale:
                    sample[number] = places.integers(0, indices, of.shape, of.dtype)
    wanted = bytearray()
    session.reset()
    for sample in inputs:
        if not lasting:
            session.reset()
        pairs = zip(sample, session.inputs, code.inputs, strict=True)
        session.set_inputs([real(x, of) if spec.dtype == "float32" else x for x, spec, of in pairs])
        session.invoke()
        for output, of in zip(session.get_outputs(), code.outputs, strict=True):
            wanted += (stored(output, of) if output.dtype == np.float32 else output).tobytes()
    given = b"".join(array.tobytes() for sample in inputs for array in sample)
    with tempfile.TemporaryDirectory() as folder:
        for file, text in code.files.items():
            (Path(folder) / file).write_text(text)
        main = main_of(len(session.inputs), len(session.outputs), code.stateful, lasting)
        (Path(folder) / "main.c").write_text(main)
        program, *options = compiler.split()
        command = [program, *FLAGS, *SANITIZE, *options, "main.c", "m.c", "-o", "m"]
        if kernels == "cmsis-nn":
            command += [*PLAIN, f"-isystem{cmsis_nn()}/Include", archive()]
        subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run(
            ["./m"], cwd=folder, input=given, capture_output=True, env={"ASAN_OPTIONS": "detect_leaks=0"}
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
    got, expected = (np.frombuffer(b, np.int8) for b in (done.stdout, bytes(wanted)))
    assert len(got) == len(expected)
    return [int((got != expected).sum()), code.arena, code.bound]


def damaged(model: str, count: int) -> dict[str, int]:
    """Code of copies of a model in which a few bytes are others: how many are written, and how many refused."""
    generator, content, found = np.random.default_rng(0), Path(model).read_bytes(), {"written": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "m.tflite"
        for number in range(count):
            changed = np.frombuffer(content, np.uint8).copy()
            changed[generator.integers(0, len(changed), 4)] = generator.choice([0, 1, 3, 127, 128, 255], 4)
            place.write_bytes(changed.tobytes())
            try:
                read_graph(place)
                generate(changed.tobytes(), "m", ("portable", "dsp")[number % 2], tables=number % 3 == 0)
                found["written"] += 1
            except ModelError:
                found["refused"] += 1
    return found
