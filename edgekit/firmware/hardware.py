"""What a device has: what `hardware` says."""

from __future__ import annotations

from edgekit.config import Settings
from edgekit.errors import TargetError
from edgekit.units import (
    Bytes,
    Count,
    Hertz,
    Microamperes,
    MilliampereHours,
    Percent,
    Picocoulombs,
    Picojoules,
    PicojoulesPerByte,
    Volts,
)

DUTY = ("battery", "sleep_current", "inferences_per_hour")
"""What the days of a battery are made of, beside the energy of an inference."""
TOGETHER = {
    "current": ("voltage",),
    "battery": ("voltage", "sleep_current", "inferences_per_hour"),
    "sleep_current": ("battery",),
    "inferences_per_hour": ("battery",),
}
"""What each setting needs of the others."""


class NpuEnergy(Settings, frozen=True):
    """What an NPU and its memories take, of whoever makes the chip; `docs/explanation/energy.md` has the formula."""

    mac: Picojoules
    """Of a multiply-accumulate."""
    cycle: Picojoules = Picojoules(0)
    """Of a cycle, busy or not: clock, control and leakage of the NPU, and the core that waits for it."""
    sram: PicojoulesPerByte | None = None
    """Of a byte that is read from SRAM or written to it,"""
    dram: PicojoulesPerByte | None = None
    """to DRAM,"""
    flash: PicojoulesPerByte | None = None
    """or from flash."""


class Hardware(Settings, frozen=True):
    """What the device has. It describes; only the budget decides. Without it the device is the build host."""

    cpu: str = ""
    """The processor, such as `cortex-m4f` or `cortex-a76`."""
    clock: Hertz | None = None
    """Its clock, from which the latency of standalone C is estimated."""
    ram: Bytes | None = None
    """Memory that the device has."""
    flash: Bytes | None = None
    """Storage for code and constants that the device has."""
    npu: str = ""
    """An Arm Ethos-U, such as `ethos-u65-256`: Vela compiles what ships for it, too."""
    npu_system: str = ""
    """Vela's system configuration, such as `Ethos_U65_High_End`; by default that of the NPU's family."""
    npu_memory: str = ""
    """Vela's memory mode, such as `Dedicated_Sram`."""

    current: Picocoulombs | None = None
    """What the chip draws while its core runs, by its datasheet. No core has a figure of its own: it is the chip's."""
    voltage: Volts | None = None
    """Of the supply at which `current` was measured."""
    npu_energy: NpuEnergy | None = None
    """What the NPU takes for what Vela counts."""
    energy_tolerance: Percent = Percent(0)
    """How far what `current` or `npu_energy` says may be off for a device: it widens the interval of `energy`."""
    battery: MilliampereHours | None = None
    """What the battery holds at `voltage`; with the two below, the report has its days."""
    sleep_current: Microamperes | None = None
    """What the chip draws between inferences."""
    inferences_per_hour: Count | None = None
    """How often the device infers."""

    @property
    def is_host(self) -> bool:
        """Whether the device is the machine that builds, so that its times are those measured here."""
        return not self.cpu


def check_hardware(hardware: Hardware) -> None:
    """What types cannot say.

    Raises:
      TargetError: a device is described without its processor.
    """
    if hardware.is_host and hardware != Hardware():
        raise TargetError('hardware.cpu: missing; add it, such as "cortex-m4f"')
    for name, others in TOGETHER.items():
        lacking = [other for other in others if getattr(hardware, other) is None]
        if getattr(hardware, name) is not None and lacking:
            raise TargetError(f"hardware.{lacking[0]}: missing; hardware.{name} needs it")
    if hardware.battery is not None and hardware.current is None and hardware.npu_energy is None:
        raise TargetError('hardware.current: missing; hardware.battery needs it, such as "33 uA/MHz", or npu_energy')
    for name in ("voltage", *DUTY):
        if getattr(hardware, name) == 0:
            raise TargetError(f"hardware.{name}: is 0; write what the datasheet or the application says")
    if hardware.npu_energy and not hardware.npu:
        raise TargetError('hardware.npu_energy: needs hardware.npu, such as "ethos-u55-128"')
    if hardware.npu_energy and not hardware.energy_tolerance:
        raise TargetError(
            "hardware.energy_tolerance: missing; hardware.npu_energy are figures of another chip or of a model of one: "
            'say how far they may be off, such as "30 %"'
        )
