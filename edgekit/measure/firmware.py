"""Standalone C of what ships: written, run on a simulated core, held against the golden vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.ccode.generate import Code, generate_file
from edgekit.ccode.library import needed
from edgekit.ccode.piece import Kernels
from edgekit.errors import ModelError
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import missing, run, versions
from edgekit.types import Measurement

if TYPE_CHECKING:
    import numpy as np

FIGURES = {"instructions": "1", "flash": "B", "ram": "B"}
"""What a run measures."""


def write_firmware(model: str, golden: str, name: str, kernels: Kernels, names: str | None, folder: str) -> Code:
    """Writes `NAME.h`, `NAME.c` and the self-test; in a process for TFLM.

    Args:
      golden: the golden vectors of TFLM.
      names: file with those of the model's tensors, if it lacks them.

    Raises:
      ModelError: it cannot be written as C; names the operator.
    """
    from edgekit.ccode.selftest import selftest

    code = generate_file(model, name, kernels, names, folder)
    for file, text in selftest(code.name, *_vectors(golden)).items():
        (Path(folder) / file).write_text(text, encoding="ascii")
    return code


def measure_firmware(
    code: Code, files: dict[str, str], golden: str, core: str, library: dict[str, str]
) -> list[Measurement]:
    """Runs the golden vectors on a simulated core.

    Args:
      files: the sources, by name.
      core: one of `CORES`.
      library: the folders of CMSIS-NN, where it is called.

    Returns:
      `instructions` of one inference, `flash` and `ram` of the linked image; without values where a tool is missing.

    Raises:
      ModelError: an output is not that of TFLM.
      WorkerError: the image does not fit, hung or failed.
    """
    from msgspec.structs import replace

    if said := missing():
        return [Measurement(name, None, unit, reason=f"skipped: {said}") for name, unit in FIGURES.items()]
    if core not in CORES:
        said = f"skipped: QEMU simulates no {core} here; there is {', '.join(CORES)}"
        return [Measurement(name, None, unit, reason=said) for name, unit in FIGURES.items()]
    inputs, outputs = _vectors(golden)
    texts = {name: Path(path).read_text(encoding="ascii") for name, path in files.items() if "_selftest" not in name}
    sizes = [[int(array[0].nbytes) for array in of] for of in (inputs, outputs)]
    code = replace(code, files=texts)
    if library:
        found = needed(texts[f"{code.name}.c"], library)
        code = replace(code, library=found.sources, includes=found.includes)
    ran = run(code, inputs, (sizes[0], sizes[1]), core)
    wanted = [b"".join(array[row].tobytes() for array in outputs) for row in range(len(outputs[0]))]
    if ran.outputs != wanted:
        row = next(n for n, pair in enumerate(zip(ran.outputs, wanted, strict=True)) if pair[0] != pair[1])
        raise ModelError(f"standalone C on {core} has other outputs than TFLM for golden vector {row}")
    simulator = versions()["qemu-system-arm"].split("version ")[-1].split(" ")[0]
    label, count = f"qemu {simulator}", len(wanted)
    said = f"{core}, {code.kernels} kernels; {ran.least:,} to {ran.most:,} in {count} golden vectors, all exact"
    return [
        Measurement("instructions", round(ran.instructions), "1", "simulated", label, count, reason=said),
        Measurement("flash", ran.flash, "B", "simulated", label, reason=f"of which {ran.weights:,} B are the model's"),
        Measurement("ram", ran.ram, "B", "simulated", label, reason=f"of which {ran.stack:,} B are stack"),
        *(
            Measurement(f"instructions of {operator}", round(number), "1", "simulated", label, artifact="operator")
            for operator, number in ran.operators
        ),
    ]


def _vectors(golden: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs and outputs of an archive, each (N, …) int8."""
    import numpy as np

    with np.load(golden, allow_pickle=False) as file:
        names = sorted(file.files, key=_number)
        inputs, outputs = ([file[n] for n in names if n.startswith(word)] for word in ("input", "output"))
    return inputs, outputs


def _number(name: str) -> int:
    return int(name.rpartition("_")[2]) if name.rpartition("_")[2].isdigit() else 0
