"""What an inference takes of a battery: cycles, and what the chip's maker says that each takes.

The formulas and what they leave out stand in docs/explanation/energy.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.firmware.cores import CORES
from edgekit.firmware.hardware import Hardware, NpuEnergy
from edgekit.measure.limits import DEVICES
from edgekit.types import Measurement
from edgekit.units import Count, show

HOUR = 3600.0
"""Seconds."""


def energy(measurements: Sequence[Measurement], hardware: Hardware) -> list[Measurement]:
    """What one inference takes on each simulated device, in µJ, and the days of the battery where a duty is given.

    Args:
      measurements: of the devices.

    Returns:
      `energy`, with an interval, or without a value where the cycles are not known; `battery_days`; of a stream
      `stream_power`, in µW, and `stream_days`. Nothing where nothing counts cycles, or nobody says what the chip draws.
    """
    found = {m.name: m for m in measurements if m.engine == "vela"}
    made = [_of_npu(found, hardware, hardware.npu_energy)] if hardware.npu_energy and "npu_cycles" in found else []
    if hardware.current is not None and hardware.voltage is not None:
        made += [_of_core(m, hardware) for m in measurements if m.name == "instructions"]
    made += _of_stream(measurements, hardware)
    counts = sorted(
        (m for m in made if m.name == "energy" and m.value is not None), key=lambda m: DEVICES.index(m.engine)
    )
    if not counts or hardware.battery is None:
        return made
    took = next((m for m in measurements if m.name == "latency_p90" and m.runtime == counts[0].runtime), None)
    return [*made, _days(counts[0], took, hardware)]


def _of_core(counted: Measurement, hardware: Hardware) -> Measurement:
    """Instructions × cycles of each × charge of a cycle × voltage; pC × V is pJ."""
    core = CORES.get(hardware.cpu)
    if counted.value is None or core is None:
        return _unknown(counted, counted.reason.removeprefix("not measured: "))
    if core.cycles is None:
        return _unknown(counted, "the cycles of its instructions are not known here; measure on the device")
    cycle = float(hardware.current or 0) * float(hardware.voltage or 0)
    low, usual, high = (counted.value * cycles * cycle / 1e6 for cycles in core.cycles)
    said = (
        f"{counted.value:,.0f} instructions of {core.cycles[1]} cycles ({core.cycles[0]} to {core.cycles[2]}), "
        f"{hardware.current:g} uA/MHz at {hardware.voltage:g} V"
    )
    return _estimate(counted, hardware, (low, usual, high), said)


def _of_stream(measurements: Sequence[Measurement], hardware: Hardware) -> list[Measurement]:
    """What a stream takes all the time: the energy of a second of it, and how long the battery lasts then."""
    from msgspec.structs import replace

    counted = next((m for m in measurements if m.name == "stream_instructions"), None)
    if counted is None or hardware.current is None or hardware.voltage is None:
        return []
    power = replace(_of_core(counted, hardware), name="stream_power", unit="uW")
    if power.value is None or hardware.battery is None:
        return [power]
    days = _days(power, None, replace(hardware, inferences_per_hour=Count(HOUR)))
    said = f"{hardware.battery:g} mAh, {hardware.sleep_current:g} uA asleep, a stream that never ends"
    return [power, replace(days, name="stream_days", reason=said)]


def _of_npu(found: dict[str, Measurement], hardware: Hardware, each: NpuEnergy) -> Measurement:
    """Multiply-accumulates, cycles and bytes, each by what one takes."""
    cycles, macs = found["npu_cycles"], found["npu_macs"]
    coverage = found["npu_coverage"]
    if coverage.value is not None and coverage.value < 100:
        left = f"{coverage.reason} to the CPU, of which Vela says no energy"
        return _unknown(cycles, f"{left}; change what docs/how-to/npu.md names, or measure on the device")
    total = float(each.mac) * (macs.value or 0) + float(each.cycle) * (cycles.value or 0)
    parts = [f"{macs.value:,.0f} MACs of {each.mac:g} pJ, {cycles.value:,.0f} cycles of {each.cycle:g} pJ"]
    for memory in ("sram", "dram", "flash"):
        moved, byte = found.get(f"npu_traffic_{memory}"), getattr(each, memory)
        if moved is None or moved.value is None:
            continue
        if byte is None:
            need = f"Vela moves {moved.value:,.0f} B through {memory}; set hardware.npu_energy.{memory}"
            return _unknown(cycles, f'{need}, such as "12 pJ/B"')
        total += float(byte) * moved.value
        parts.append(f"{moved.value:,.0f} B of {memory} at {byte:g} pJ/B")
    return _estimate(cycles, hardware, (total / 1e6,) * 3, ", ".join(parts))


def _estimate(of: Measurement, hardware: Hardware, values: tuple[float, float, float], said: str) -> Measurement:
    """An energy in µJ with its interval: at least, usually, at most, and wider by the tolerance."""
    share = float(hardware.energy_tolerance) / 100
    low, usual, high = values[0] * max(0.0, 1 - share), values[1], values[2] * (1 + share)
    wider = f", ± {hardware.energy_tolerance:g} %" if share else ""
    return Measurement("energy", usual, "uJ", "estimated", of.runtime, low=low, high=high, reason=said + wider)


def _unknown(of: Measurement, why: str) -> Measurement:
    return Measurement("energy", None, "uJ", "estimated", of.runtime, reason=f"not estimated: {why}")


def _days(used: Measurement, took: Measurement | None, hardware: Hardware) -> Measurement:
    """How long the battery lasts: its charge over the mean current, asleep all the time and awake for inferences.

    Args:
      took: the time of an inference, where it is known.
    """
    voltage, asleep = float(hardware.voltage or 1), float(hardware.sleep_current or 0)
    often, charge = float(hardware.inferences_per_hour or 0), float(hardware.battery or 0) * 1e3

    if took is not None and took.value is not None and took.value * often > HOUR * 1e9:
        said = f"not estimated: {often:g} inferences of {show(took.value, 'ns')} do not fit into an hour"
        return Measurement("battery_days", None, "d", "estimated", used.runtime, reason=said)

    def days(microjoules: float) -> float:
        drawn = asleep + microjoules / voltage * often / HOUR
        return charge / drawn / 24

    said = f"{hardware.battery:g} mAh, {asleep:g} uA asleep, {often:g} inferences an hour; the model's part alone"
    low, usual, high = (days(value or 0) for value in (used.high, used.value, used.low))
    return Measurement("battery_days", usual, "d", "estimated", used.runtime, low=low, high=high, reason=said)
