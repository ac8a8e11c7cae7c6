"""Standalone C on a simulated core, its outputs held against those of TFLM."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.ccode.generate import Code
from edgekit.ccode.library import needed
from edgekit.emit.golden import as_stored
from edgekit.engine.libraries import READING, TOOLS
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError
from edgekit.firmware.cores import CORES, Core, not_simulated
from edgekit.firmware.run import Execution, missing, run, versions
from edgekit.types import INTEGER, Artifact, Measurement

if TYPE_CHECKING:
    import numpy as np

FIGURES = {"instructions": "1", "flash": "B", "ram": "B"}
"""What a run measures."""
FRONTEND = "frontend_"
"""What the front-end's share of them is called by."""
CODE = 128 << 10
"""Bytes that a front-end's code and tables take at most, beside which recordings lie."""
SAMPLES = 20
"""Random inputs, where there are no golden vectors."""


@stage("simulate", process=TOOLS, libraries=("numpy", "jinja2"))
def measure_firmware(
    work: Work,
    code: Code,
    files: dict[str, Artifact],
    golden: Artifact,
    core: str,
    clock: float | None,
    library: dict[str, Artifact],
    sensor: dict[str, Artifact] | None = None,
    kind: str = "",
) -> list[Measurement]:
    """Runs the golden vectors on a simulated core; with a front-end then again what the sensor gave for them.

    Args:
      files: the sources, by name.
      core: one of `CORES`.
      clock: of the core, in Hz.
      library: the folders of CMSIS-NN, where it is called.
      sensor: the sources of the front-end, by name,
      kind: and which it is.

    Returns:
      `instructions` of one inference, `flash` and `ram` of the linked image, and, where the clock is known, an estimate
      of the latency; without values where a tool is missing. With a front-end all are from the sensor to the answer,
      and its own share of the first three stands beside them.

    Raises:
      ModelError: an output is not that of TFLM, or from the sensor on another.
      WorkerError: the image does not fit, hung or failed.
    """
    from msgspec.structs import replace

    if lacks := not_simulated(core) if core not in CORES else missing():
        return _unmeasured(lacks, clock, bool(sensor))
    inputs, outputs = _vectors(golden.path, code)
    texts = {name: Path(file.path).read_text(encoding="ascii") for name, file in files.items()}
    code = replace(code, files=texts)
    if library:
        found = needed(texts[f"{code.name}.c"], {of: folder.path for of, folder in library.items()})
        code = replace(code, library=found.sources, includes=found.includes)
    alone = _checked(run(code, inputs, core), outputs, "golden vectors")
    if not sensor:
        return _figures(alone, code, len(outputs[0]), clock, "golden vectors")
    given = _recordings(golden.path, CORES[core].room - alone.flash - CODE)
    if not len(given):
        return _unmeasured("no recording fits beside the model on the simulated board", clock, True)
    texts = {name: Path(file.path).read_text(encoding="ascii") for name, file in sensor.items()}
    whole = run(replace(code, files=code.files | texts), [given], core)
    whole = _checked(whole, [array[: len(given)] for array in outputs], "recordings")
    own = {"instructions": whole.ahead, "flash": whole.flash - alone.flash, "ram": whole.ram - alone.ram}
    label = _label()
    return [
        *_figures(whole, code, len(given), clock, "recordings", (f"{kind} front-end", whole.ahead)),
        *(
            Measurement(
                f"{FRONTEND}{name}", round(own[name]), unit, "simulated", label, reason=f"{kind}, part of {name}"
            )
            for name, unit in FIGURES.items()
        ),
    ]


def measure_model(model: str, core: str, clock: float | None) -> list[Measurement]:
    """Writes a `.tflite` as standalone C and runs random inputs on a simulated core; in a process for TFLM.

    Args:
      core: one of `CORES`.
      clock: of the core, in Hz.

    Returns:
      see `measure_firmware`.

    Raises:
      ModelError: it cannot be written, or an output is not that of TFLM.
      SetupError: a tool is not installed.
      WorkerError: the image does not fit, hung or failed.
    """
    import numpy as np

    from edgekit.ccode.generate import generate
    from edgekit.flatbuffer.names import read_named
    from edgekit.runtimes import ORACLE, open_session, values

    path = Path(model)
    names = tuple(tensor.name for tensor in read_named(path).tensors)
    try:
        code = generate(path.read_bytes(), "model", "dsp" if CORES[core].dsp else "portable", names)
    except ModelError as problem:
        raise ModelError(f"{model}: {problem}") from None
    with tempfile.TemporaryDirectory() as folder:
        session, given, made = open_session(ORACLE, str(ending(path, Path(folder)))), [], []
    for seed in range(SAMPLES):
        stored = values.random_inputs(code.inputs, seed)
        real = [values.dequantize(array, spec) for array, spec in zip(stored, code.inputs, strict=True)]
        outputs = zip(values.run(session, real), code.outputs, strict=True)
        given.append(stored)
        made.append([as_stored(array, spec) for array, spec in outputs])
    columns, wanted = ([np.stack(column) for column in zip(*rows, strict=True)] for rows in (given, made))
    ran = _checked(run(code, columns, core), wanted, "random inputs")
    return _figures(ran, code, SAMPLES, clock, "random inputs")


