"""What a build hands over for the device: C that a simulated core has run, the model compiled for an NPU, the kit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec

from edgekit.ccode.generate import Code, generate_file
from edgekit.ccode.library import parts
from edgekit.ccode.piece import Kernels
from edgekit.emit.kit import emit_file
from edgekit.emit.sensor import Sensor, frontend_file
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.python import project_folder
from edgekit.errors import ModelError, StandaloneError
from edgekit.files import sha256
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import missing, versions
from edgekit.measure.energy import energy
from edgekit.measure.firmware import end_file, measure_firmware
from edgekit.measure.golden import golden_file
from edgekit.npu.settings import checked
from edgekit.npu.vela import NpuModel, compile_file
from edgekit.product import Handover, Measurements, Product
from edgekit.runtimes import ORACLE, engine
from edgekit.stages.layers import of_core, of_npu
from edgekit.stages.stream import hand_over_stream
from edgekit.types import Arena, Artifact, Measurement, Remark


def hand_over(product: Product, found: Measurements, layers: Mapping[str, str], scope: Scope) -> Handover:
    """Makes what the target's hardware and outputs ask for.

    Args:
      layers: see `edgekit.stages.layers.layers_of`.

    Raises:
      ModelError: standalone C cannot be written, or has other outputs than TFLM; or Vela refuses the model.
    """
    target, hardware = product.target, product.target.hardware
    code: Code | None = None
    measurements: list[Measurement] = []
    told: list[str] = []
    npu: NpuModel | None = None
    notes: list[str] = []
    golden, sensor = found.golden, _sensor(product)
    if target.outputs.c_standalone and golden:
        written = _firmware(product, scope)
        code, golden = written.value, _vectors(product, written.value, golden, scope)
    files = _kit(product, found, code, golden, sensor, scope)
    if code and golden:
        simulated = _simulated(product, written, golden, files, scope)
        measurements, files = of_core(simulated, layers), written.artifacts | files
        ran = any(m.value is not None for m in measurements)
        told.append(f"ran as C on a simulated {hardware.cpu}" if ran else "written as C, not run")
    of_stream = hand_over_stream(product, code, sensor, files, found.shipped, scope)
    measurements, files = measurements + of_stream.measurements, files | of_stream.files
    files = {f"c/{name}": artifact for name, artifact in files.items()}
    if hardware.npu:
        settings = checked(hardware.npu, hardware.npu_system, hardware.npu_memory)
        names = product.names_of(product.portable)
        compiled = scope.make(compile_file(product.portable, names, *settings))
        npu, files = of_npu(compiled.value, layers), compiled.artifacts | files
        measurements += npu.measurements
        notes += _left_to_cpu(npu)
    told += [f"compiled for {npu.npu}"] if npu else []
    if files and not told:
        told = ["wrote C arrays" if target.outputs.c_array else "wrote the front-end as C"]
    if told:
        scope.done(", ".join(told), sum(artifact.bytes for artifact in files.values()))
    measurements += energy(measurements, hardware)
    return Handover(files, measurements, notes, npu)


def _firmware(product: Product, scope: Scope) -> StageResult[Code]:
    """Standalone C of what ships.

    Raises:
      StandaloneError: it cannot be written.
    """
    target, model = product.target, product.portable
    core = CORES.get(target.hardware.cpu)
    by_core: Kernels = "dsp" if core and core.dsp else "portable"
    kernels = cast(Kernels, target.outputs.c_kernels) or by_core
    names = product.names_of(model)
    name, tables = target.outputs.c_name or product.spec.name, target.outputs.c_tables
    tables = product.shipped.sha256 != model.sha256 if tables is None else tables
    try:
        written = generate_file(model, name, kernels, names, tables, product.shipped.sha256)
        return scope.make(written.on(engine(ORACLE)))
    except ModelError as problem:
        said = str(problem).removeprefix(f"{model.path}: ")
        limits = [name for name in ("flash", "ram", "instructions") if getattr(target.budget, name) is not None]
        without = f", without a limit on {', '.join(limits)}" if limits else ""
        raise StandaloneError(
            f"{product.spec.model}: outputs.c_standalone: {said}; or let TFLM execute it: "
            f"outputs.c_standalone = false{without}"
        ) from None


def _vectors(product: Product, code: Code, golden: Artifact, scope: Scope) -> Artifact:
    """What standalone C is checked by: of a detector, whose code ends before its last operator, vectors of its own."""
    if not code.headless:
        return golden
    ended = scope.make(end_file(product.portable)).artifact
    vectors = golden_file(ended, product.data, ORACLE, product.loaded.raw is not None)
    return scope.make(vectors.on(engine(ORACLE)).named("golden end")).artifact


def _sensor(product: Product) -> Sensor | None:
    """What the samples are made of, where a front-end makes them."""
    spec, raw = product.spec, product.loaded.raw
    return Sensor(spec.frontend, raw, spec.preprocessing) if spec.frontend and raw else None


def _kit(
    product: Product,
    found: Measurements,
    code: Code | None,
    golden: Artifact | None,
    sensor: Sensor | None,
    scope: Scope,
) -> dict[str, Artifact]:
    """All of `c/` but standalone C itself; of a target without C the front-end alone."""
    asked, name = product.target.outputs, product.spec.name
    outputs = msgspec.structs.replace(asked, c_standalone=bool(code))
    if outputs.c_array or outputs.c_standalone:
        ends = (code.inputs, code.outputs) if code else None
        labels, arena = product.loaded.labels, _arena(found)
        said = product.spec.preprocessing if product.spec.preprocessing.given and not product.spec.frontend else None
        call = emit_file(product.shipped, name, outputs, arena, labels, ends, golden, sensor, said)
        return scope.make(call).artifacts
    if sensor:
        return scope.make(frontend_file(sensor.frontend, sensor.raw, asked.c_name or name)).artifacts
    return {}


def _simulated(
    product: Product, code: StageResult[Code], golden: Artifact, kit: Mapping[str, Artifact], scope: Scope
) -> list[Measurement]:
    """Standalone C on a simulated core, from the sensor on where the kit has a front-end.

    Raises:
      ModelError: it has other outputs than TFLM.
    """
    target, name = product.target, code.value.name
    clock = None if target.hardware.clock is None else float(target.hardware.clock)
    library = {}
    if target.outputs.cmsis_nn:
        folders = parts((project_folder() / Path(target.outputs.cmsis_nn).expanduser()).resolve())
        library = {of: Artifact("source", str(folder), 0, sha256(folder)) for of, folder in folders.items()}
    ahead = [f"{name}_{part}.{end}" for part in ("sensor", "features") for end in "hc"]
    sensor = {file: kit[file] for file in ahead} if {*ahead} <= kit.keys() else {}
    kind = str(product.spec.frontend.__struct_config__.tag) if product.spec.frontend else ""
    given = code.value, code.artifacts, golden, target.hardware.cpu, clock, library, sensor, kind
    return scope.make(measure_firmware(*given).at({} if missing() else versions())).value


def _arena(found: Measurements) -> Arena | None:
    """What TFLM needs of RAM for what ships, if it was measured."""
    own = [m for m in found.measurements if m.artifact == "model" and m.engine == ORACLE]
    size = {m.name: int(m.value) for m in own if m.value is not None}
    if "arena" not in size:
        return None
    return Arena(size["arena"], size["arena_used"], size["arena_persistent"], size["arena_scratch"])


def _left_to_cpu(npu: NpuModel) -> list[str]:
    """Notes on the operators that do not run on the NPU: those without advice are remarks."""
    said = [
        (f"{npu.npu}: {f.operator} of {f.tensor.split(';')[0]!r} runs on the CPU: {f.reason}", f) for f in npu.fallbacks
    ]
    return [f"{text}; {f.advice}" if f.advice else Remark(text) for text, f in said]
