"""Recipes: what is done to a model, as frozen types with their defaults. A target's `[recipe]`, or a file of its own.

A part that is left out is not done. Layers are named by patterns as in a shell: `conv2d_*`, `block?/dense`.
"""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import fields

from edgekit.compress.channels import Channels
from edgekit.compress.cluster import Cluster
from edgekit.compress.distil import Distil
from edgekit.compress.prune import Prune
from edgekit.compress.technique import Technique
from edgekit.config import Settings, struct_of
from edgekit.quantize.qat import Qat
from edgekit.quantize.settings import Quantize
from edgekit.shrink.settings import Shrink


class Recipe(Settings, frozen=True):
    """What is done to the model. A part that is left out is not done; `prune = false` takes an inherited one away."""

    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    """All randomness of the recipe: the order of samples, the choice of the calibration set."""
    input_shape: str = ""
    """Sizes that the model leaves open: "96x96x3", or "left=96x96x3,right=10"."""
    reserve: bool = False
    """Whether half of the held-out samples choose nothing, so that they can judge what a search chose by the others;
    edgekit solve sets it."""
    order: tuple[str, ...] = ()
    """In which order the techniques that are set are applied. By default distil, channels, prune, cluster, qat;
    distil comes after cluster where the student is the model itself."""
    distil: Distil | None = None
    channels: Channels | None = None
    prune: Prune | None = None
    cluster: Cluster | None = None
    qat: Qat | None = None
    quantize: Quantize | None = None
    shrink: Shrink | None = Shrink()

    @property
    def techniques(self) -> dict[str, Technique]:
        """Those that are set, as they are applied: by default as the fields are, then those that are `last`."""
        parts = {name: part for name in self.__struct_fields__ if isinstance(part := getattr(self, name), Technique)}
        order = self.order or sorted(parts, key=lambda name: parts[name].last)
        return {name: parts[name] for name in order if name in parts}

    @classmethod
    def known(cls) -> dict[str, type[Technique]]:
        """All techniques that there are, by the names of the fields."""
        tables = {field.name: struct_of(field.type) for field in fields(cls)}
        return {name: kind for name, kind in tables.items() if kind and issubclass(kind, Technique)}

    def judges(self, trainable: bool) -> bool:
        """Whether something is chosen on the way, by training samples that are held out for it.

        Args:
          trainable: whether the model goes through the techniques.
        """
        rescued = self.quantize is not None and self.quantize.rescue
        return rescued or self.reserve or (trainable and any(part.judges for part in self.techniques.values()))
