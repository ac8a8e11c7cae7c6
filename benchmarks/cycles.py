"""Cycles per instruction of standalone C on a Cortex-M4; writes docs/explanation/cycles.md.

python benchmarks/cycles.py     builds the reference model; needs arm-none-eabi-gcc and qemu-system-arm

QEMU writes down every block of instructions that it executes, and Arm's table says what each instruction takes.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from commands import ROOT

from edgekit.engine import worker
from edgekit.report.markdown import table

FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"
MODELS = "anomaly_autoencoder audio_commands micro_speech on_off wake_word".split()
REFILL = (1, 2, 3)
"""Cycles that the pipeline takes to refill after a branch: Arm's range and its middle."""
COREMARK = {"cortex-m4f": 3.54, "cortex-m33": 4.10, "cortex-m55": 4.40, "cortex-m7": 5.29}
"""CoreMark per MHz, of Arm's own comparison of its Cortex-M processors."""
REGISTER = r"\b(?:r\d+|sb|sl|fp|ip|sp|lr)\b"
KINDS = {
    "load": re.compile(r"v?ldr|ldm|pop|vldm|vpop"),
    "store": re.compile(r"v?str|stm|push|vstm|vpush"),
    "multiply": re.compile(r"mul|mla|mls|smul|smla|smm|smuad|smusd|smlsd|umull|umlal|umaal"),
    "divide": re.compile(r"[su]div"),
    "branch": re.compile(
        r"(?:b|bl|bx|blx|cbn?z|tb[bh])(?:eq|ne|[chlmpv]s|cc|lo|mi|pl|vc|hi|ls|ge|lt|gt|le)?(?:\.w)?\b"
    ),
}
WRITES_NO_REGISTER = re.compile(r"cmp|cmn|tst|teq|nop|it|v?str|push|stm|b|cb")
Cycles = tuple[int, int, int]
"""At least, usually, at most."""


def kind_of(text: str) -> str:
    """What an instruction does; text as QEMU disassembles it."""
    return next((kind for kind, pattern in KINDS.items() if pattern.match(text)), "other")


def cycles(text: str, before: str) -> Cycles:
    """What an instruction takes, but for the refill after a branch that is taken; from memory without wait states.

    Args:
      before: the instruction that was executed before it, "" if not known.

    Source: Arm 100166, "Cortex-M4 Processor Technical Reference Manual", table 3-1 and section 3.3.2.
    """
    kind, (name, _, operands) = kind_of(text), text.partition(" ")
    if kind in ("load", "store"):
        if re.match(r"v?ldm|pop|vpop|stm|push|vstm|vpush", name):
            own = "[" not in operands and name[:3] in ("ldm", "stm")  # the register with the address
            return (1 + len(re.findall(r"\w+", operands)) - own,) * 3
        if re.match(r"ldrd|strd", name):
            return (3, 3, 3)
        address = operands.partition("[")[2].partition("]")[0]
        base, offset, used = operands.partition("]")[2], re.search(r", (?!#)\w", address), re.findall(REGISTER, address)
        made = (re.findall(REGISTER, before) or [""])[0] if before and not WRITES_NO_REGISTER.match(before) else ""
        if kind_of(before) == "load" and "[" in before and not re.search(r"!|\],", before) and made not in used:
            return (1, 1, 1)  # follows a load in the pipeline
        if kind == "store" and not offset and not base:
            return (1 + (made in used),) * 3
        least = 2 + (made in used and kind_of(before) != "load")
        return (least, least, least + ("pc" in address))
    return {"divide": (2, 7, 12)}.get(kind, (0, 1, 1) if name.startswith("it") else (1, 1, 1))


def counted(log: Path) -> tuple[Counter[str], list[int]]:
    """Instructions by kind, and cycles at least, usually and at most."""
    code: dict[int, list[tuple[int, str]]] = {}
    executed, block = [], []
    instruction = re.compile(r"0x([0-9a-f]{8}):  [0-9a-f]{4}(?: [0-9a-f]{4})? +(\S.*)")
    with log.open() as lines:
        for line in lines:
            if line.startswith("Trace"):
                executed.append(int(line.split("/")[1], 16))
            elif line.startswith("IN:"):
                block = []
            elif found := instruction.match(line):
                block.append((int(found[1], 16), " ".join(found[2].split())))
                code[block[0][0]] = block
    each = {}
    for start, block in code.items():
        texts = [text for _, text in block]
        taken = [cycles(text, before) for text, before in zip(texts, ["", *texts], strict=False)]
        each[start] = Counter(map(kind_of, texts)), [sum(column) for column in zip(*taken, strict=True)]
    times, branches = Counter(executed), 0
    for start, following in pairwise(executed):
        branches += following not in (code[start][-1][0] + 2, code[start][-1][0] + 4)
    kinds: Counter[str] = Counter()
    total = [branches * refill for refill in REFILL]
    for start, count in times.items():
        own, taken = each[start]
        kinds.update({kind: n * count for kind, n in own.items()})
        total = [a + count * b for a, b in zip(total, taken, strict=True)]
    return kinds, total


