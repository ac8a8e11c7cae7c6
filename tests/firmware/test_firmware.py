"""Standalone C on simulated cores, and its self-test."""

import re
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from firmware_probe import simulated, with_helium
from make_graph import Graph
from msgspec.structs import replace
from slow_part import all_but

from edgekit.ccode.generate import generate
from edgekit.ccode.library import needed, parts
from edgekit.emit.c_array import CArray
from edgekit.emit.kit import Kit, files
from edgekit.errors import TargetError, WorkerError
from edgekit.firmware import run as firmware
from edgekit.firmware.cores import CORES
from edgekit.flatbuffer.read import read_graph
from edgekit.measure.firmware import measure_firmware

QUICK = ("cortex-m4f", "cortex-m0plus")
"""Cores with and without products of 64 bits."""
needs_tools = pytest.mark.skipif(bool(firmware.missing()), reason=firmware.missing() or "all is here")


@pytest.fixture(scope="module")
def model(shared):
    return str(shared / "models/tflite/wake_word_int8.tflite")


@needs_tools
@pytest.mark.parametrize(
    ("core", "kernels"),
    [
        pytest.param(name, k, marks=() if name in QUICK else pytest.mark.slow)
        for name, core in CORES.items()
        for k in ("portable", "dsp")
        if core.dsp or k != "dsp"
    ],
)
def test_every_output_is_that_of_tflm(tflm, model, core, kernels):
    found = tflm.call(simulated, model, kernels, core, 5, returns=dict[str, float])
    assert found["differing"] == 0
    assert found["weights"] < found["flash"] < found["weights"] + 20_000
    assert found["arena"] <= found["ram"] < found["arena"] + 2_000
    assert abs(found["operators"] - found["instructions"]) < 0.05 * found["instructions"], (
        "marks change what is inlined"
    )


