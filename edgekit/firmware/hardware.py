"""What a device has: what `hardware` says."""

from __future__ import annotations

from edgekit.config import Settings
from edgekit.errors import TargetError
from edgekit.units import Bytes, Hertz


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