def ending(model: Path, folder: Path) -> Path:
    """The file whose outputs standalone C has: the model's, or of a detector those before its last operator."""
    from edgekit.flatbuffer.detection import detects, without_detection
    from edgekit.flatbuffer.read import read_graph

    if not detects(read_graph(model)):
        return model
    (folder / model.name).write_bytes(without_detection(model.read_bytes()))
    return folder / model.name


@stage("end", process=TOOLS, libraries=READING)
def end_file(work: Work, model: Artifact) -> None:
    """Writes `ending` of a detector to `folder`."""
    ending(Path(model.path), work.folder).rename(work.folder / INTEGER)


def _checked(ran: Execution, outputs: list[np.ndarray], samples: str) -> Execution:
    """What a core made of samples, whose outputs (N, …) TFLM has said.

    Raises:
      ModelError: an output is another.
    """
    wanted = [b"".join(array[row].tobytes() for array in outputs) for row in range(len(outputs[0]))]
    if ran.outputs != wanted:
        row = next(n for n, pair in enumerate(zip(ran.outputs, wanted, strict=True)) if pair[0] != pair[1])
        raise ModelError(f"standalone C on {ran.core} has other outputs than TFLM for number {row} of the {samples}")
    return ran


def _label() -> str:
    simulator = versions()["qemu-system-arm"].split("version ")[-1].split(" ")[0]
    return f"qemu {simulator}"


def _figures(
    ran: Execution, code: Code, count: int, clock: float | None, samples: str, *ahead: tuple[str, float]
) -> list[Measurement]:
    """What a run took.

    Args:
      ahead: what runs before the operators, and its instructions.
    """
    core, label = ran.core, _label()
    said = f"{core}, {code.kernels} kernels; {ran.least:,} to {ran.most:,} in {count} {samples}, all exact"
    return [
        Measurement("instructions", round(ran.instructions), "1", "simulated", label, count, reason=said),
        Measurement("flash", ran.flash, "B", "simulated", label, reason=f"of which {ran.weights:,} B are the model's"),
        Measurement("ram", ran.ram, "B", "simulated", label, reason=f"of which {ran.stack:,} B are stack"),
        *([_latency(ran.instructions, clock, CORES[core], label)] if clock else []),
        *(
            Measurement(f"instructions of {operator}", round(number), "1", "simulated", label, artifact="operator")
            for operator, number in (*ahead, *ran.operators)
        ),
    ]


def _latency(instructions: float, clock: float, core: Core, label: str) -> Measurement:
    """An estimate of the time of one inference."""
    if core.cycles is None:
        said = "not estimated: the cycles of its instructions are not known here; measure on the device"
        return Measurement("latency_p90", None, "ns", "estimated", label, reason=said)
    least, usual, most = (instructions * cycles / clock * 1e9 for cycles in core.cycles)
    low, factor, high = core.cycles
    each = f"{factor} cycles ({low} to {high}, docs/explanation/cycles.md)"
    said = f"{instructions:,.0f} instructions of {each} at {clock / 1e6:g} MHz; memory without wait states"
    return Measurement("latency_p90", usual, "ns", "estimated", label, low=least, high=most, reason=said)


def changed(new: Sequence[Measurement], old: Sequence[Measurement]) -> list[Measurement]:
    """By how much an inference takes longer than that of a release on the same core at the same clock, in percent.

    Cycles per instruction are known to within a tenth only, but they are those of the core: of two counts of its
    instructions they cancel.
    """
    counts = [next((m for m in side if m.name == "instructions" and m.value), None) for side in (new, old)]
    if not counts[0] or not counts[1]:
        return []
    after, before = float(counts[0].value or 0), float(counts[1].value or 0)
    said = f"instructions: {before:,.0f} → {after:,.0f}, at the same cycles for each"
    change = 100 * (after / before - 1)
    return [Measurement("latency_p90_change", change, "%", counts[0].source, counts[0].runtime, reason=said)]


def _vectors(golden: str, code: Code) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs and outputs of an archive as the code stores them, each (N, …)."""
    import numpy as np

    with np.load(golden, allow_pickle=False) as file:
        inputs = [as_stored(file[f"input_{n}"], spec) for n, spec in enumerate(code.inputs)]
        outputs = [as_stored(file[f"output_{n}"], spec) for n, spec in enumerate(code.outputs)]
    return inputs, outputs


def _unmeasured(lacks: str, clock: float | None, sensor: bool) -> list[Measurement]:
    """Every figure without a value, for a reason."""
    figures = FIGURES | ({"latency_p90": "ns"} if clock else {})
    figures |= {f"{FRONTEND}{name}": unit for name, unit in FIGURES.items()} if sensor else {}
    said = f"not measured: {lacks}"
    return [Measurement(name, None, unit, "simulated", "qemu", reason=said) for name, unit in figures.items()]


def _recordings(golden: str, room: int) -> np.ndarray:
    """What the sensor gave for the first golden vectors, (M, …): as many as fit so many bytes."""
    import numpy as np

    with np.load(golden, allow_pickle=False) as file:
        raw = file["raw"]
    return raw[: max(0, room) // raw[0].nbytes]
