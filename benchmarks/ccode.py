"""Standalone C beside TFLM: instructions, flash and RAM on a simulated Cortex-M4F; writes docs/ccode.md.

python benchmarks/ccode.py      builds the reference model; needs arm-none-eabi-gcc and qemu-system-arm
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from commands import ROOT

from edgekit.engine import worker
from edgekit.firmware.cores import CORES
from edgekit.report.markdown import table

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import TensorSpec

FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"
SAMPLES = 200
TFLM = {
    "reference CNN": ("29,286,290", "6,136,926", "29,044"),
    "wake_word_int8.tflite": ("", "2,227,378", "16,532"),
}
"""Instructions of TFLM with its reference kernels and with CMSIS-NN, built once by GCC 12 -O2 for M4F, and its arena
there: its C++ sources are in no package, so these are not measured again here."""


def measure(
    path: str, kernels: str, core: str, samples: int, tables: bool = False, images: bool = False
) -> dict[str, float | str]:
    """A model in TFLM beside its C code on a simulated core; in a worker for TFLM.

    Args:
      images: whether the inputs are those of the reference model's dataset, else random.
    """
    import time

    import numpy as np

    from edgekit.ccode.generate import generate
    from edgekit.emit.golden import as_stored
    from edgekit.firmware.run import ALIGNMENT, build_image, run, simulate
    from edgekit.flatbuffer.read import read_graph
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    start = time.perf_counter()
    code = generate(Path(path).read_bytes(), "m", kernels, tables=tables)
    seconds, session = time.perf_counter() - start, open_session("tflm", path)
    inputs = [random_inputs(code.inputs, seed) for seed in range(samples)]
    if images:
        pixels, of = np.load(ROOT / "assets/digits.npz")["x_test"][:samples], code.inputs[0]
        inputs = [[as_stored(image.reshape(of.shape).astype(np.float32) / 255, of)] for image in pixels]
    wanted = []
    for sample in inputs:
        session.reset()
        pairs = zip(sample, session.inputs, code.inputs, strict=True)
        session.set_inputs([_real(x, of) if own.dtype == "float32" else x for x, own, of in pairs])
        session.invoke()
        made = zip(session.get_outputs(), code.outputs, strict=True)
        wanted.append(b"".join(as_stored(output, of).tobytes() for output, of in made))
    columns = [np.stack(column) for column in zip(*inputs, strict=True)]
    ran = run(code, columns, core)
    assert ran.outputs == wanted, "other outputs than TFLM"
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        zeros = np.zeros((1, sum(-(-size // ALIGNMENT) * ALIGNMENT for size in code.sizes[0])), np.int8)
        image = build_image(code, zeros, CORES[core], Path(folder), profile=False)
        compiled = time.perf_counter() - start
        if images and core == "cortex-m4f":
            boards = [simulate(image, CORES[board], 1, code.sizes[1]) for board in (core, core, core, "cortex-m7")]
            assert boards.count(boards[0]) == 4, "another count in another run or on another board"
    return {
        "instructions": round(ran.instructions),
        "per_mac": ran.instructions / read_graph(Path(path)).macs,
        "flash": ran.flash - ran.weights,
        "weights": ran.weights,
        "arena": code.arena,
        "bound": code.bound,
        "tflm_arena": session.arena_bytes(),
        "generated": seconds,
        "compiled": compiled,
        "operators": "; ".join(f"{name}: {count:,.0f}" for name, count in ran.operators),
    }


def _real(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    """What stored values stand for."""
    import numpy as np

    return np.float32(of.scale) * (values.astype(np.int32) - of.zero_point).astype(np.float32)


def built(out: Path, *settings: str) -> Path:
    """The reference model for the microcontroller."""
    command = [sys.executable, "-m", "edgekit", "build", "--target=microcontroller", f"--out={out}"]
    done = subprocess.run(command + [f"--set={setting}" for setting in settings], cwd=ROOT, capture_output=True)
    assert done.returncode in (0, 1), done.stderr.decode()  # 1: beyond a budget, but built
    return out / "microcontroller/digits/model.tflite"


def clustered(out: Path) -> list[list[str]]:
    """What tables for the weights save and take, for so many clusters and each set of kernels."""
    rows = []
    for clusters in (16, 8, 4):
        settings = "recipe.prune=false", f"recipe.cluster.clusters={clusters}", "recipe.cluster.epochs=1"
        file = str(built(out / str(clusters), *settings, "budget.arena=48 KiB"))
        for kernels in ("portable", "dsp"):
            pairs = []
            for tables in (False, True):
                arguments = (file, kernels, "cortex-m4f", 20, tables)
                pairs.append(worker.call("ccode:measure", *arguments, returns=dict[str, float | str]))
            plain, less = pairs
            cells = [
                f"{plain[name]:,.0f} → {less[name]:,.0f}" for name in ("weights", "flash", "arena", "instructions")
            ]
            more = float(less["instructions"]) / float(plain["instructions"]) - 1
            rows.append([str(clusters), kernels, *cells[:3], f"{cells[3]} (+{100 * more:.0f} %)"])
            print(*rows[-1], sep=" | ", flush=True)
    return rows


def measured(file: Path, kernels: str, core: str, images: bool) -> dict[str, float | str]:
    """See `measure`."""
    arguments = (str(file), kernels, core, SAMPLES if images else 20, False, images)
    return worker.call("ccode:measure", *arguments, returns=dict[str, float | str])


def _of_core(file: Path, core: str) -> list[str]:
    both = [measured(file, kernels, core, images=True) for kernels in ("portable", "dsp")]
    return [f"{of['instructions']:,.0f} ({of['per_mac']:.2f})" for of in both]


def main() -> None:
    """Measures every model and writes the page."""
    os.environ["PYTHONPATH"] = str(ROOT / "benchmarks")  # where the worker finds this file
    rows, layers, cores = [], [], []
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out)
        reference = built(folder)
        wider = built(folder / "int16x8", "recipe.quantize.scheme=int16x8")
        few = clustered(folder)
        names = "anomaly_autoencoder audio_commands ecg_autoencoder hello_world magic_wand micro_speech".split()
        names += ["mnist_lstm", "on_off", "wake_word"]
        for file in [reference, wider, *(FOLDER / f"{name}_int8.tflite" for name in names)]:
            name = {reference: "reference CNN", wider: "reference CNN, int16x8"}.get(file, file.name)
            images = file in (reference, wider)
            portable, dsp = (measured(file, kernels, "cortex-m4f", images) for kernels in ("portable", "dsp"))
            given = TFLM.get(name, ("", "", ""))
            rows.append(
                [
                    name,
                    f"{portable['instructions']:,.0f} ({portable['per_mac']:.2f})",
                    f"{dsp['instructions']:,.0f} ({dsp['per_mac']:.2f})",
                    *given[:2],
                    f"{portable['flash']:,.0f}; {dsp['flash']:,.0f}",
                    f"{portable['arena']:,.0f}; {dsp['arena']:,.0f}",
                    f"{portable['bound']:,.0f}; {dsp['bound']:,.0f}",
                    given[2] or f"{portable['tflm_arena']:,.0f} on the host",
                    f"{dsp['generated']:.2f} s, {dsp['compiled']:.1f} s",
                ]
            )
            print(*rows[-1], sep=" | ", flush=True)
            if file == reference:
                one, other = (str(of["operators"]).split("; ") for of in (portable, dsp))
                pairs = (pair[0].split(": ") + pair[1].split(": ")[1:] for pair in zip(one, other, strict=True))
                layers = [list(pair) for pair in pairs]
                cores = [[core, *_of_core(file, core)] for core in CORES]
    head = [
        *("model", "portable (per MAC)", "DSP (per MAC)", "TFLM reference", "TFLM with CMSIS-NN"),
        *("flash beyond the weights", "arena", "least possible", "arena of TFLM", "generated, compiled in"),
    ]
    page = f"""# Standalone C

