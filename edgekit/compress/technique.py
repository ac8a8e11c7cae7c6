"""What a technique of compression is: settings in a recipe, and what is done to a model by them.

A technique is one file: its settings, which derive from `Technique`, its stage, and what that computes. One line in
`edgekit.profile.recipe.Recipe` makes it a part of recipes. Importing the file loads no library.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from edgekit.compress.settings import FineTuning
from edgekit.compress.targets import Objective
from edgekit.config import Settings
from edgekit.data.samples import Samples
from edgekit.data.spec import DataSpec
from edgekit.engine.stage import Call
from edgekit.types import Artifact


class Teaching(Struct, frozen=True):
    """Who teaches the student of a recipe."""

    teacher: Artifact
    answers: Artifact
    """What `edgekit.compress.targets.teach` wrote."""
    student: Artifact | None
    """Builder of the student, where the recipe names one."""


class Given(Struct, frozen=True):
    """What a build knows when it comes to a technique, which gives its stage only what the result depends on."""

    data: DataSpec
    seed: int
    custom_objects: str
    quantize: Settings | None
    """How the model is quantized after all techniques."""
    teaching: Teaching | None
    """The teacher, where the recipe has one."""
    objective: Objective | None
    """How much its answers count, where the technique learns from them while it trains the model on."""

    @property
    def answers(self) -> Artifact | None:
        """The teacher's answers, where the technique learns from them."""
        return self.teaching.answers if self.teaching and self.objective else None


class Rehearsal(NamedTuple):
    """What a technique is tried with, in the process that imports TensorFlow."""

    data: DataSpec
    train: Samples
    teacher: str | None
    """File of the teacher, where the recipe has one."""
    student: str | None
    """`module:function` of the student's builder, where the recipe names one."""
    seed: int
    custom_objects: str


class Technique(FineTuning, frozen=True):
    """Settings of a technique: the tables of a recipe that change a model and train it on."""

    @property
    def last(self) -> bool:
        """Whether it is applied after those that change which weights there are, unless the recipe has an order."""
        return False

    @property
    def demanded(self) -> bool:
        """Whether a model that cannot be trained is refused; otherwise the technique is left out, and the report says
        so."""
        return False

    @property
    def untrained(self) -> Technique:
        """The same without any training, for a rehearsal."""
        return replace(self, epochs=0, batch_size=1, learning_rate=1.0, patience=0)

    def told(self, name: str) -> str:
        """What it does, as a build says it when it is done, as in "pruned to 50 %"; by default the name of its table.

        Args:
          name: of its table.
        """
        return name

    def problem(self, quantize: Settings | None) -> str:
        """What the types of its settings cannot say: where they contradict each other, why, and what to do; "" where
        they do not.

        Args:
          quantize: how the model is quantized after all techniques.
        """
        return ""

    def call(self, model: Artifact, given: Given) -> Call[Any]:
        """Its stage, which writes the changed model as `edgekit.types.KERAS`.

        Args:
          model: a `tf_keras` model as it is at this place of the recipe.
        """
        raise NotImplementedError

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """What it makes of a model, without training: of the same architecture as after it.

        Args:
          model: `tf_keras.Model`, may be changed in place.

        Raises:
          RecipeError: the model does not allow it.
        """
        raise NotImplementedError

    @staticmethod
    def fits(layer: Any) -> bool | None:
        """Whether it can change a layer of a `tf_keras` model; None where that does not depend on the layer alone."""
        return None
