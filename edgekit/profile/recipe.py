"""Recipes: what is done to a model, as frozen types with their defaults. A target's `[recipe]`, or a file of its own.

A part that is left out is not done. Layers are named by patterns as in a shell: `conv2d_*`, `block?/dense`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from edgekit.compress.settings import Channels, Cluster, Distil, FineTuning, Prune
from edgekit.config import Settings
from edgekit.quantize.settings import Qat, Quantize
from edgekit.shrink.settings import Shrink

Technique = Literal["distil", "channels", "prune", "cluster", "qat"]


class Recipe(Settings, frozen=True):
    """What is done to the model. A part that is left out is not done; `prune = false` takes an inherited one away."""

    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 1
    """All randomness of the recipe: the order of samples, the choice of the calibration set."""
    input_shape: str = ""
    """Sizes that the model leaves open: "96x96x3", or "left=96x96x3,right=10"."""
    order: tuple[Technique, ...] = ()
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
    def techniques(self) -> tuple[Technique, ...]:
        """Those that are set, in the order in which they are applied."""
        itself = self.distil is not None and self.distil.student == "model"
        order: tuple[Technique, ...] = ("channels", "prune", "cluster")
        order = self.order or ((*order, "distil", "qat") if itself else ("distil", *order, "qat"))
        return tuple(technique for technique in order if getattr(self, technique))

    def judges(self, trainable: bool) -> bool:
        """Whether something is chosen on the way, by training samples that are held out for it.

        Args:
          trainable: whether the model goes through the techniques.
        """
        trained: list[FineTuning] = [getattr(self, technique) for technique in self.techniques] if trainable else []
        rescued = self.quantize is not None and self.quantize.rescue
        return rescued or any(part.patience or isinstance(part, Qat) for part in trained)
