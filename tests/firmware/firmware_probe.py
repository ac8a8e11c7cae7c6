"""Run in a worker for TFLM: a model in TFLM beside its C code on a simulated core."""

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edgekit.ccode.generate import generate
from edgekit.ccode.library import needed
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import run
from edgekit.runtimes import open_session
from edgekit.runtimes.values import random_inputs


def simulated(
    model: str, kernels: str, core: str, samples: int, library: dict[str, str] | None = None
) -> dict[str, float]:
    session = open_session("tflm", model)
    inputs = [random_inputs(session.inputs, seed) for seed in range(samples)]
    wanted = []
    for sample in inputs:
        session.reset()
        session.set_inputs(sample)
        session.invoke()
        wanted.append(b"".join(output.tobytes() for output in session.get_outputs()))
    columns = [np.stack(column) for column in zip(*inputs, strict=True)]
    code = generate(Path(model).read_bytes(), "m", kernels)
    if library:
        found = needed(code.files["m.c"], library)
        code = replace(code, library=found.sources, includes=found.includes)
    ran = run(code, columns, core)
    return {
        "differing": sum(a != b for a, b in zip(ran.outputs, wanted, strict=True)),
        "instructions": ran.instructions,
        "operators": sum(n for _, n in ran.operators),
        "flash": ran.flash,
        "weights": ran.weights,
        "ram": ran.ram,
        "arena": code.arena,
    }


def with_helium(model: str, library: dict[str, str]) -> dict[str, float]:
    """CMSIS-NN on a Cortex-M55 whose vector instructions it uses."""
    CORES["cortex-m55"] = replace(CORES["cortex-m55"], flags=("-mcpu=cortex-m55", "-mfloat-abi=hard"))
    return simulated(model, "cmsis-nn", "cortex-m55", 5, library)