def measure(path: str, kernels: str) -> dict[str, float]:
    """One inference on a simulated Cortex-M4F; in a worker for TFLM, whose tables the code holds."""
    import numpy as np

    from edgekit.ccode.generate import generate
    from edgekit.firmware.cores import CORES
    from edgekit.firmware.run import build_image, simulate

    core, found = CORES["cortex-m4f"], []
    code = generate(Path(path).read_bytes(), "m", kernels)
    values = np.random.default_rng(0).integers(-128, 128, (1, sum(-(-size // 8) * 8 for size in code.sizes[0])))
    with tempfile.TemporaryDirectory() as folder:
        for samples in (1, 2):
            rows = values.astype(np.int8).repeat(samples, axis=0)
            image = build_image(code, rows, core, Path(folder), profile=False)
            simulate(image, core, samples, code.sizes[1], ("-d", "in_asm,exec,nochain", "-D", "log.txt"))
            found.append(counted(Path(folder) / "log.txt"))
    (one, first), (two, second) = found
    two.subtract(one)
    ends = zip(("low", "usual", "high"), second, first, strict=True)
    return {**two, "all": two.total(), **{name: b - a for name, b, a in ends}}


def main() -> None:
    """Measures every model with both kernels and writes the page."""
    os.environ["PYTHONPATH"] = str(ROOT / "benchmarks")  # where the worker finds this file
    rows, ends = [], []
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "edgekit", "build", "--target=microcontroller", f"--out={out}"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        files = {"reference CNN": Path(out) / "microcontroller/digits/model.tflite"}
        files |= {f"{name}_int8.tflite": FOLDER / f"{name}_int8.tflite" for name in MODELS}
        for name, file in files.items():
            for kernels in ("portable", "dsp"):
                found = worker.call("cycles:measure", str(file), kernels, returns=dict[str, float])
                per = [found[end] / found["all"] for end in ("low", "usual", "high")]
                ends.append(per)
                shares = [f"{100 * found.get(kind, 0) / found['all']:.0f} %" for kind in KINDS if kind != "divide"]
                rows.append([name, kernels, f"{found['all']:,.0f}", *shares, *(f"{factor:.2f}" for factor in per)])
                print(*rows[-1], sep=" | ", flush=True)
    low, usual, high = (pick(column) for pick, column in zip((min, _middle, max), zip(*ends, strict=True), strict=True))
    head = [
        *("model", "kernels", "instructions", "loads", "stores", "multiplies", "branches"),
        *("cycles each, at least", "usually", "at most"),
    ]
    factors = [
        [core, f"{mark:.2f}", *(f"{x * COREMARK['cortex-m4f'] / mark:.2f}" for x in (low, usual, high))]
        for core, mark in sorted(COREMARK.items())
    ]
    page = f"""# From instructions to time

QEMU counts instructions, and a budget can hold that count: it is exact. The `latency` of standalone C is an estimate
made of it: instructions × cycles per instruction / `hardware.clock`, with source `estimated`, and with an interval.

Made by `python benchmarks/cycles.py`. QEMU wrote down every block of instructions that one inference executes on a
Cortex-M4F, and each instruction was given the cycles of Arm's *Cortex-M4 Processor Technical Reference Manual* (100166,
table 3-1 and section 3.3.2: loads in a pipeline, addresses that wait for a result, 1 to 3 cycles for the refill after a
branch that is taken). The table assumes memory without wait states. Flash that waits makes every chip slower than this,
as far as its cache or prefetch does not hide it: where time counts, measure on the device.

{table(head, rows)}

The factor for the Cortex-M4F is the middle of these, its interval reaches from the least to the most. For other cores
Arm publishes no such table; theirs is that of the Cortex-M4F in proportion to the CoreMark per MHz that Arm gives for
both, and so the weaker estimate: how well a program pairs on a Cortex-M7 differs from program to program.

The Cortex-M0+ has no factor: it lacks long multiplies and executes other instructions for the same C. QEMU counts them,
on a simulated Cortex-M3, which has them all; its time only the device can tell.

{table(["core", "CoreMark per MHz", "cycles per instruction, at least", "usually", "at most"], factors)}

These figures stand in `edgekit/firmware/cores.py`.
"""
    (ROOT / "docs/explanation/cycles.md").write_text(page)


def _middle(values: tuple[float, ...]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
