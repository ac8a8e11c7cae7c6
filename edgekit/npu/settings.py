"""Which NPUs there are, and what Vela has to be told of the system around them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from edgekit.config import nearest
from edgekit.errors import SetupError, TargetError

ACCELERATORS = {
    "ethos-u55": ((32, 64, 128, 256), "Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "ethos-u65": ((256, 512), "Ethos_U65_High_End", "Dedicated_Sram"),
    "ethos-u85": ((128, 256, 512, 1024, 2048), "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
}
"""Multiply-accumulates a cycle of each NPU, and the system and memory mode that are taken if a profile names none."""
PACKAGE = "ethos-u-vela"


def names() -> list[str]:
    """All NPUs, as a profile's `hardware.npu` has them."""
    return [f"{family}-{size}" for family, (sizes, *_) in ACCELERATORS.items() for size in sizes]


def checked(npu: str, system: str, memory: str) -> tuple[str, str, str]:
    """NPU, system configuration and memory mode, the last two by default of the NPU's family.

    Raises:
      TargetError: there is no such NPU, system or memory mode; says which key and what is nearest.
      SetupError: Vela is not installed.
    """
    if npu not in names():
        raise TargetError(f'hardware.npu: there is no "{npu}"; {nearest(npu, names())}')
    if find_spec("ethosu") is None:
        raise SetupError(f"hardware.npu: {npu} is compiled for by Vela, which is not installed: pip install {PACKAGE}")
    _, own_system, own_memory = ACCELERATORS[npu.rpartition("-")[0]]
    for key, value, kind in (("npu_system", system, "System_Config"), ("npu_memory", memory, "Memory_Mode")):
        known = _sections(kind)
        if value and value not in known:
            raise TargetError(f'hardware.{key}: Vela knows no "{value}"; {nearest(value, known)}')
    return npu, system or own_system, memory or own_memory


def _sections(kind: str) -> list[str]:
    """The names of one kind in the configuration that comes with Vela."""
    import configparser

    spec = find_spec("ethosu")
    assert spec and spec.submodule_search_locations
    parser = configparser.ConfigParser()
    parser.read(Path(next(iter(spec.submodule_search_locations))) / "config_files" / "Arm" / "vela.ini")
    return [name.partition(".")[2] for name in parser.sections() if name.startswith(f"{kind}.")]
