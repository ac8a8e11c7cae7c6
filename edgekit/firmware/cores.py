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
    cycles: tuple[float, float, float]
    """For each instruction, at least, usually and at most, from memory without wait states: an estimate of
    `benchmarks/cycles.py`, which says where it comes from in docs/explanation/cycles.md."""
    dsp: bool = True
    """Whether it has the DSP extension."""


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
        cycles=(1.02, 1.09, 1.22),
    ),
}
"""By the name that a profile's hardware.cpu has."""


def estimates_time(hardware: Hardware) -> bool:
    """Whether the time of an inference can be estimated from its instructions."""
    return hardware.cpu in CORES and hardware.clock is not None
