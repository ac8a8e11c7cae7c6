"""A model compiled for an Arm Ethos-U by Vela, and what Vela says of it: estimates of its own performance model."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from edgekit.errors import ModelError
from edgekit.fingerprint import library
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.read import read
from edgekit.npu.settings import PACKAGE
from edgekit.types import Measurement

COMPILED = "model_vela.tflite"
MEMORIES = ("sram", "dram", "on_chip_flash", "off_chip_flash")
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
    target: str
    """`NPU` or `CPU`."""
    cycles: int
    macs: int
    utilization: float
    """Share of the NPU's multipliers that are busy, in percent."""


class Compiled(Struct, frozen=True):
    """What Vela made of a model."""

    npu: str
    system: str
    memory: str
    measurements: list[Measurement]
    fallbacks: list[Fallback]
    layers: list[Layer]


def compile_file(model: str, npu: str, system: str, memory: str, folder: str) -> Compiled:
    """Compiles a `.tflite`; writes `model_vela.tflite`.

    Args:
      npu, system, memory: see `edgekit.npu.settings.checked`.

    Raises:
      ModelError: Vela refuses it.
    """
    graph, place = read(Path(model)), Path(folder)
    sized = place / "model.tflite"
    sized.write_bytes(with_fixed_sizes(Path(model).read_bytes()))
    said = vela(sized, npu, system, memory, place)
    source = place / COMPILED
    if not source.is_file():
        raise ModelError(f"{model}: Vela made no file for {npu}: {_last(said)}")
    summary = next(iter(csv.DictReader(_only(place, "_summary_").splitlines())))
    layers = [
        Layer(
            row["NNG Operator"], row["Target"], int(row["Op Cycles"]), int(row["MAC Count"]), float(row["Util% (MAC)"])
        )
        for row in csv.DictReader(_only(place, "_per-layer").splitlines())
        if row["Target"] == "CPU" or int(row["Op Cycles"])
    ]
    content = source.read_bytes()
    for left in place.iterdir():
        left.unlink()
    (place / COMPILED).write_bytes(content)
    found = fallbacks(said)
    total = len(graph.operators)
    label = f"vela {library(PACKAGE)}"

    def simulated(name: str, value: float, unit: str, reason: str = "") -> Measurement:
        return Measurement(name, value, unit, "simulated", label, reason=reason)

    kib = 1024
    measurements = [
        simulated(
            "npu_coverage", 100 * (1 - len(found) / total) if total else 0.0, "%", f"{len(found)} of {total} left"
        ),
        simulated("latency_p90", float(summary["inference_time"]) * 1e9, "ns", f"{npu}, {system}, {memory}"),
        simulated("npu_cycles", float(summary["cycles_total"]), "1"),
        simulated("arena", float(summary["sram_memory_used"]) * kib, "B", "SRAM of the NPU"),
        simulated("npu_dram", float(summary["dram_memory_used"]) * kib, "B"),
        simulated("npu_flash", float(summary["off_chip_flash_memory_used"]) * kib, "B", "of weights and commands"),
        simulated("npu_traffic", sum(float(summary[f"{m}_total_bytes"]) for m in MEMORIES), "B", "of one inference"),
    ]
    return Compiled(npu, system, memory, measurements, found, layers)


def with_fixed_sizes(content: bytes) -> bytes:
    """The same model without open sizes: those that its tensors have now, which are what a runtime allocates."""
    model = objects(content)
    move_inside(model, content)
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    if all(tensor.shapeSignature is None for tensor in tensors):
        return content
    for tensor in tensors:
        tensor.shapeSignature = None
    return packed(model)


def vela(model: Path, npu: str, system: str, memory: str, folder: Path) -> str:
    """Runs Vela in a process of its own; returns what it prints.

    Raises:
      ModelError: it failed.
    """
    options = ["--accelerator-config", npu, "--system-config", system, "--memory-mode", memory]
    options += ["--config", "Arm/vela.ini", "--verbose-performance", "--output-dir", str(folder)]
    command = [sys.executable, "-c", "from ethosu.vela.vela import main; main()", str(model), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise ModelError(f"{model}: Vela did not end within {TIME_LIMIT:.0f} s for {npu}") from None
    print(done.stdout, done.stderr)
    if done.returncode:
        raise ModelError(f"{model}: refused by Vela for {npu}: {_last(done.stderr or done.stdout)}")
    return done.stdout + done.stderr


def fallbacks(said: str) -> list[Fallback]:
    """The operators that Vela leaves to the CPU, from what it prints."""
    pattern = r"Warning \(supported operators\) operator: (\S+), [oi]fm: '(.*?)'\nReason: (.*(?:\n(?!\n|Warning).+)*)"
    return [Fallback(kind, name, " ".join(reason.split())) for kind, name, reason in re.findall(pattern, said)]


def _layer(row: dict[str, str]) -> Layer:
    figures = int(row["Op Cycles"]), int(row["MAC Count"]), float(row["Util% (MAC)"])
    return Layer(row["NNG Operator"], row["Target"], *figures)


def _only(folder: Path, word: str) -> str:
    (found,) = [path for path in folder.iterdir() if word in path.name and path.suffix == ".csv"]
    return found.read_text()


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
