"""The Cortex-M cores that QEMU simulates, and what compiles for them."""

from __future__ import annotations

from msgspec import Struct


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
    dsp: bool
    """Whether it has the DSP extension."""


CORES = {
    "cortex-m4f": Core(
        "mps2-an386",
        ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        0x00000000,
        0x20000000,
        40.0,
        (),
        True,
    ),
    "cortex-m7": Core(
        "mps2-an500",
        ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
        0x00000000,
        0x20000000,
        40.0,
        (),
        True,
    ),
    "cortex-m55": Core(
        "mps3-an547",
        ("-mcpu=cortex-m55+nomve", "-mfloat-abi=hard"),
        0x00000000,
        0x20000000,
        31.25,
        ("SYSTEM_COUNTER",),
        True,
    ),
}
"""By the name that a profile's hardware.cpu has."""
