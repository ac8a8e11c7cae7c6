"""A recipe carried out without training, to find what a model does not allow before time is spent on it."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.compress.channels import remove_channels
from edgekit.compress.cluster import clustered_layers
from edgekit.compress.distil import check_student, learner
from edgekit.compress.layers import flattened
from edgekit.compress.lesson import lesson
from edgekit.compress.prune import check_prune
from edgekit.compress.pupil import pupil
from edgekit.data.samples import calibration, prepared, read
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, READING, TENSORFLOW, TRAINING
from edgekit.engine.stage import Work, stage
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras
from edgekit.profile.recipe import Recipe
from edgekit.quantize.convert import without_loops
from edgekit.quantize.int8 import integers
from edgekit.quantize.qat import check
from edgekit.types import Artifact

FEW = 32
"""Samples by which channels are ranked."""


@stage("rehearse", process=TENSORFLOW, libraries=(*TRAINING, *READING), retry=EIGEN)
def rehearse_file(
    work: Work,
    model: Artifact,
    teacher: Artifact | None,
    student: Artifact | None,
    data: DataSpec,
    recipe: Recipe,
    custom_objects: str,
) -> None:
    """Goes through the techniques of a recipe in their order, and quantizes what comes out.

    Args:
      model: file of the model as it was given.
      teacher: file of the teacher, where one is distilled.
      student: `module:function` of the student's builder, where the recipe names one.

    Raises:
      RecipeError: a technique does not fit the model as it is at its place.
      ModelError: the model has no integer form.
    """
    loaded, dataset = open_keras(model.path, custom_objects), read(data)
    with custom_scope(custom_objects):
        for technique in recipe.techniques:
            settings = getattr(recipe, technique)
            if technique == "distil":
                assert teacher is not None
                loaded = learner(loaded, student.path if student else None, settings, custom_objects, recipe.seed)
                master = open_keras(teacher.path, custom_objects)
                check_student(loaded, master, dataset.train, settings)
                if settings.features or settings.attention or settings.adversarial:
                    pupil(loaded, master, settings)
            elif technique == "channels":
                loaded = _narrowed(loaded, dataset.train.take(slice(FEW)), data, recipe)
            elif technique == "prune":
                check_prune(loaded, settings)
            elif technique == "cluster":
                clustered_layers(loaded, settings)
            else:
                check(flattened(loaded), settings)
        if recipe.quantize and recipe.quantize.plain:
            samples = calibration(dataset, recipe.quantize.calibration_samples, data)
            integers(without_loops(loaded)[0], samples, recipe.quantize)


def _narrowed(model: Any, few: Any, data: DataSpec, recipe: Recipe) -> Any:
    assert recipe.channels
    settings = msgspec.structs.replace(recipe.channels, rounds=1)
    taught = lesson(model, few, data, None, None)
    return remove_channels(model, prepared(few, data), taught, settings, recipe.seed, lambda text, share: None)[0]
