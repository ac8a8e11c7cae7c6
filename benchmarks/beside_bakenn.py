"""Standalone C beside that of bakenn 1.0, on a simulated Cortex-M4F; writes docs/measured/bakenn.md.

python benchmarks/beside_bakenn.py     needs arm-none-eabi-gcc, qemu-system-arm and `pip install "bakenn[tflite]"`
"""

import os
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from commands import ROOT
from msgspec.structs import replace

from edgekit.ccode.generate import Code
from edgekit.ccode.library import needed, parts
from edgekit.engine import worker
from edgekit.report.markdown import table

FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"
MODEL = "anomaly_autoencoder_int8.tflite"
CORE, SAMPLES = "cortex-m4f", 20
THEIRS = {
    "portable C": "PORTABLE",
    "packed weights": "STATIC_PRIORITY",
    "Cortex-M4": "STATIC_PRIORITY CORTEX_M4",
    "CMSIS-NN": "STATIC_PRIORITY CORTEX_M4 CMSIS_NN",
}
"""What bakenn offers for an M4: the default, kernels with weights in another order, those with DSP instructions, and
CMSIS-NN's."""
LEVELS = ("-Os", "-O2", "-O3")
"""Each is built with all of them."""
WRAPPER = """#include "m.h"
#include "bknn_m.h"
#ifdef M_PROFILE
#define MARK(number) m_mark(number)
#else
#define MARK(number)
#endif
int m_run(const int8_t *input, int8_t *output, void *arena) {
  MARK(0);
  bknn_m_infer(arena, input, output);
  MARK(1);
  return 0;
}
"""


def fixed(content: bytes) -> bytes:
    """A model whose batch is no longer open: bakenn wants a batch of one said in the file."""
    from edgekit.flatbuffer.edit import move_inside, objects, packed

    model = objects(content)
    move_inside(model, content)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
    return packed(model)


def bake(content: bytes, variant: str, folder: Path) -> Code:
    """bakenn's C of a model, as the boards take it.

    Raises:
      bakenn.BakeNNError: it refuses the model.
    """
    import bakenn

    policy, *more = THEIRS[variant].split()
    target = bakenn.CORTEX_M4 if "CORTEX_M4" in more else bakenn.PORTABLE_32
    options = bakenn.CBackendOptions(
        kernel_policy=bakenn.KernelPolicy[policy], target=target, enable_cmsis_nn="CMSIS_NN" in more
    )
    (folder / "in.tflite").write_bytes(content)
    made = bakenn.compile_tflite(folder / "in.tflite", folder / "out", name="m", backend_options=options).artifacts
    sources = [made.model_source, made.weights_source, made.kernels_source, *made.support_sources]
    header = '#include <stdint.h>\n#include "bknn_m.h"\n#define M_ARENA_BYTES BKNN_M_ARENA_SIZE\n'
    header += "int m_run(const int8_t *input, int8_t *output, void *arena);\nvoid m_mark(int number);\n"
    text = (folder / "out" / "bknn_m.h").read_text()
    arena = int(text.split("BKNN_M_ARENA_SIZE ")[1].split("u")[0])
    includes = [folder / "out", *made.support_include_dirs]
    return Code(
        name="m",
        kernels="portable",
        files={"m.h": header, "m.c": WRAPPER},
        arena=arena,
        bound=arena,
        peak="",
        weights=0,
        operators=("all",),
        inputs=(),
        outputs=(),
        stateful=False,
        library=tuple(str(path) for path in sources),
        includes=tuple(str(path) for path in includes),
    )


