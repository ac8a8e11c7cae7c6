"""A model compiled for an Arm Ethos-U by Vela, and what Vela says of it: estimates of its own performance model."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from edgekit.engine.libraries import READING, TOOLS, library
from edgekit.engine.python import environment, python
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError, WorkerError
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.names import read_named
from edgekit.npu.settings import PACKAGE
from edgekit.types import Artifact, Measurement

COMPILED = "model_vela.tflite"
BOUNDS = {"NPU": "NPU", "SRAM AC": "SRAM", "DRAM AC": "DRAM", "OnFlash AC": "flash", "OffFlash AC": "flash"}
"""Vela's columns of cycles, and what they count."""
MEMORIES = {"sram": "sram", "dram": "dram", "on_chip_flash": "flash", "off_chip_flash": "flash"}
"""Vela's names of memories, and ours."""
TIME_LIMIT = 600.0
"""Seconds."""
ADVICE = (
    ("Float", "give the model int8 inputs and outputs, and quantize every layer"),
    ("Int16", "quantize to int8"),
    ("dynamic", "give every input a fixed size"),
    ("stride", "use strides of 1 to 3"),
    ("dilat", "use smaller dilations, or none"),
    ("ernel", "use smaller kernels, or several in a row"),
    ("batch", "use a batch of 1"),
    (
        "opType",
        "replace the layer in the Keras model: convolution, pooling, addition, concatenation and ReLU run there",
    ),
)
"""What in the Keras model to change, by a word of Vela's reason."""


class Fallback(Struct, frozen=True):
    """An operator that is left to the CPU."""

    operator: str
    tensor: str
    """That it makes."""
    reason: str
    """Vela's own."""

    @property
    def advice(self) -> str:
        """What to change in the Keras model, "" if nothing is known."""
        return next((text for word, text in ADVICE if word in self.reason), "")


class Layer(Struct, frozen=True):
    """One operator as Vela schedules it."""

    operator: str
    name: str
    """Of the tensor that it makes."""
    target: str
    """`NPU` or `CPU`."""
    cycles: int
    bound: str
    """What it waits for most: one of `BOUNDS`."""
    macs: int
    utilization: float
    """Share of the NPU's multipliers that are busy, in percent."""


class NpuModel(Struct, frozen=True):
    """What Vela made of a model."""

    npu: str
    system: str
    memory: str
    measurements: list[Measurement]
    fallbacks: list[Fallback]
    layers: list[Layer]


@stage("compile", process=TOOLS, libraries=(PACKAGE, *READING))
def compile_file(work: Work, model: Artifact, names: Artifact | None, npu: str, system: str, memory: str) -> NpuModel:
    """Compiles a `.tflite`; writes `model_vela.tflite`.

    Args:
      names: file with those of its tensors, if it lacks them.
      npu, system, memory: see `edgekit.npu.settings.checked`.

    Raises:
      ModelError: Vela refuses it.
    """
    path, place = Path(model.path), work.folder
    graph, sized = read_named(path, Path(names.path) if names else None), place / "model.tflite"
    sized.write_bytes(prepared(path.read_bytes()))
    known = {_short(n): t.name or _short(n) for n, t in enumerate(graph.tensors)}
    known |= {tensor.name: tensor.name for tensor in graph.tensors}
    said = vela(sized, npu, system, memory, place)
    source = place / COMPILED
    if not source.is_file():
        raise ModelError(f"{model.path}: Vela made no file for {npu}: {_last(said)}")
    summary = next(iter(csv.DictReader(_only(place, "_summary_").splitlines())))
    layers = _layers(list(csv.DictReader(_only(place, "_per-layer").splitlines())), known)
    content = source.read_bytes()
    for left in place.iterdir():
        left.unlink()
    (place / COMPILED).write_bytes(content)
    found = [replace(f, tensor=known.get(f.tensor, f.tensor)) for f in fallbacks(said)]
    total = len(graph.operators)
    label = f"vela {library(PACKAGE)}"

    def simulated(name: str, value: float, unit: str, reason: str = "") -> Measurement:
        return Measurement(name, value, unit, "simulated", label, reason=reason)

    kib, traffic = 1024, dict.fromkeys(MEMORIES.values(), 0.0)
    for column, of in MEMORIES.items():
        traffic[of] += float(summary[f"{column}_total_bytes"])
    measurements = [
        simulated(
            "npu_coverage", 100 * (1 - len(found) / total) if total else 0.0, "%", f"{len(found)} of {total} left"
        ),
        simulated("latency_p90", float(summary["inference_time"]) * 1e9, "ns", f"{npu}, {system}, {memory}"),
        simulated("npu_cycles", float(summary["cycles_total"]), "1"),
        simulated("arena", float(summary["sram_memory_used"]) * kib, "B", "SRAM of the NPU"),
        simulated("npu_dram", float(summary["dram_memory_used"]) * kib, "B"),
        simulated("npu_flash", float(summary["off_chip_flash_memory_used"]) * kib, "B", "of weights and commands"),
        simulated("npu_macs", float(summary["nn_macs"]), "1"),
        simulated("npu_traffic", sum(traffic.values()), "B", "of one inference"),
        *(simulated(f"npu_traffic_{of}", size, "B", "of one inference") for of, size in traffic.items() if size),
    ]
    return NpuModel(npu, system, memory, measurements, found, layers)


