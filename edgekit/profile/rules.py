"""What the parts of a profile need of each other."""

from __future__ import annotations

from edgekit.config import nearest
from edgekit.errors import TargetError
from edgekit.firmware.cores import CORES, UNSIMULATED
from edgekit.measure.limits import HOSTED, LIMITS
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.runtimes import ORACLE, RUNTIMES, engine
from edgekit.runtimes.session import Runtime


def check_on_host(target: Target) -> None:
    """Which limits may be of the build host.

    Raises:
      TargetError: a figure is not the host's, or says nothing of the device.
    """
    hardware, on_host, ship = target.hardware, target.budget.on_host, engine(target.runtimes.ship)
    if others := [name for name in on_host if name not in HOSTED]:
        raise TargetError(f"budget.on_host: {others[0]} is the same on every machine; it takes {', '.join(HOSTED)}")
    if on_host and ship.on_device_only and not hardware.is_host:
        raise TargetError(
            f"budget.on_host: {on_host[0]} of {ship.title}'s kernels on the build host says nothing of a "
            f"{hardware.cpu}; limit `instructions` or `latency` with outputs.c_standalone = true"
        )


def check_needs(target: Target) -> None:
    """What limits need of hardware, runtime and outputs.

    Raises:
      TargetError: a limit is of what this target does not have.
    """
    hardware, outputs, ship = target.hardware, target.outputs, target.runtimes.ship
    for name, limit in LIMITS.items():
        if getattr(target.budget, name) is None:
            continue
        if limit.needs == "npu" and not hardware.npu:
            raise TargetError(f'budget.{name}: needs hardware.npu, such as "ethos-u55-128"')
        if limit.needs == "arena" and not engine(ship).arena and not hardware.npu:
            raise TargetError(f'budget.{name}: "{ship}" has no arena; remove the line or ship {_those_with("arena")}')
        if limit.needs == "core" and not outputs.c_standalone:
            raise TargetError(f"budget.{name}: is of standalone C; set outputs.c_standalone = true")
        if limit.needs == "core" and hardware.cpu not in (*CORES, *UNSIMULATED):
            said = nearest(hardware.cpu, [*CORES, *UNSIMULATED])
            raise TargetError(f'budget.{name}: QEMU simulates no "{hardware.cpu}" here; {said}')
        powered = hardware.npu_energy or (hardware.current is not None and hardware.voltage is not None)
        if limit.needs == "power" and not powered:
            raise TargetError(
                f'budget.{name}: needs hardware.current, such as "33 uA/MHz", and hardware.voltage, of the chip\'s '
                "datasheet: a core has no such figure of its own; or, with an NPU, hardware.npu_energy"
            )
    if outputs.c_standalone and not engine(ship).exact:
        raise TargetError(
            f"outputs.c_standalone: its outputs are those of {engine(ORACLE).title}; "
            f"write runtimes.ship = {_those_with('exact')}"
        )


def check_together(target: Target) -> None:
    """What a recipe needs of runtime, outputs and budget.

    Raises:
      TargetError: they do not give it.
    """
    ship, recipe = target.runtimes.ship, target.recipe
    cluster, shrink, quantize = recipe.cluster, recipe.shrink, recipe.quantize
    tables = engine(ship).lookup_tables and shrink is not None and shrink.lookup_tables
    if cluster and cluster.goal is not None and not tables:
        raise TargetError(
            "recipe.cluster.goal: only lookup tables make a file of clustered weights smaller, which need "
            f"runtimes.ship = {_those_with('lookup_tables')} and recipe.shrink.lookup_tables = true; set both, or "
            "remove the goal"
        )
    if quantize is None:
        return
    if why := scheme_refusal(ship, quantize):
        raise TargetError(f"recipe.quantize: {why}")
    if target.outputs.c_standalone and (quantize.scheme == "weight-only" or quantize.float_layers):
        place = "scheme" if quantize.scheme == "weight-only" else "float_layers"
        raise TargetError(
            f"outputs.c_standalone: computes in integers only, but recipe.quantize.{place} leaves floats; "
            'write scheme = "int8" without it, or c_standalone = false'
        )
    drop = target.budget.accuracy_drop
    if quantize.rescue and (drop is None or drop.change):
        raise TargetError('recipe.quantize.rescue: needs budget.accuracy_drop, at which it stops; write "1 %"')


def _those_with(capability: str) -> str:
    return " or ".join(f'"{name}"' for name in RUNTIMES if getattr(engine(name), capability))


def scheme_refusal(name: str, settings: Quantize) -> str:
    """Why a runtime does not execute what a recipe quantizes to; "" where it does."""
    lacking = _lacking(engine(name), settings)
    if not lacking:
        return ""
    others = [other for other in RUNTIMES if not _lacking(engine(other), settings)]
    would = f"; {', '.join(others)} would" if others else ""
    if lacking[0] in engine(name).schemes:
        return (
            f'"{name}" executes {lacking[0]} with one scale for each weight: write granularity = "tensor", or choose '
            f"another scheme{would}"
        )
    return f'"{name}" does not execute {lacking[0]}; it takes int8, {", ".join(sorted(engine(name).schemes))}{would}'


def _lacking(runtime: Runtime, settings: Quantize) -> list[str]:
    """What a recipe quantizes to and a runtime does not execute."""
    wanted: list[str] = [settings.scheme] if settings.scheme != "int8" else []
    wanted += [place for place in ("int16_layers", "float_layers") if getattr(settings, place)]
    taken = runtime.schemes if settings.granularity == "tensor" else runtime.schemes - runtime.by_tensor
    return [place for place in wanted if place not in taken]
