"""The techniques of a recipe, one after the other."""

from __future__ import annotations

from msgspec.structs import replace

from edgekit.compress.targets import teach
from edgekit.compress.technique import Given, Teaching
from edgekit.data.locate import locate
from edgekit.engine.make import Scope
from edgekit.engine.python import project_folder
from edgekit.engine.stage import Call
from edgekit.errors import ModelError
from edgekit.product import CompressedModel, LoadedModel
from edgekit.profile.project import ModelSpec, is_function
from edgekit.profile.recipe import Recipe
from edgekit.quantize.convert import convert_file
from edgekit.quantize.rehearse import rehearsal
from edgekit.quantize.settings import Quantize
from edgekit.stages.load import reading_of
from edgekit.types import INTEGER, KERAS, Artifact, ModelFacts

REHEARSED = 64
"""Calibration samples at most, where nothing but the operators is looked at."""


def compress(spec: ModelSpec, loaded: LoadedModel, recipe: Recipe, scope: Scope) -> CompressedModel:
    """Applies the recipe's techniques to a model that can be trained; of a graph it says what is left out.

    Raises:
      EdgekitError: the model does not allow the recipe.
    """
    facts, model, objects = loaded.facts, loaded.model.artifact, loaded.reading.custom_objects
    if facts.form != "keras":
        return CompressedModel(None, {"float": model}, None, tuple(_skipped(spec, recipe, facts)))
    teaching = _teaching(spec, loaded, recipe, scope)
    given = Given(loaded.data, recipe.seed, objects, recipe.quantize, teaching, None)
    graphs = {"float": scope.make(convert_file(model, objects).named("reference").of("float")).artifact}
    if recipe.techniques:
        scope.apart().make(_rehearsal(model, loaded, recipe, teaching))
    integer, notes = None, list[str]()
    for name, technique in recipe.techniques.items():
        notes.append(technique.too_short(name, loaded.samples))
        objective = distil.objective if (distil := recipe.distil) and name in distil.during else None
        made = scope.make(technique.call(model, replace(given, objective=objective)).of(name))
        model, integer = made.artifacts[KERAS], made.artifacts.get(INTEGER)
        converted = "convert" if name == list(recipe.techniques)[-1] else f"convert {name}"
        graphs[name] = scope.make(convert_file(model, objects).named(converted).of(name)).artifact
        scope.done(technique.told(name), graphs[name].bytes)
    return CompressedModel(model, graphs, integer, tuple(notes))


def _rehearsal(model: Artifact, loaded: LoadedModel, recipe: Recipe, teaching: Teaching | None) -> Call[None]:
    """Whether the model allows the recipe, found without training."""
    quantize = recipe.quantize
    if quantize and quantize.plain:  # what else it says changes no operator
        samples = min(quantize.calibration_samples, REHEARSED)
        quantize = Quantize(calibration_samples=samples, allow_float_ops=quantize.allow_float_ops)
    teacher, student = (teaching.teacher, teaching.student) if teaching else (None, None)
    techniques, objects = recipe.techniques.values(), loaded.reading.custom_objects
    return rehearsal(model, teacher, student, loaded.data, techniques, quantize, recipe.seed, objects)


def _teaching(spec: ModelSpec, loaded: LoadedModel, recipe: Recipe, scope: Scope) -> Teaching | None:
    """The teacher that the recipe's students learn from, and its answers.

    Raises:
      ModelError: it cannot be read, or is a graph without layers.
    """
    if not recipe.distil:
        return None
    model, data, fingerprint = loaded.model.artifact, loaded.data, scope.maker.fingerprints.file
    if (name := recipe.distil.teacher) != "model":
        source = locate("keras", name if is_function(name) else str(project_folder() / name), fingerprint, ModelError)
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
    return Teaching(model, answers, student)


def _skipped(spec: ModelSpec, recipe: Recipe, facts: ModelFacts) -> list[str]:
    """What of a recipe a graph cannot go through, as notes.

    Raises:
      ModelError: the recipe requires it.
    """
    parts: list[str] = list(recipe.techniques)
    if facts.form == "int8" and recipe.quantize:
        parts.append("quantize")
    for name, technique in recipe.techniques.items():
        if technique.demanded:
            said = f"recipe.{name} is required, but the model cannot be trained: {facts.untrainable}"
            raise ModelError(f"{spec.model}: {said}")
    without = ", ".join(f"recipe.{part} = false" for part in parts)
    said = f"skipped: {' and '.join(parts)}, because {facts.untrainable}; give the Keras model, or set {without}"
    return [said] if parts else []