`invoke ccode FILE.tflite --name=NAME --out=DIR` writes an int8 or int16x8 model as C11 that needs no interpreter, and
`outputs.c_standalone = true` makes a build for TFLM do so, with a self-test from its golden vectors:

```c
int NAME_run(const int8_t *input, int8_t *output, void *arena);   /* NAME_ARENA_BYTES, 0 on success */
int NAME_selftest(void);                                          /* golden vectors that differ */
```

It depends on `stdint.h` and `string.h`, allocates nothing, and computes in integers. Models with several inputs or
outputs take a struct of pointers. Weights are constants; the arena is planned when the code is written, and outputs may
lie where inputs lay; every operator is a function of its own with its layer's name and shapes. The same file and
settings give the same code. Where a model takes or gives floats around an int8 graph, its first and last operators are
left off: the code takes and gives stored values, and the header says what they stand for.

Outputs are those of TFLM's reference kernels, byte for byte. Operators, in int8:

- **layers**: convolution (grouped too), depthwise and transposed convolution, fully connected, batch matmul (either
  side turned, constant, or repeated over the batch), max and average pooling, LSTM;
- **of two values**: add, sub, mul, maximum, minimum, squared difference, PReLU with many slopes; where one input is
  smaller, it is repeated, and not copied to the size of the other where the kernel can go over it again and again;
- **over axes**: mean, sum, largest and smallest value, softmax, L2 normalization;
- **resize**: nearest neighbour and bilinear; where each output comes from is a table, worked out beforehand;
- **of one value**: ReLU, ReLU6, logistic, tanh, hard swish, leaky ReLU, PReLU with one slope, ELU, quantize … become
  tables of 256 bytes that TFLM itself fills;
- **moves**: reshape, squeeze, expand dims, transpose, concatenation, pack, unpack, split, slice, strided slice
  (backwards too), pad, mirror pad, gather with constant indices, depth to space, space to depth, batch to space, space
  to batch, broadcast, reverse.

