"""Standalone C in QEMU: an image for a bare Cortex-M, its outputs, the instructions and the memory that it takes.

QEMU lets one instruction take 32 ns of its virtual time (`-icount shift=5`), which the board's timer counts, so that
the count is the same on every machine and in every run.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from edgekit.ccode.generate import Code
from edgekit.emit.render import render
from edgekit.errors import SetupError, TargetError, WorkerError
from edgekit.firmware.cores import CORES, Core

if TYPE_CHECKING:
    import numpy as np

BOARD = Path(__file__).parent / "board"
COMPILER, SIMULATOR = "arm-none-eabi-gcc", "qemu-system-arm"
PACKAGES = {COMPILER: "gcc-arm-none-eabi libnewlib-arm-none-eabi", SIMULATOR: "qemu-system-arm"}
SECTIONS = "-std=c11 -ffunction-sections -fdata-sections".split()
WARNINGS = "-Wall -Wextra -Wconversion -Wpedantic -Werror".split()
"""For what is ours."""
OPTIMIZE = {"portable": ["-O2"], "dsp": ["-O3", "-fno-schedule-insns"], "cmsis-nn": ["-O3"]}
"""What suits the kernels: scheduling makes GCC run out of registers in those with DSP instructions."""
STACK = 16 << 10
"""Bytes."""
COUNTING = ("-icount", "shift=5,sleep=off")
ALIGNMENT = 8
"""Bytes: of every input and output."""
INSTRUCTION = 32.0
"""Nanoseconds of QEMU's time that each takes."""
TIME_LIMIT = 120.0
"""Seconds, after which an image counts as hung."""


class Execution(Struct, frozen=True):
    """What a simulated core made of a model."""

    core: str
    outputs: list[bytes]
    """Of each sample, all outputs one after the other."""
    instructions: float
    """Of one inference: the mean over the samples."""
    least: int
    most: int
    """Of any sample."""
    operators: tuple[tuple[str, float], ...]
    """Instructions of each operator; what counting itself takes is taken off."""
    ahead: float
    """Instructions before the first of them: of a front-end."""
    flash: int
    """Bytes of code and constants, the start-up code included;"""
    weights: int
    """of which so many are the model's constants."""
    ram: int
    """Bytes of data, arena and stack."""
    stack: int
    """Bytes of stack that were used."""


def missing() -> str:
    """Which tool is not here and what to install, or ""."""
    for tool, package in PACKAGES.items():
        if shutil.which(tool) is None:
            return f"{tool} not found (apt install {package})"
    return ""


def check_core(core: str) -> None:
    """Refuses a core that nothing here simulates.

    Raises:
      TargetError: there is no such core.
      SetupError: a tool is not installed.
    """
    if core not in CORES:
        raise TargetError(f'QEMU simulates no "{core}" here; there is {", ".join(CORES)}')
    if said := missing():
        raise SetupError(said)


def versions() -> dict[str, str]:
    """Of the tools."""
    said = {tool: subprocess.run([tool, "--version"], capture_output=True, text=True).stdout for tool in PACKAGES}
    return {tool: text.splitlines()[0] if text else "" for tool, text in said.items()}


def run(code: Code, inputs: list[np.ndarray], core: str) -> Execution:
    """Builds an image of a model, and runs samples.

    Args:
      code: from the sensor on, where `NAME_sensor.c` is among its files.
      inputs: of each input the stored values (N, …), or of the sensor what it gives.
      core: one of `CORES`.

    Raises:
      TargetError: there is no such core.
      SetupError: a tool is not installed.
      WorkerError: the image does not fit, hung or failed.
    """
    check_core(core)
    import numpy as np

    rows = np.concatenate([_padded(array) for array in inputs], axis=1)
    with tempfile.TemporaryDirectory() as folder:
        plain = build_image(code, rows, CORES[core], Path(folder), profile=False)
        outputs, figures = simulate(plain, CORES[core], len(rows), code.sizes[1])
        profiled = build_image(code, rows[:1], CORES[core], Path(folder), profile=True)
        _, marks = simulate(profiled, CORES[core], 1, code.sizes[1])
        flash, ram = _sizes(plain)
    per_tick = CORES[core].tick / INSTRUCTION
    each = [(ticks - marks[1]) * per_tick for ticks in marks[8 : 8 + len(code.operators)]]
    return Execution(
        core=core,
        outputs=outputs,
        instructions=(figures[2] / figures[0] - figures[1]) * per_tick,
        least=round((figures[3] - figures[1]) * per_tick),
        most=round((figures[4] - figures[1]) * per_tick),
        operators=tuple(zip(code.operators, each, strict=True)),
        ahead=(marks[6] - marks[1]) * per_tick,
        flash=flash,
        weights=code.weights,
        ram=ram + figures[5],
        stack=figures[5],
    )


def _padded(array: np.ndarray) -> np.ndarray:
    """Each sample's bytes (N, …), as many as `_starts` gives them."""
    import numpy as np

    rows = np.ascontiguousarray(array).reshape(len(array), -1).view(np.int8)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % ALIGNMENT)))


