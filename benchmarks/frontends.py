"""What front-ends cost: instructions, flash and RAM on simulated cores, time in NumPy, error beside float arithmetic.

python benchmarks/frontends.py     prints the table of docs/explanation/frontends.md; needs Arm's compiler and QEMU
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from commands import ROOT
from msgspec import Struct

from edgekit.emit.frontend import frontend_source
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import BOARD, COMPILER, COUNTING, INSTRUCTION, SECTIONS, SIMULATOR, STACK, WARNINGS
from edgekit.frontend.base import Frontend, Raw
from edgekit.frontend.kinds import LogMel, Mfcc, Spectrogram
from edgekit.report.markdown import table

SECOND = 16_000
KINDS = {
    "log-mel": LogMel(window_ms=32),
    "log-mel, PCEN": LogMel(window_ms=32, compression="pcen"),
    "mfcc": Mfcc(window_ms=32),
    "spectrogram": Spectrogram(window_ms=32),
}
MAIN = """
#include "board.h"
#include "probe_features.h"
extern const {raw_type} test_inputs[];
static int16_t features[{count} * {values}] __attribute__((section(".test_outputs"), aligned(8)));
static uint32_t figures[2] __attribute__((section(".test_outputs")));
int main(void) {{
  board_start_counting();
  board_paint_stack();
  const uint32_t before = board_ticks();
  for (uint32_t n = 0; n < {count}; n++) probe_features(test_inputs + n * {samples}, features + n * {values});
  figures[0] = board_ticks() - before;
  figures[1] = board_stack_used();
  board_write("outputs.bin", features, sizeof features);
  board_write("figures.bin", figures, sizeof figures);
  return 0;
}}
"""
INPUTS = '.section .test_inputs, "a"\n.balign 8\n.global test_inputs\ntest_inputs:\n.incbin "inputs.bin"\n'


class OnCore(Struct, frozen=True):
    """What a simulated core made of samples."""

    features: np.ndarray
    instructions: float
    """Of one sample: the mean."""
    stack: int
    """Bytes."""
    flash: int
    """Bytes of code and constants."""
    ram: int
    """Bytes of state and working memory."""


def on_core(frontend: Frontend, raw: np.ndarray, core: str) -> OnCore:
    """Builds an image of a front-end for one of `CORES`, and runs samples (N, …) through it."""
    of, kind = CORES[core], Raw(raw.shape[1:], str(raw.dtype))
    shape = frontend.shape(kind)
    facts = {"raw_type": f"{raw.dtype}_t", "count": len(raw), "samples": raw[0].size, "values": int(np.prod(shape))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = frontend_source(frontend, kind, "probe") | {"main.c": MAIN.format(**facts), "inputs.S": INPUTS}
        for file, text in sources.items():
            (folder / file).write_text(text, encoding="ascii")
        (folder / "inputs.bin").write_bytes(raw.tobytes())
        compiler = [COMPILER, *of.flags, "-mthumb", "-O2", *SECTIONS, *WARNINGS, *[f"-D{d}" for d in of.defines]]
        subprocess.run([*compiler, "-c", "probe_features.c"], cwd=folder, check=True)
        addresses = {"FLASH_START": of.flash, "RAM_START": of.ram, "STACK_BYTES": STACK}
        linked = [
            "-nostartfiles",
            "-T",
            f"{BOARD}/link.ld",
            *[f"-Wl,--defsym={n}={v:#x}" for n, v in addresses.items()],
        ]
        files = ["-I.", f"-I{BOARD}", f"{BOARD}/start.c", "main.c", "inputs.S", "probe_features.o"]
        subprocess.run([*compiler, *files, *linked, "-o", "image.elf"], cwd=folder, check=True)
        command = [SIMULATOR, "-M", of.machine, "-kernel", "image.elf", "-display", "none", "-monitor", "none"]
        command += ["-serial", "none", "-semihosting-config", "enable=on,target=native", *COUNTING]
        subprocess.run(command, cwd=folder, check=True, timeout=300)
        sizes = subprocess.run(["arm-none-eabi-size", "probe_features.o"], cwd=folder, capture_output=True, text=True)
        text, data, bss = (int(word) for word in sizes.stdout.splitlines()[1].split()[:3])
        ticks, stack = np.frombuffer((folder / "figures.bin").read_bytes(), np.uint32).tolist()
        features = np.frombuffer((folder / "outputs.bin").read_bytes(), np.int16).reshape(len(raw), *shape)
    return OnCore(features, ticks * of.tick / INSTRUCTION / len(raw), stack, text + data, data + bss)


def seconds(frontend: Frontend, raw: np.ndarray) -> float:
    """Processor time that NumPy takes."""
    start = time.process_time()
    frontend.features(raw)
    return time.process_time() - start


def main() -> None:
    sys.path.append(str(ROOT / "tests" / "frontend"))
    import float_reference

    noise = np.random.default_rng(1).normal(size=(1000, SECOND)).clip(-4, 4)
    sound = (noise * np.geomspace(1, 8000, 1000)[:, None]).astype(np.int16)
    rows = []
    for name, kind in KINDS.items():
        here, small = (on_core(kind, sound[::250], core) for core in ("cortex-m4f", "cortex-m0plus"))
        error = np.abs(kind.features(sound[::50]) * kind.step - float_reference.features(kind, sound[::50])).max()
        millions = [f"{each.instructions / 1e6:.2f} M" for each in (here, small)]
        sizes = [f"{value:,} B" for value in (here.flash, here.ram, here.stack)]
        rows.append([name, *millions, *sizes, f"{error / kind.step:.2f}", f"{seconds(kind, sound):.1f} s"])
    head = ["", "M4F", "M0+", "flash", "RAM", "stack", "largest error, steps", "NumPy, 1,000 s"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
