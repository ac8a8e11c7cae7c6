"""A recipe carried out without training, to find what a model does not allow before time is spent on it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from edgekit.compress.technique import Rehearsal, Technique
from edgekit.config import decode, encode
from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, READING, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras
from edgekit.quantize.convert import without_loops
from edgekit.quantize.int8 import integers
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact


class Part(Struct, frozen=True):
    """A technique, as another process can find it."""

    module: str
    name: str
    """Of the class of its settings."""
    settings: dict[str, Any]


def rehearsal(
    model: Artifact,
    teacher: Artifact | None,
    student: Artifact | None,
    data: DataSpec,
    techniques: Iterable[Technique],
    quantize: Quantize | None,
    seed: int,
    custom_objects: str,
) -> Call[None]:
    """The stage `rehearse_file` for some techniques, whose code decides its result, too."""
    parts = tuple(Part(type(t).__module__, type(t).__name__, encode(t.untrained)) for t in techniques)
    call = rehearse_file(model, teacher, student, data, parts, quantize, seed, custom_objects)
    return call.with_code(*(part.module for part in parts))


@stage("rehearse", process=TENSORFLOW, libraries=(*TRAINING, *READING), retry=EIGEN)
def rehearse_file(
    work: Work,
    model: Artifact,
    teacher: Artifact | None,
    student: Artifact | None,
    data: DataSpec,
    techniques: tuple[Part, ...],
    quantize: Quantize | None,
    seed: int,
    custom_objects: str,
) -> None:
    """Goes through techniques in their order, and quantizes what comes out.

    Args:
      model: file of the model as it was given.
      teacher: file of the teacher, where one is distilled.
      student: `module:function` of the student's builder, where the recipe names one.

    Raises:
      RecipeError: a technique does not fit the model as it is at its place.
      ModelError: the model has no integer form.
    """
    loaded, dataset = open_keras(model.path, custom_objects), read_dataset(data)
    files = teacher.path if teacher else None, student.path if student else None
    given = Rehearsal(data, dataset.train, *files, seed, custom_objects)
    with custom_scope(custom_objects):
        for part in techniques:
            kind: type[Technique] = getattr(importlib.import_module(part.module), part.name)
            loaded = decode(part.settings, kind, part.module, RecipeError).rehearse(loaded, given)
        if quantize and quantize.plain:
            integers(without_loops(loaded)[0], calibration(dataset, quantize.calibration_samples, data), quantize)
