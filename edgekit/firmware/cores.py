"""The Cortex-M cores that QEMU simulates, and what compiles for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from edgekit.firmware.hardware import Hardware


class Core(Struct, frozen=True):
    """One core, on the board of Arm's on which QEMU simulates it."""

    machine: str
    """As QEMU calls it."""
    flags: tuple[str, ...]
    """Of the compiler."""
    flash: int
    """Where code starts, at reset."""
    ram: int
    tick: float
    """Nanoseconds between two counts of the board's timer."""
    defines: tuple[str, ...]
    """That say which timer it is; see start.c."""
    cycles: tuple[float, float, float] | None
    """For each instruction, at least, usually and at most, from memory without wait states: an estimate of
    `benchmarks/cycles.py`, which says where it comes from in docs/explanation/cycles.md. None where
    they are not known."""
    dsp: bool = True
    """Whether it has the DSP extension."""
    room: int = 4 << 20
    """Bytes where code starts, of which the board has so many."""


CORES = {
    "cortex-m4f": Core(
        "mps2-an386",
        ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        flash=0x00000000,
        ram=0x20000000,
        tick=40.0,
        defines=(),
        cycles=(1.27, 1.36, 1.51),
    ),
    "cortex-m7": Core(
        "mps2-an500",
        ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
        flash=0x00000000,
        ram=0x20000000,
        tick=40.0,
        defines=(),
        cycles=(0.85, 0.91, 1.01),
    ),
    "cortex-m0plus": Core(
        # Of a Cortex-M3, which has all instructions of a Cortex-M0+; start.c makes it as strict.
        "mps2-an385",
        ("-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
        flash=0x00000000,
        ram=0x20000000,
        tick=40.0,
        defines=("STRICT_ALIGNMENT",),
        cycles=None,
        dsp=False,
    ),
    "cortex-m33": Core(
        "mps2-an505",
        ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
        flash=0x10000000,
        ram=0x38000000,
        tick=50.0,
        defines=("TIMER_BASE=0x50000000",),
        cycles=(1.09, 1.17, 1.31),
    ),
    "cortex-m55": Core(
        "mps3-an547",
        ("-mcpu=cortex-m55+nomve", "-mfloat-abi=hard"),
        flash=0x00000000,
        ram=0x20000000,
        tick=31.25,
        defines=("SYSTEM_COUNTER",),
        room=512 << 10,
        cycles=(1.02, 1.09, 1.22),
    ),
}
"""By the name that a profile's hardware.cpu has."""
UNSIMULATED = ("riscv32imc", "xtensa-lx6", "xtensa-lx7")
"""Cores of microcontrollers that nothing here simulates: what standalone C takes there, only the device can tell."""


def not_simulated(cpu: str) -> str:
    """That a core is not simulated, and what would measure it."""
    return f"QEMU simulates no {cpu} here; build c/ with the toolchain of the device and measure there"


def estimates_time(hardware: Hardware) -> bool:
    """Whether the time of an inference can be estimated from its instructions."""
    core = CORES.get(hardware.cpu)
    return core is not None and core.cycles is not None and hardware.clock is not None