@needs_tools
def test_the_count_is_the_same_in_every_run(tflm, model):
    runs = [tflm.call(simulated, model, "dsp", "cortex-m4f", 2, returns=dict[str, float]) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    portable = tflm.call(simulated, model, "portable", "cortex-m4f", 2, returns=dict[str, float])
    assert runs[0]["instructions"] < 0.8 * portable["instructions"]


@needs_tools
@pytest.mark.parametrize(("kernels", "per_mac"), [("portable", 2.6), ("dsp", 1.6)])
def test_a_dense_network_takes_less_than_what_other_generators_make_of_it(tflm, shared, kernels, per_mac):
    model = str(shared / "models/tflite/anomaly_autoencoder_int8.tflite")
    found = tflm.call(simulated, model, kernels, "cortex-m4f", 2, returns=dict[str, float])
    assert found["differing"] == 0 and found["instructions"] < per_mac * 264_192
    assert found["flash"] <= 273_560 and found["arena"] <= 272, "the least of docs/measured/bakenn.md"


def layers() -> bytes:
    """One after the other what CMSIS-NN computes, each in another of its ways."""
    rng, g = np.random.default_rng(3), Graph()

    def weights(*shape):
        return rng.integers(-127, 128, shape).astype(np.int8)

    def conv(x, w, outputs, **options):
        scales = rng.uniform(0.001, 0.01, outputs)
        return g.conv(x, w, rng.integers(-900, 900, outputs), 0.1, -5, scales=scales, **options)

    x = g.input([1, 13, 11, 3], 0.05, -9)
    x = conv(x, weights(8, 3, 3, 3), 8, padding="SAME", activation="RELU6")
    x = conv(x, weights(1, 3, 3, 8), 8, depthwise=True, padding="SAME")
    x = conv(x, weights(1, 5, 4, 8), 8, depthwise=True, padding="SAME", stride=2)
    x = conv(x, weights(1, 3, 3, 16), 16, depthwise=True, padding="VALID", dilation=2)
    x = conv(x, weights(7, 1, 1, 16), 7)
    x = conv(x, weights(6, 1, 1, 7), 6, stride=2)
    x = g.pool(g.pool(x, "AVERAGE", 2, 1, "SAME", "RELU"), "MAX", 2, 1, "SAME", "NONE")
    x = g.reshape(x, [1, int(np.prod(g.shape(x)))])
    x = g.dense(x, weights(9, g.shape(x)[1]), rng.integers(-900, 900, 9), scales=rng.uniform(0.001, 0.01, 9))
    return g.finish(g.dense(x, weights(5, 9), rng.integers(-900, 900, 5), scales=0.01))


@needs_tools
@pytest.mark.parametrize("core", all_but(QUICK, CORES))
def test_cmsis_nn_from_a_path_has_the_outputs_of_tflm(tflm, tmp_path, cmsis_nn, core):
    (tmp_path / "layers.tflite").write_bytes(layers())
    library = {name: str(folder) for name, folder in parts(cmsis_nn).items()}
    arguments = (str(tmp_path / "layers.tflite"), "cmsis-nn", core, 20, library)
    assert tflm.call(simulated, *arguments, returns=dict[str, float])["differing"] == 0


@needs_tools
def test_cmsis_nn_with_helium_has_the_outputs_of_tflm(tflm, tmp_path, cmsis_nn):
    (tmp_path / "layers.tflite").write_bytes(layers())
    library = {name: str(folder) for name, folder in parts(cmsis_nn).items()}
    without, found = (
        tflm.call(f, str(tmp_path / "layers.tflite"), *more, library, returns=dict[str, float])
        for f, more in ((simulated, ("cmsis-nn", "cortex-m55", 20)), (with_helium, ()))
    )
    assert found["differing"] == 0 and found["instructions"] < 0.8 * without["instructions"]


@needs_tools
def test_a_buffer_that_is_too_small_is_refused_before_anything_is_written(tmp_path, cmsis_nn):
    code = generate(layers(), "m", "cmsis-nn")
    library = needed(code.files["m.c"], {name: str(folder) for name, folder in parts(cmsis_nn).items()})
    code.files["m.c"] = code.files["m.c"].replace(" > 128) return 1;", " > 107) return 1;")
    with pytest.raises(WorkerError, match="ended with 2"):
        firmware.run(
            replace(code, library=library.sources, includes=library.includes),
            [np.zeros((1, 13 * 11 * 3), np.int8)],
            "cortex-m4f",
        )


@needs_tools
def test_the_count_is_the_same_on_another_machine(tmp_path):
    """The image for a Cortex-M4F, on the board of a Cortex-M7."""
    code, figures = generate_small(), []
    image = firmware.build_image(code, np.zeros((3, 8), np.int8), CORES["cortex-m4f"], tmp_path, False)
    for core in ("cortex-m4f", "cortex-m4f", "cortex-m7"):
        figures.append(firmware.simulate(image, CORES[core], 3, [2]))
    assert figures[0] == figures[1] == figures[2] and figures[0][1][2] > 0


@needs_tools
def test_the_latency_is_estimated_from_instructions_and_clock(tmp_path):
    code, golden = generate_small(), tmp_path / "golden.npz"
    inputs = np.zeros((2, 1, 4), np.int8)
    outputs = np.array(answered(tmp_path, code, inputs.reshape(2, 4)), np.int8)
    np.savez(golden, input_0=inputs, output_0=outputs.reshape(2, 1, 2))
    files = {}
    for name, text in code.files.items():
        (tmp_path / name).write_text(text)
        files[name] = str(tmp_path / name)
    found = {m.name: m for m in measure_firmware.run("", code, files, str(golden), "cortex-m7", 400e6, {})}
    latency, instructions = found["latency_p90"], found["instructions"]
    assert (latency.source, instructions.source) == ("estimated", "simulated")
    assert latency.low < latency.value < latency.high
    low, usual, high = CORES["cortex-m7"].cycles
    wanted = [instructions.value * cycles / 0.4 for cycles in (low, usual, high)]
    assert [latency.low, latency.value, latency.high] == pytest.approx(wanted, rel=0.01)
    assert "latency_p90" not in {
        m.name for m in measure_firmware.run("", code, files, str(golden), "cortex-m7", None, {})
    }


def test_the_cycles_are_those_that_were_worked_out():
    page = (Path(__file__).parents[2] / "docs/explanation/cycles.md").read_text()
    rows = re.findall(r"\| (cortex-\w+) \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", page)
    known = {name: core.cycles for name, core in CORES.items() if core.cycles}
    assert {core: tuple(map(float, cycles)) for core, *cycles in rows} == known


@needs_tools
@pytest.mark.parametrize(("offset", "status"), [(0, 0), (1, 4)])
def test_a_simulated_cortex_m0plus_refuses_what_is_not_aligned(tmp_path, offset, status):
    """As the real one does, and the Cortex-M3 that stands for it does not by itself."""
    core, board = CORES["cortex-m0plus"], firmware.BOARD
    (tmp_path / "main.c").write_text(
        "#include <stdint.h>\nstatic volatile uint8_t bytes[8] __attribute__((aligned(4)));\n"
        f"int main(void) {{ return (int)*(volatile uint32_t *)(uintptr_t)(bytes + {offset}); }}\n"
    )
    addresses = {"FLASH_START": core.flash, "RAM_START": core.ram, "STACK_BYTES": 1024}
    command = [firmware.COMPILER, *core.flags, "-mthumb", *(f"-D{name}" for name in core.defines), f"-I{board}"]
    command += [f"{board}/start.c", "main.c", "-nostartfiles", "-T", f"{board}/link.ld", "-o", "image.elf"]
    command += [f"-Wl,--defsym={name}={value:#x}" for name, value in addresses.items()]
    subprocess.run(command, cwd=tmp_path, check=True)
    simulate = [firmware.SIMULATOR, "-M", core.machine, "-kernel", "image.elf", "-display", "none", "-monitor", "none"]
    simulate += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
    assert subprocess.run(simulate, cwd=tmp_path, timeout=60).returncode == status


def test_an_unknown_core_is_refused(model):
    code = generate_small()
    with pytest.raises(TargetError, match="cortex-m9"):
        firmware.run(code, [np.zeros((1, 4), np.int8)], "cortex-m9")


def small() -> bytes:
    rng, g = np.random.default_rng(0), Graph()
    x = g.input([1, 4])
    return g.finish(g.dense(x, rng.integers(-127, 127, (2, 4)).astype(np.int8), np.zeros(2)))


def generate_small():
    return generate(small(), "small")


def sources_of_a_selftest(folder, inputs, outputs) -> dict[str, str]:
    """The self-test of the small model, and what it needs."""
    path = folder / "small.tflite"
    path.write_bytes(small())
    facts = {"row": np.zeros(4), "sha256": np.asarray(read_graph(path).sha256), "runtime": np.asarray("tflm 1")}
    np.savez(folder / "golden.npz", input_0=inputs, output_0=outputs, **facts)
    return files(path, Kit(CArray("small"), ("standalone",), golden=str(folder / "golden.npz")))


@needs_tools
def test_an_image_that_hangs_is_ended(monkeypatch):
    code = generate_small()
    code.files["small.c"] = code.files["small.c"].replace("  return 0;\n}", "  for (;;) {\n  }\n}")
    monkeypatch.setattr(firmware, "TIME_LIMIT", 2.0)
    with pytest.raises(WorkerError, match="did not end"):
        firmware.run(code, [np.zeros((1, 4), np.int8)], "cortex-m4f")


def test_a_tool_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert firmware.missing() == ("arm-none-eabi-gcc not found (apt install gcc-arm-none-eabi libnewlib-arm-none-eabi)")


def failing(folder, sources: dict[str, str]) -> int:
    """How many golden vectors differ."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    (folder / "main.c").write_text('#include "small_selftest.h"\nint main(void) { return small_selftest(); }\n')
    flags = "-std=c11 -Wall -Wextra -Wconversion -Wpedantic -Werror -fsanitize=address,undefined".split()
    command = ["gcc", *flags, "main.c", "small.c", "small_golden.c", "small_selftest.c", "-o", "t"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run(["./t"], cwd=folder).returncode


def test_the_selftest_finds_a_constant_that_was_changed(tmp_path):
    code = generate_small()
    selftest = partial(sources_of_a_selftest, tmp_path)
    inputs = np.random.default_rng(1).integers(-128, 127, (4, 4)).astype(np.int8)
    wrong = selftest(inputs, np.full((4, 2), 99, np.int8))
    assert failing(tmp_path, code.files | wrong) == 4
    outputs = answered(tmp_path, code, inputs)
    good = selftest(inputs, np.array(outputs, np.int8))
    assert failing(tmp_path, code.files | good) == 0
    for array in ("weights", "bias", "multiplier"):
        place = re.search(rf"op0_{array}\[\d+\] = {{\n  (-?\d+)", code.files["small.c"])
        text = code.files["small.c"]
        changed = int(place[1]) // 2 + 40
        text = text[: place.start(1)] + str(changed) + text[place.end(1) :]
        assert failing(tmp_path, code.files | {"small.c": text} | good) > 0, array


def answered(folder, code, inputs) -> list[list[int]]:
    """What the code itself makes of inputs."""
    for name, text in code.files.items():
        (folder / name).write_text(text)
    rows = ["{" + ", ".join(map(str, row)) + "}" for row in inputs.tolist()]
    (folder / "main.c").write_text(
        '#include <stdio.h>\n#include "small.h"\nint main(void) {\n'
        f"  static const int8_t x[{len(rows)}][4] = {{{', '.join(rows)}}};\n"
        "  static int32_t arena[SMALL_ARENA_BYTES / 4 + 1];\n  int8_t y[2];\n"
        f"  for (int i = 0; i < {len(rows)}; i++) {{\n    small_run(x[i], y, arena);\n"
        '    printf("%d %d\\n", y[0], y[1]);\n  }\n  return 0;\n}\n'
    )
    subprocess.run(["gcc", "-std=c11", "main.c", "small.c", "-o", "a"], cwd=folder, check=True)
    said = subprocess.run(["./a"], cwd=folder, capture_output=True, text=True).stdout
    return [[int(n) for n in line.split()] for line in said.splitlines()]
