"""The model in the numbers that ship: quantized as the recipe says, or rescued by remedies."""

from __future__ import annotations

from edgekit.data.spec import RANDOM, DataSpec
from edgekit.engine.make import Scope, StageResult
from edgekit.product import CompressedModel, LoadedModel, QuantizedModel
from edgekit.profile.project import ModelSpec
from edgekit.profile.target import Target
from edgekit.quantize.settings import Quantize
from edgekit.quantize.stability import check_calibration
from edgekit.runtimes import engine
from edgekit.runtimes.support import check_support, listed, supported
from edgekit.shrink.file import carry_file
from edgekit.stages.reference import original
from edgekit.stages.rescue import quantized, rescue
from edgekit.types import Attempt, Measurement, Remark


def quantize(
    spec: ModelSpec, loaded: LoadedModel, compressed: CompressedModel, target: Target, scope: Scope, looks: Scope
) -> QuantizedModel:
    """Quantizes a model, and finds that the runtimes on the device execute it.

    Args:
      looks: records what the model answers as it was given.

    Raises:
      EdgekitError: the scheme does not fit the model.
    """
    graph, data, objects = compressed.graph, loaded.data, loaded.reading.custom_objects
    settings = target.recipe.quantize if loaded.facts.form != "int8" else None
    model, attempts, notes = graph, tuple[Attempt, ...](), list[str]()

    def answered(samples: DataSpec) -> StageResult[list[Measurement]] | None:
        made, doubt = original(spec, loaded, samples, looks)
        notes.extend(doubt)
        return made

    if settings and settings.static and data.source != RANDOM:
        scope.make(check_calibration(graph, data, settings))
    if compressed.integer:
        model, settings = compressed.integer, None
    elif settings and settings.rescue and data.source != RANDOM:
        given = compressed.graphs["float"]
        rescued = rescue(graph, compressed.keras, given, answered, data, target, objects, scope)
        model, settings, attempts = rescued.model, rescued.settings, rescued.attempts
        notes.append(Remark(rescued.note))
    elif settings:
        model = quantized(graph, data, settings, scope).artifact
    if loaded.facts.format == "tflite" and model != loaded.model.artifact:
        model = scope.make(carry_file(model, loaded.model.artifact)).artifact
    ship, oldest = target.runtimes.ship, target.runtimes.oldest
    kernels = dict(map(supported, filter(None, (ship if ship in listed() else "", oldest))))
    scope.make(check_support(model, kernels, () if engine(ship).hybrid else (ship,)))
    scope.done(_told(loaded, compressed, settings, attempts), model.bytes)
    return QuantizedModel(model, settings, attempts, tuple(notes))


def _told(
    loaded: LoadedModel, compressed: CompressedModel, settings: Quantize | None, attempts: tuple[Attempt, ...]
) -> str:
    """What became of the numbers, in words."""
    if compressed.integer:
        return "kept in int8, as it was trained"
    if settings is None:
        return f"left in {'integers' if loaded.facts.form == 'int8' else 'floating point'}"
    rescued = ", ".join(attempt.name for attempt in attempts[1:] if attempt.kept)
    return f"quantized to {settings.scheme}" + (f", rescued by {rescued}" if rescued else "")
