"""What a build hands over for the device: C that a simulated core has run, the model compiled for an NPU, the kit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from edgekit import steps
from edgekit.ccode.library import parts
from edgekit.ccode.piece import Kernels
from edgekit.engine.make import Made, Maker
from edgekit.errors import ModelError
from edgekit.files import sha256
from edgekit.firmware.cores import CORES
from edgekit.npu.settings import checked
from edgekit.npu.vela import Compiled
from edgekit.stages.measure import Found
from edgekit.types import Arena, Artifact, Measurement

if TYPE_CHECKING:
    from edgekit.build import Product


class Handover(msgspec.Struct, frozen=True):
    """What is there beside the model, and what was measured of it."""

    files: dict[str, Artifact]
    """By their path in the output folder."""
    measurements: list[Measurement]
    notes: list[str]
    made: list[Made]
    npu: Compiled | None


def hand_over(product: Product, found: Found, maker: Maker) -> Handover:
    """Makes what the target's hardware and outputs ask for.

    Raises:
      ModelError: standalone C cannot be written, or has other outputs than TFLM; or Vela refuses the model.
    """
    target, hardware, scope = product.target, product.target.hardware, product.scope
    code = _firmware(product, found.golden, maker) if target.outputs.c_standalone and found.golden else []
    measurements: list[Measurement] = list(code[-1].value) if code else []
    files = {f"c/{name}": artifact for step in code for name, artifact in step.artifacts.items()}
    npu: Compiled | None = None
    made, notes = [*code], list[str]()
    if hardware.npu:
        settings = checked(hardware.npu, hardware.npu_system, hardware.npu_memory)
        names = product.names.get(product.portable.sha256)
        made.append(maker.make(steps.compile(product.portable, names, *settings), scope))
        npu, files = made[-1].value, files | made[-1].artifacts
        assert npu
        measurements += npu.measurements
        notes += _left_to_cpu(npu)
    outputs = msgspec.structs.replace(target.outputs, c_standalone=bool(code))
    if outputs.c_array or outputs.c_standalone:
        written = code[0].value if code else None
        arena, name = _arena(found), product.spec.name
        made.append(
            maker.make(steps.emit(product.shipped, name, outputs, arena, product.labels, written, found.golden), scope)
        )
        files |= {f"c/{file}": artifact for file, artifact in made[-1].artifacts.items()}
    return Handover(files, measurements, notes, made, npu)


def _firmware(product: Product, golden: Artifact, maker: Maker) -> list[Made]:
    """Standalone C of what ships, and what a simulated core made of it.

    Raises:
      ModelError: it cannot be written, or has other outputs than TFLM.
    """
    target, model = product.target, product.portable
    core = CORES.get(target.hardware.cpu)
    by_core: Kernels = "dsp" if core and core.dsp else "portable"
    kernels = cast(Kernels, target.outputs.c_kernels) or by_core
    names = product.names.get(model.sha256)
    name, tables = target.outputs.c_name or product.spec.name, target.outputs.c_tables
    tables = product.shipped.sha256 != model.sha256 if tables is None else tables
    try:
        written = maker.make(steps.firmware(model, name, kernels, names, tables, product.shipped), product.scope)
    except ModelError as problem:
        said = str(problem).removeprefix(f"{model.path}: ")
        raise ModelError(f"{product.spec.model}: outputs.c_standalone: {said}") from None
    if written.value.headless:
        ended = maker.make(steps.end(model), product.scope).artifact
        vectors = msgspec.structs.replace(steps.golden(ended, product.data, "tflm"), name="golden end")
        golden = maker.make(vectors, product.scope).artifact
    clock = None if target.hardware.clock is None else float(target.hardware.clock)
    library = {}
    if target.outputs.cmsis_nn:
        folders = parts(Path(target.outputs.cmsis_nn).expanduser().resolve())
        library = {of: Artifact("source", str(folder), 0, sha256(folder)) for of, folder in folders.items()}
    return [written, maker.make(steps.simulate(written, golden, target.hardware.cpu, clock, library), product.scope)]


def _arena(found: Found) -> Arena | None:
    """What TFLM needs of RAM for what ships, if it was measured."""
    own = [m for m in found.measurements if m.artifact == "model" and m.runtime.startswith("tflm ")]
    size = {m.name: int(m.value) for m in own if m.value is not None}
    if "arena" not in size:
        return None
    return Arena(size["arena"], size["arena_used"], size["arena_persistent"], size["arena_scratch"])


def _left_to_cpu(npu: Compiled) -> list[str]:
    """Notes on the operators that do not run on the NPU."""
    return [
        f"{npu.npu}: {f.operator} of {f.tensor.split(';')[0]!r} runs on the CPU: {f.reason}"
        + (f"; {f.advice}" if f.advice else "")
        for f in npu.fallbacks
    ]