def refusal(path: str) -> str:
    """Why bakenn refuses a file, and the same with its batch fixed; or ""."""
    import bakenn

    said = []
    content = Path(path).read_bytes()
    for given in (content, fixed(content)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                bake(given, "portable C", Path(folder))
                said.append("")
            except bakenn.BakeNNError as problem:
                said.append(str(problem))
    return "\n".join(said)


def measure(path: str, variant: str) -> list[dict[str, float | str]]:
    """A variant of bakenn's C, or `edgekit` with its kernels, built at each level; outputs are held against TFLM's."""
    import numpy as np

    from edgekit.ccode.generate import generate
    from edgekit.firmware import run as firmware
    from edgekit.flatbuffer.read import read_graph
    from edgekit.runtimes import open_session
    from edgekit.runtimes.values import random_inputs

    session = open_session("tflm", path)
    inputs = [random_inputs(session.inputs, seed) for seed in range(SAMPLES)]
    wanted = []
    for sample in inputs:
        session.set_inputs(sample)
        session.invoke()
        wanted.append(b"".join(output.tobytes() for output in session.get_outputs()))
    columns = [np.stack(column) for column in zip(*inputs, strict=True)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        content = Path(path).read_bytes()
        ours = variant.removeprefix("edgekit ")
        code = generate(content, "m", ours) if ours != variant else bake(fixed(content), variant, Path(folder))
        if ours == "cmsis-nn":
            vendor = Path(str(files("bakenn.backend.cmsis_nn.vendor") / "cmsis_nn"))
            found_there = needed(code.files["m.c"], {of: str(place) for of, place in parts(vendor).items()})
            code = replace(code, library=found_there.sources, includes=found_there.includes)
        code, levels = replace(code, inputs=session.inputs, outputs=session.outputs), firmware.OPTIMIZE
        for level in LEVELS:
            firmware.OPTIMIZE = {code.kernels: [level, *levels[code.kernels][1:]]}
            ran = firmware.run(code, columns, CORE)
            assert ran.outputs == wanted, f"{variant}: other outputs than TFLM"
            found.append(
                {
                    "level": level,
                    "flash": ran.flash,
                    "arena": code.arena,
                    "ram": ran.ram,
                    "instructions": round(ran.instructions),
                    "per_mac": ran.instructions / read_graph(Path(path)).macs,
                }
            )
    return found


def row(name: str, of: dict[str, float | str]) -> list[str]:
    """Of the table."""
    figures = [f"{of[key]:,.0f}" for key in ("flash", "arena", "ram", "instructions")]
    return [name, str(of["level"]), *figures, f"{of['per_mac']:.2f}"]


def ratios(name: str, ours: dict[str, float | str], theirs: list[dict[str, float | str]]) -> list[str]:
    """Ours over the best of theirs, column by column."""
    keys = ("flash", "arena", "ram", "instructions", "per_mac")
    found = [float(ours[key]) / min(float(of[key]) for of in theirs) for key in keys]
    return [name, "", *(f"{ratio:.4f}" for ratio in found)]


def main() -> None:
    """Measures both and writes the page."""
    os.environ["PYTHONPATH"] = str(ROOT / "benchmarks")  # where the workers find this file
    returns = list[dict[str, float | str]]
    theirs = {name: worker.call("beside_bakenn:measure", str(FOLDER / MODEL), name, returns=returns) for name in THEIRS}
    ours = {}
    for kernels, level in (("portable", "-O2"), ("dsp", "-O3"), ("cmsis-nn", "-O3")):
        made = worker.call("beside_bakenn:measure", str(FOLDER / MODEL), f"edgekit {kernels}", returns=returns)
        ours[kernels] = next(of for of in made if of["level"] == level)
    plain = theirs["portable C"] + theirs["packed weights"]
    everything = [of for made in theirs.values() for of in made]
    rows = [row(f"edgekit, {kernels}", of) for kernels, of in ours.items()]
    rows += [row(f"bakenn, {name}", of) for name, made in theirs.items() for of in made]
    rows.append(ratios("edgekit, portable / best of bakenn's two in plain C", ours["portable"], plain))
    rows.append(ratios("edgekit, dsp / best of all of bakenn's", ours["dsp"], everything))
    refused = []
    for path in sorted(FOLDER.glob("*int8.tflite")):
        given, again = worker.call("beside_bakenn:refusal", str(path), returns=str).split("\n")
        refused.append([path.name, given or "taken", again or "taken"])
    head = ["code", "level", "flash", "arena", "RAM with stack", "instructions", "per multiply-accumulate"]
    page = f"""# Standalone C compared with bakenn

bakenn {version("bakenn")} also turns int8 `.tflite` files into C11. Made by
`python benchmarks/beside_bakenn.py`: `{MODEL}` on a simulated Cortex-M4F, both in one
run with the same start-up code, linker script and {SAMPLES} random inputs, all of whose outputs were those of TFLM.
bakenn's code is built at each level of GCC, edgekit's as `invoke build` builds it. Ratios are to the best that bakenn
has in a column, over all its builds.

{table(head, rows)}

What bakenn makes of other public int8 models, as they are, and with their batch fixed at one, which it needs:

{table(["model", "as it is", "batch fixed"], refused)}
"""
    (ROOT / "docs/measured/bakenn.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