Many of them take [activations of 16 bits](#activations-of-16-bits) too. Anything else is refused by its name and layer.

LSTM (`UNIDIRECTIONAL_SEQUENCE_LSTM`, int8 with a cell of 16 bits) keeps its states in the arena from one run to the
next, as in TFLM: such a model has `void NAME_reset(void *arena)`, to be called before the first run and before each
that must not know of those before it. Where a converter unrolls an LSTM into many small operators, what several of them
have in common is written once.

The portable kernels take one long product for two short ones; on cores that have none (Cortex-M0, M0+ and M23) they
take plain products instead, which the compiler's macros tell.

`--kernels=dsp` uses the DSP instructions of Cortex-M4, M7, M33 and M55 through ACLE intrinsics; without them the same
code computes the same. Builds take them where `hardware.cpu` has them. Compile those kernels with
`-O3 -fno-schedule-insns`: GCC's scheduling runs out of registers otherwise. [Beside bakenn](bakenn.md), which does the
same, a dense network takes less of everything.

`--kernels=cmsis-nn --cmsis-nn=PATH`, in a target `outputs.c_kernels = "cmsis-nn"` and `outputs.cmsis_nn = "PATH"`,
calls the kernels of Arm's [CMSIS-NN](https://github.com/ARM-software/CMSIS-NN) from its folder: convolutions, depthwise
ones, fully connected layers and pooling in int8, each of which was found to have TFLM's outputs byte for byte (release
4.0.0, on the host and on all three cores, the Cortex-M55 with Helium too). The rest, such as grouped convolutions and
softmax, stays edgekit's own. `ccode` says which of its files to compile with the code; CMSIS-Core, whose headers it
includes, is found where it lies beside it. On the models below these kernels take 1.5 to 3.2 times the instructions of
`--kernels=dsp` on a Cortex-M4F; with Helium, which only CMSIS-NN uses, the wake word takes 397,839 on a Cortex-M55
instead of 1,449,104. Their buffers lie in the arena, as large as any core needs them; should a release want a larger
one, `NAME_run` returns 1 and computes nothing more.

## Activations of 16 bits

Models made with `scheme = "int16x8"`, and those with `int16_layers`, have values of `int16_t`: convolution, depthwise
and transposed convolution, fully connected, pooling, add, sub, mul, maximum, minimum, mean, sum, softmax, ReLU, ReLU6,
leaky ReLU, logistic, tanh, quantize from and to 8 bits, nearest-neighbour resize, and whatever moves values.

TFLM adds up products in 64 bits. Here the weights decide: where no input can make a layer's sums overflow, they have 32
bits, elsewhere so many products at a time as 32 bits hold. Biases have 64 bits, or 32, with which TFLM rounds twice;
where it takes one for the other, as in a depthwise convolution, the model is refused, and so are zero points other than
0, which it does not heed.

## Weights as lookup tables

After [clustering](compression.md) the weights of a layer have few values. With `--tables`, in a build with
`outputs.c_tables`, which is on where `model.tflite` has lookup tables, those of convolutions and dense layers that have
at most 16 values, in all or for each output, are stored as indexes of 1 to 4 bits and tables. Layers where this saves
less than a quarter stay as they are, as do depthwise and transposed convolutions, layers in int16, and what CMSIS-NN
computes. Outputs are the same, byte for byte. `ccode` also takes a file whose weights TFLM decodes itself.

The weights of a convolution are decoded for as many outputs at once as there is room for in the arena beside what other
operators need, at least for 8, and its input is read again for each such block. A dense layer decodes, on the stack,
those of four outputs for 80 inputs at a time, in about 3.7 instructions for each weight and row: what is dense
throughout takes 2.7 times as long, with DSP instructions 3.5 times. Where time matters more than flash, set
`outputs.c_tables = false`.

The reference CNN with so many clusters, plain → with tables, 20 random inputs on a Cortex-M4F. TFLM, which decodes the
weights of a layer into its arena, [needs 4,800 bytes more of it](shrink.md):

{table(["clusters", "kernels", "weights", "flash beyond them", "arena", "instructions"], few)}

## On a simulated core

Where `arm-none-eabi-gcc` and `qemu-system-arm` are installed, a build links the code for `hardware.cpu` (`cortex-m4f`,
`cortex-m7`, `cortex-m33`, `cortex-m55`), runs the golden vectors in QEMU, compares every byte, and measures
`instructions` per inference and per operator, `flash` and `ram` (with the stack that was really used), which the budget
can limit. The count is exact and the same in every run, also of one image on the board of another core. With
`hardware.clock` the build estimates the `latency` from it, with an interval: [from instructions to time](cycles.md).

Made by `python benchmarks/ccode.py`, Cortex-M4F, instructions of one inference, mean over {SAMPLES} images for the
reference CNN and 20 random inputs for the others, all of whose outputs were those of TFLM. The image of the reference
CNN was run three times, and on the board of the Cortex-M7, with the same count each time. TFLM's own figures were
measured once, with its sources built by GCC 12 `-O2`; those are in no package.

{table(head, rows)}

The reference CNN on each core, {SAMPLES} images, all exact:

{table(["core", "portable (per MAC)", "DSP (per MAC)"], cores)}

The reference CNN, operator by operator:

{table(["operator", "portable", "DSP"], layers)}
"""
    (ROOT / "docs" / "ccode.md").write_text(page)


if __name__ == "__main__":
    main()
