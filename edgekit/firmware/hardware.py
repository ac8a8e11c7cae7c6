"""What a device has: what `hardware` says."""

from __future__ import annotations

from edgekit.config import Settings
from edgekit.errors import TargetError
from edgekit.units import Bytes, Hertz


class Hardware(Settings, frozen=True):
    """What the device has. It describes; only the budget decides. Without it the device is the build host."""

    cpu: str = ""
    clock: Hertz | None = None
    ram: Bytes | None = None
    flash: Bytes | None = None
    npu: str = ""
    """An Arm Ethos-U, such as `ethos-u65-256`: what ships is compiled for it by Vela, too."""
    npu_system: str = ""
    """Vela's system configuration, such as `Ethos_U65_High_End`, the default of the NPU's family;"""
    npu_memory: str = ""
    """and its memory mode, such as `Dedicated_Sram`."""

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
