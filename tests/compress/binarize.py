"""Weights of dense layers that have one of two values for each output: a technique from outside the package."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from edgekit.compress.fine_tune import fine_tune
from edgekit.compress.layers import chosen
from edgekit.compress.settings import Selection
from edgekit.compress.targets import Objective, training_targets
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras, save
from edgekit.types import KERAS, Artifact


class Binarize(Selection, Technique, frozen=True):
    """Weights of dense layers that are a or -a, with an a for each output.

    Source: Rastegari et al. 2016, "XNOR-Net", section 3.1.
    """

    protect: tuple[Literal["first", "last"], ...] = ()

    def call(self, model: Artifact, given: Given) -> Call[Binarized]:
        """The stage `binarize_file`."""
        return binarize_file(model, given.data, self, given.seed, given.custom_objects, given.answers, given.objective)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """As it is: other weights change no architecture."""
        binarized_layers(model, self)
        return model

    @staticmethod
    def fits(layer: Any) -> bool:
        """Whether it is a dense layer."""
        return type(layer).__name__ == "Dense"


class Binarized(Struct, frozen=True):
    """What binarization did."""

    layers: tuple[str, ...]


@stage("binarize", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def binarize_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Binarize,
    seed: int,
    custom_objects: str,
    answers: Artifact | None,
    objective: Objective | None,
) -> Binarized:
    """Binarizes the model in a file, trains it on, and writes it to `folder`."""
    import numpy as np

    loaded, dataset = open_keras(model.path, custom_objects), read_dataset(data)
    layers = binarized_layers(loaded, settings)
    with custom_scope(custom_objects):
        taught = training_targets(loaded, dataset.train, data, answers, objective, dataset.held_out)
        for layer in layers:
            w = layer.kernel.numpy()
            layer.kernel.assign(np.where(w < 0, -1, 1) * np.abs(w).mean(axis=0))
        fine_tune(loaded, prepared(dataset.train, data), taught, settings, seed, work.progress)
    save(loaded, work.folder / KERAS)
    return Binarized(tuple(layer.name for layer in layers))


def binarized_layers(model: Any, settings: Binarize) -> list[Any]:
    """The layers of a `tf_keras` model that are binarized.

    Raises:
      RecipeError: there is none, or a pattern fits no layer.
    """
    layers = chosen(model, settings, Binarize.fits, "recipe.binarize")
    if not layers:
        raise RecipeError("recipe.binarize: no dense layer is left to binarize; set recipe.binarize = false")
    return layers
