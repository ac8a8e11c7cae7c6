"""Target profiles: `targets/NAME.toml` as frozen types."""

import hashlib

import msgspec

from edgekit.config import Settings, encode
from edgekit.emit.settings import Outputs
from edgekit.firmware.hardware import Hardware
from edgekit.measure.limits import Budget
from edgekit.profile.recipe import Recipe
from edgekit.runtimes.settings import Runtimes


class Target(Settings, frozen=True):
    """A device profile: what the device has, what is done to the model, and what it may cost there."""

    name: str
    description: str
    recipe: Recipe
    runtimes: Runtimes
    hardware: Hardware = Hardware()
    budget: Budget = Budget()
    outputs: Outputs = Outputs()

    @property
    def sha256(self) -> str:
        """Of what the profile says, not of how the file is written: comments and order do not count."""
        return hashlib.sha256(msgspec.json.encode(encode(self), order="sorted")).hexdigest()
