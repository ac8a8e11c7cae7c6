"""The techniques of a recipe, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edgekit.compress.channels import channels_file
from edgekit.compress.cluster import cluster_file
from edgekit.compress.distil import distil_file
from edgekit.compress.lesson import teach
from edgekit.compress.prune import prune_file
from edgekit.compress.settings import Distil
from edgekit.data.locate import locate
from edgekit.engine.make import Scope
from edgekit.engine.stage import Call
from edgekit.errors import ModelError
from edgekit.product import Compressed, Loaded
from edgekit.profile.project import ModelSpec, is_function
from edgekit.profile.recipe import Recipe, Technique
from edgekit.quantize.convert import convert_file
from edgekit.quantize.qat import qat_file
from edgekit.quantize.rehearse import rehearse_file
from edgekit.quantize.settings import Quantize
from edgekit.stages.load import reading_of
from edgekit.types import INTEGER, KERAS, Artifact, ModelFacts

REHEARSED = 64
"""Calibration samples at most, where nothing but the operators is looked at."""


class Teaching(Struct, frozen=True):
    """Who teaches, and how."""

    teacher: Artifact
    answers: Artifact
    """What `teach` wrote."""
    student: Artifact | None
    """Builder of the student, where the recipe names one."""
    settings: Distil


def compress(spec: ModelSpec, loaded: Loaded, recipe: Recipe, scope: Scope) -> Compressed:
    """Applies the recipe's techniques to a model that can be trained; of a graph it says what is left out.

    Raises:
      EdgekitError: the model does not allow the recipe.
    """
    facts, model, objects = loaded.facts, loaded.model.artifact, loaded.reading.custom_objects
    if facts.form != "keras":
        return Compressed(None, {"float": model}, None, tuple(_skipped(spec, recipe, facts)))
    teaching = _teaching(spec, loaded, recipe, scope)
    graphs = {"float": scope.make(convert_file(model, objects).named("reference")).artifact}
    if recipe.techniques:
        scope.apart().make(_rehearsal(model, loaded, recipe, teaching))
    integer, notes = None, list[str]()
    for technique in recipe.techniques:
        if technique != "qat":  # which has plain int8 to be better than
            notes.append(getattr(recipe, technique).too_short(technique, loaded.samples))
        made = scope.make(_call(technique, model, loaded, recipe, teaching))
        model, integer = made.artifacts[KERAS], made.artifacts.get(INTEGER)
        name = "convert" if technique == recipe.techniques[-1] else f"convert {technique}"
        graphs[technique] = scope.make(convert_file(model, objects).named(name)).artifact
    return Compressed(model, graphs, integer, tuple(notes))


def _call(
    technique: Technique, model: Artifact, loaded: Loaded, recipe: Recipe, teaching: Teaching | None
) -> Call[Any]:
    """A technique that changes a model and trains it on; one that the recipe lets learn from the teacher does so."""
    data, seed, objects = loaded.data, recipe.seed, loaded.reading.custom_objects
    taught = teaching if teaching and technique in teaching.settings.during else None
    answers, distil = (taught.answers, taught.settings) if taught else (None, None)
    if technique == "channels" and recipe.channels:
        return channels_file(model, data, recipe.channels, seed, objects, answers, distil)
    if technique == "prune" and recipe.prune:
        return prune_file(model, data, recipe.prune, seed, objects, answers, distil)
    if technique == "cluster" and recipe.cluster:
        return cluster_file(model, data, recipe.cluster, seed, objects, answers, distil)
    if technique == "qat" and recipe.qat and recipe.quantize:
        return qat_file(model, data, recipe.qat, seed, objects, answers, recipe.quantize, distil)
    assert technique == "distil" and recipe.distil and teaching
    lesson = teaching.teacher, teaching.answers, teaching.student
    return distil_file(model, *lesson, data, recipe.distil, seed, objects)


def _rehearsal(model: Artifact, loaded: Loaded, recipe: Recipe, teaching: Teaching | None) -> Call[None]:
    """Whether the model allows the recipe, found without training."""
    untrained = {
        technique: replace(getattr(recipe, technique), epochs=0, batch_size=1, learning_rate=1.0, patience=0)
        for technique in recipe.techniques
    }
    quantize = recipe.quantize
    if quantize and quantize.plain:  # what else it says changes no operator
        samples = min(quantize.calibration_samples, REHEARSED)
        quantize = Quantize(calibration_samples=samples, allow_float_ops=quantize.allow_float_ops)
    tried = replace(recipe, quantize=quantize, shrink=None, input_shape="", **untrained)
    teacher, student = (teaching.teacher, teaching.student) if teaching else (None, None)
    return rehearse_file(model, teacher, student, loaded.data, tried, loaded.reading.custom_objects)


def _teaching(spec: ModelSpec, loaded: Loaded, recipe: Recipe, scope: Scope) -> Teaching | None:
    """The teacher that the recipe's students learn from, and its answers.

    Raises:
      ModelError: it cannot be read, or is a graph without layers.
    """
    if not recipe.distil:
        return None
    model, data, fingerprint = loaded.model.artifact, loaded.data, scope.maker.fingerprints.file
    if (name := recipe.distil.teacher) != "model":
        source = locate("keras", name if is_function(name) else str(Path(name).absolute()), fingerprint, ModelError)
        read = scope.make(reading_of(source, spec.reading).named("load teacher"))
        if KERAS not in read.artifacts:
            why = read.value.untrainable
            raise ModelError(f"{name}: recipe.distil.teacher must be a Keras model, but {why}")
        if [t.shape for t in read.value.inputs] != [t.shape for t in data.inputs]:
            ours, theirs = (
                " and ".join("x".join(map(str, t.shape[1:])) for t in inputs)
                for inputs in (data.inputs, read.value.inputs)
            )
            raise ModelError(f"{name}: recipe.distil.teacher takes {theirs}, the model {ours}; they must be alike")
        model = read.artifact
    answers, student = scope.make(teach(model, data, spec.reading.custom_objects)).artifact, None
    if isinstance(recipe.distil.student, str) and recipe.distil.student != "model":
        student = locate("keras", recipe.distil.student, fingerprint, ModelError)
    return Teaching(model, answers, student, recipe.distil)


def _skipped(spec: ModelSpec, recipe: Recipe, facts: ModelFacts) -> list[str]:
    """What of a recipe a graph cannot go through, as notes.

    Raises:
      ModelError: the recipe requires it.
    """
    parts: list[str] = list(recipe.techniques)
    if facts.form == "int8" and recipe.quantize:
        parts.append("quantize")
    if recipe.prune and recipe.prune.required:
        raise ModelError(
            f"{spec.model}: recipe.prune is required, but the model cannot be trained: {facts.untrainable}"
        )
    return [f"skipped: {' and '.join(parts)}, because {facts.untrainable}"] if parts else []
