"""Target profiles: `targets/NAME.toml` as frozen types."""

import hashlib

import msgspec

from edgekit.config import Settings, encode
from edgekit.emit.settings import Outputs
from edgekit.firmware.hardware import Hardware
from edgekit.measure.limits import Budget
from edgekit.profile.recipe import Recipe
from edgekit.profile.solve import Solve
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
    solve: Solve = Solve()

    @property
    def sha256(self) -> str:
        """Of what the profile says of the build, not of how the file is written: comments and order do not count, nor
        how a recipe is searched for."""
        said = {name: table for name, table in encode(self).items() if name != "solve"}
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
