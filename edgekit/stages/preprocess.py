"""Which preprocessing a model was trained with, told by what it answers to samples on the usual scales."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from edgekit.data.spec import RANDOM, Preprocessing
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.measure.accuracy import PREDICTIONS, score_file
from edgekit.measure.scale import Fit, ValueRange, fit, value_range
from edgekit.product import LoadedModel
from edgekit.profile.project import ModelSpec
from edgekit.runtimes import BASELINE, engine
from edgekit.stages.reference import original
from edgekit.types import Measurement

AS_STORED = "as stored"
BYTE, WORD = 255, 65535


class Scale(Struct, frozen=True):
    """A preprocessing, and what the model answers with it."""

    name: str
    preprocessing: Preprocessing
    fit: Fit


def scales(spec: ModelSpec, loaded: LoadedModel, scope: Scope) -> list[Scale]:
    """The usual scales of such samples, the best one first; as stored first where no labels tell them apart, or all
    answers are wrong.

    Raises:
      EdgekitError: the model does not run on the samples.
    """
    data = loaded.data
    tried = {AS_STORED: Preprocessing()}
    if data.source != RANDOM and all(tensor.dtype == "float32" for tensor in data.inputs):
        tried |= usual(scope.make(value_range(data)).value)
    found: list[Scale] = []
    for name, preprocessing in tried.items():
        as_said, told = replace(loaded, data=replace(data, preprocessing=preprocessing)), Fit("none")
        if not found or found[0].fit.kind != "none":
            told = _fit(spec, as_said, name, scope)
        found.append(Scale(name, preprocessing, told))
    return sorted(found, key=lambda scale: -scale.fit.score) if any(s.fit.knows for s in found) else found


def as_given(spec: ModelSpec, loaded: LoadedModel, scope: Scope) -> Scale:
    """The preprocessing that the project names, and what the model answers with it."""
    return Scale("as the project says", spec.preprocessing, _fit(spec, loaded, "as the project says", scope))


def usual(values: ValueRange) -> dict[str, Preprocessing]:
    """How samples with such values are usually scaled for a model, by what a person calls it."""
    low, high = values.low, values.high
    for most in (BYTE, WORD):
        if low >= 0 and 2 < high <= most:
            return {
                f"0 … {most} to 0 … 1": Preprocessing(1 / most),
                f"0 … {most} to -1 … 1": Preprocessing(2 / most, -1.0),
            }
    if low >= 0 and high <= 1:
        return {"0 … 1 to 0 … 255": Preprocessing(float(BYTE)), "0 … 1 to -1 … 1": Preprocessing(2.0, -1.0)}
    if low >= -1 and high <= 1:
        return {
            "-1 … 1 to 0 … 255": Preprocessing(BYTE / 2, BYTE / 2),
            "-1 … 1 to 0 … 1": Preprocessing(0.5, 0.5),
        }
    return {}


def _fit(spec: ModelSpec, loaded: LoadedModel, name: str, scope: Scope) -> Fit:
    """Of the model as it was given; of a `.tflite`, which TensorFlow does not execute, in LiteRT."""
    answers: StageResult[list[Measurement]] | None
    if loaded.facts.format == "tflite":
        call: Call[list[Measurement]] = score_file(loaded.model.artifact, loaded.data, BASELINE, 1, None)
        answers = scope.make(call.on(engine(BASELINE)).named(f"score {name}"))
    else:
        answers, _ = original(spec, loaded, loaded.data, scope)
    if answers is None:
        return Fit("none")
    return scope.make(fit(answers.artifacts[PREDICTIONS], loaded.data).named(f"fit {name}")).value