def _starts(sizes: list[int]) -> list[int]:
    """Where each input or output of a sample starts, and where they end; in bytes."""
    return list(accumulate((-(-size // ALIGNMENT) * ALIGNMENT for size in sizes), initial=0))


def build_image(code: Code, rows: np.ndarray, core: Core, folder: Path, profile: bool) -> Path:
    """Compiles and links an image that runs samples.

    Args:
      rows: their inputs (N, bytes) int8, each at a multiple of `ALIGNMENT`.
      profile: whether to count each operator by itself.

    Raises:
      WorkerError: it does not compile or fit.
    """
    for file, text in code.files.items():
        (folder / file).write_text(text, encoding="ascii")
    starts = [_starts(of) for of in code.sizes]
    facts = {
        "name": code.name,
        "macro": code.name.upper(),
        "count": len(rows),
        "input_bytes": rows.shape[1],
        "output_bytes": starts[1][-1],
        "input_offsets": starts[0][:-1],
        "output_offsets": starts[1][:-1],
        "stateful": code.stateful,
        "several": len(code.inputs) > 1 or len(code.outputs) > 1,
        "operators": len(code.operators),
        "sensor": f"{code.name}_sensor.h" in code.files,
    }
    (folder / "main.c").write_text(render("main.c.jinja", facts, BOARD), encoding="ascii")
    (folder / "inputs.bin").write_bytes(rows.tobytes())
    (folder / "inputs.S").write_text(
        '.section .test_inputs, "a"\n.balign 8\n.global test_inputs\ntest_inputs:\n.incbin "inputs.bin"\n'
    )
    marked = [f"{code.name.upper()}_PROFILE"] if profile else []
    sources = ["main.c", *(file for file in code.files if file.endswith(".c")), "inputs.S"]
    return compile_image(code, sources, core, folder, "profiled.elf" if profile else "plain.elf", marked)


def compile_image(
    code: Code, sources: list[str], core: Core, folder: Path, name: str, defines: Sequence[str] = ()
) -> Path:
    """Compiles and links an image of what lies in a folder.

    Args:
      code: of the model, whose library and options it takes.
      sources: names of the files.

    Raises:
      WorkerError: it does not compile or fit.
    """
    addresses = {"FLASH_START": core.flash, "RAM_START": core.ram, "STACK_BYTES": STACK}
    linked = [f"-Wl,--defsym={address}={value:#x}" for address, value in addresses.items()]
    compiler = [COMPILER, *core.flags, "-mthumb", *SECTIONS, *OPTIMIZE[code.kernels]]
    compiler += [f"-isystem{place}" for place in code.includes]
    objects = [f"{Path(file).stem}.o" for file in code.library]
    if not all((folder / file).exists() for file in objects):
        _compile([*compiler, "-w", "-c", *code.library], code, core, folder)
    command = [*compiler, *WARNINGS, *(f"-D{define}" for define in (*core.defines, *defines)), "-I.", f"-I{BOARD}"]
    command += [f"{BOARD}/start.c", *sources, *objects, "-nostartfiles", "-T", f"{BOARD}/link.ld", "-Wl,--gc-sections"]
    _compile([*command, *linked, "-o", name], code, core, folder)
    return folder / name


def _compile(command: list[str], code: Code, core: Core, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:300])
        raise WorkerError(f"{code.name}: does not compile for {core.machine}: {said}")


def simulate(
    image: Path, core: Core, count: int, sizes: list[int], options: tuple[str, ...] = COUNTING
) -> tuple[list[bytes], list[int]]:
    """Outputs of each sample, and the image's figures.

    Args:
      sizes: bytes of each output.
      options: of the simulator; with others than `COUNTING` it counts no instructions.

    Raises:
      WorkerError: it hung or failed.
    """
    import numpy as np

    for left in ("outputs.bin", "figures.bin"):
        (image.parent / left).unlink(missing_ok=True)
    command = [SIMULATOR, "-M", core.machine, "-kernel", image.name, "-display", "none", "-monitor", "none"]
    command += ["-serial", "none", "-semihosting-config", "enable=on,target=native", *options]
    try:
        done = subprocess.run(command, cwd=image.parent, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise WorkerError(f"{core.machine}: the image did not end within {TIME_LIMIT:.0f} s") from None
    if done.returncode:
        raise WorkerError(f"{core.machine}: the image ended with {done.returncode}: {done.stderr.strip()[:300]}")
    content = (image.parent / "outputs.bin").read_bytes()
    figures = np.frombuffer((image.parent / "figures.bin").read_bytes(), np.uint32)
    starts = _starts(sizes)
    outputs = [
        b"".join(content[row + at : row + at + size] for at, size in zip(starts, sizes, strict=False))
        for row in range(0, count * starts[-1], starts[-1])
    ]
    return outputs, [int(n) for n in figures]


def _sizes(image: Path) -> tuple[int, int]:
    """Bytes of code and constants, and of data and arena, without the test's own."""
    said = subprocess.run(["arm-none-eabi-size", "-A", image.name], cwd=image.parent, capture_output=True, text=True)
    sizes = {line.split()[0]: int(line.split()[1]) for line in said.stdout.splitlines() if line.startswith(".")}
    return sizes.get(".text", 0) + sizes.get(".data", 0), sizes.get(".data", 0) + sizes.get(".bss", 0)