def prepared(content: bytes) -> bytes:
    """The same model without open sizes: those that its tensors have now, which are what a runtime allocates. Tensors
    without a name get a short one, by which Vela speaks of them."""
    model = objects(content)
    move_inside(model, content)
    for number, tensor in enumerate(tensor for graph in model.subgraphs for tensor in graph.tensors):
        tensor.shapeSignature, tensor.name = None, tensor.name or _short(number).encode()
    return packed(model)


def _short(tensor: int) -> str:
    return f"t{tensor}"


def vela(model: Path, npu: str, system: str, memory: str, folder: Path) -> str:
    """Runs Vela in a process of its own; returns what it prints.

    Raises:
      ModelError: it failed.
      WorkerError: it took more processor time than this process may.
    """
    options = ["--accelerator-config", npu, "--system-config", system, "--memory-mode", memory]
    options += ["--config", "Arm/vela.ini", "--verbose-performance", "--output-dir", str(folder)]
    command = python("from ethosu.vela.vela import main; main()", str(model), *options)
    variables = dict(os.environ) | environment()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, env=variables)
    except subprocess.TimeoutExpired:
        raise ModelError(f"{model}: Vela did not end within {TIME_LIMIT:.0f} s for {npu}") from None
    print(done.stdout, done.stderr)
    if -done.returncode == signal.SIGXCPU:
        raise WorkerError(f"{model}: Vela took more processor time for {npu} than a file of this size may")
    if done.returncode:
        raise ModelError(f"{model}: refused by Vela for {npu}: {_last(done.stderr or done.stdout)}")
    return done.stdout + done.stderr


def fallbacks(said: str) -> list[Fallback]:
    """The operators that Vela leaves to the CPU, from what it prints."""
    pattern = r"Warning \(supported operators\) operator: (\S+), [oi]fm: '(.*?)'\nReason: (.*(?:\n(?!\n|Warning).+)*)"
    return [Fallback(kind, name, " ".join(reason.split())) for kind, name, reason in re.findall(pattern, said)]


def _layers(rows: list[dict[str, str]], known: dict[str, str]) -> list[Layer]:
    """The model's operators, of which Vela may have made several: they end with the tensor that the model's makes."""
    layers, parts = [], list[dict[str, str]]()
    for row, following in zip(rows, [*rows[1:], {"Name": ""}], strict=True):
        parts.append(row)
        if row["Name"] not in known or following["Name"] == row["Name"]:
            continue
        cycles, macs = (sum(int(part[column]) for part in parts) for column in ("Op Cycles", "MAC Count"))
        busy = sum(int(part["Op Cycles"]) * float(part["Util% (MAC)"]) for part in parts) / max(cycles, 1)
        waits = {column: sum(int(part[column]) for part in parts) for column in BOUNDS}
        name, bound = known[row["Name"]].split(";")[0], BOUNDS[max(waits, key=lambda column: waits[column])]
        layers.append(Layer(parts[0]["Original Operator"], name, parts[0]["Target"], cycles, bound, macs, busy))
        parts = []
    return layers


def _only(folder: Path, word: str) -> str:
    (found,) = [path for path in folder.iterdir() if word in path.name and path.suffix == ".csv"]
    return found.read_text()


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
