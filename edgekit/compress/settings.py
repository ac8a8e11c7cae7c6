"""What the settings of several techniques have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from edgekit.config import Positive, Settings

Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0)]
Pattern = Annotated[str, Meta(min_length=1)]

FEW, ENOUGH = 100, 200
"""Updates of the weights that are too few to make up for what was taken, and that bring most of it back:
docs/how-to/compression.md has figures."""


class FineTuning(Settings, frozen=True):
    """How a model is trained on after it was changed."""

    epochs: Annotated[int, Meta(ge=0)] = 2
    batch_size: Positive = 64
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3
    decay: Literal["none", "cosine"] = "none"
    """Whether the learning rate falls to zero along half a cosine, which a long training wants, or stays.  Source:
    Loshchilov and Hutter 2017, "SGDR"."""
    patience: Annotated[int, Meta(ge=0)] = 0
    """Ends the training after so many epochs without a lower loss on the held-out samples, and keeps the best weights;
    0 trains all epochs."""

    @property
    def judges(self) -> bool:
        """Whether the training is judged by samples that are held out for it."""
        return self.patience > 0

    def too_short(self, technique: str, samples: int) -> str:
        """Why the training is too short to make up for what a technique takes, as a note; "" where it is not, or where
        none is asked for."""
        updates = self.epochs * -(-samples // self.batch_size)
        if not self.epochs or updates >= FEW:
            return ""
        return (
            f"{technique}: {self.epochs} epochs of {samples} samples update the weights {updates} times, "
            f"too few to make up for what it takes; --set recipe.{technique}.epochs={self.enough(samples)}"
        )

    def enough(self, samples: int) -> int:
        """Epochs that make up for what a technique takes."""
        return -(-ENOUGH // -(-samples // self.batch_size))


class Selection(FineTuning, frozen=True):
    """Which layers a technique applies to, and how they are trained after it."""

    exclude: tuple[Pattern, ...] = ()
    """Patterns of layers that are left as they are."""
    protect: tuple[Literal["first", "last"], ...] = ("first", "last")
    """Layers with weights at the ends of the model, which tolerate the least and are left as they are."""
