"""Which answers are the reference: those of the model as it was given, if the float `.tflite` gives the same.

A float `.tflite` under one runtime is no truth: a converter may build another graph, a kernel may compute another
product. What answers otherwise is named, and never what anything else is held against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from edgekit.data.locate import locate
from edgekit.data.metric import functions
from edgekit.data.spec import RANDOM, DataSpec
from edgekit.engine.libraries import OWN
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import DataError, ModelError, WorkerError
from edgekit.files import sha256
from edgekit.measure.accuracy import PREDICTIONS
from edgekit.measure.original import answer_file
from edgekit.measure.record import OUTPUTS
from edgekit.measure.wrong_operator import wrong_operator
from edgekit.product import LoadedModel
from edgekit.profile.project import ModelSpec, is_function
from edgekit.runtimes import REFERENCE, engine, installed
from edgekit.stages.agreements import ALIKE_DB
from edgekit.types import KERAS, Artifact, Measurement, Remark

FLOAT_SQNR = "float_sqnr"
SPOT = 64
"""Samples on which two runtimes are compared where there is no original to compare with."""
EQUAL_DB = 200.0
"""Stands for answers without any difference."""


Scored = Call[list[Measurement]]
Answers = StageResult[list[Measurement]]


class Run(Protocol):
    """Makes a stage and keeps its measurements as those of an artifact; None where it failed."""

    def __call__(
        self, call: Scored, artifact: str, runtime: str = "", promised: tuple[str, ...] = ()
    ) -> Answers | None: ...


class Reference(Struct, frozen=True):
    """What all answers are held against."""

    answers: Artifact | None
    """All outputs, in real values; None where there are none."""
    predictions: Artifact | None
    """The first one."""
    found: tuple[Measurement, ...] = ()
    """`float_sqnr`, and `skill` of the reference."""
    notes: tuple[str, ...] = ()


def settle(
    graph: Artifact,
    original: Answers | None,
    data: DataSpec,
    score: Callable[..., Scored],
    runtime: str,
    shown: tuple[str, ...],
    run: Run,
    scope: Scope,
) -> Reference:
    """Runs a float `.tflite` and holds it against the model as it was given, or, where the `.tflite` itself was given,
    against plain kernels.

    Args:
      score: `score_file` in a runtime, but for the reference and what follows it.
      runtime: that runs float models here.
      shown: the runtimes of the target; where `runtime` is none of them, its fault is told but does not count.
    """
    label = f"{runtime} {installed(runtime)}"
    truth = original.artifacts[OUTPUTS] if original else None
    floats = run(score("score float", graph, runtime, truth, keep=True, real=True), "float", runtime)
    if floats is None:
        return _reference(original)
    near = _worst(floats) if original else None
    plain = None
    if installed(REFERENCE) and (near is None or near < ALIKE_DB):
        name, most = f"score float {REFERENCE}", None if original else SPOT
        against = truth or floats.artifacts[OUTPUTS]
        plain = run(score(name, graph, REFERENCE, against, keep=True, most=most, real=True), "float", REFERENCE)
        if original is None and plain is not None and (near := _worst(plain)) < ALIKE_DB:
            # On all samples: it is what the others are held against.
            plain = run(score(name, graph, REFERENCE, None, keep=True, real=True), "float", REFERENCE)
    if near is None or near >= ALIKE_DB:
        what = "the model as it was given" if original else "its plain kernels"
        figures = [] if near is None else [_figure(near, f"{label} against {what}")]
        return _reference(original or floats, figures)
    if original and (plain is None or _worst(plain) < ALIKE_DB):
        best = max(near, _worst(plain)) if plain else near
        said = "in every runtime here the float .tflite answers otherwise than the model as it was given"
        return _reference(
            original,
            [_figure(best, said)],
            f"{said} ({best:.1f} dB): it was converted wrongly; replace its layer, or give a .tflite of it",
        )
    where = _where(graph, data, runtime, scope) if plain else ""
    said = f"{label} computes the float model wrongly{where}"
    witness = "TensorFlow and LiteRT's plain kernels agree and are" if original else "LiteRT's plain kernels are"
    note = f"{said} ({near:.1f} dB); {witness} the reference"
    if runtime not in shown:
        return _reference(original or plain, [], Remark(note))
    return _reference(original or plain, [_figure(near, said)], f"{note}; replace the layer, or ship another runtime")


def original(spec: ModelSpec, loaded: LoadedModel, data: DataSpec, scope: Scope) -> tuple[Answers | None, list[str]]:
    """What the model answers as it was given, in TensorFlow; and why it does not, as notes.

    There is none of a `.tflite`, which a runtime of its own executes, nor without data.
    """
    if loaded.facts.format == "tflite" or data.source == RANDOM:
        return None, []
    keras = loaded.model.artifacts.get(KERAS)
    call = answer_file(keras, loaded.source, loaded.reading, data, spec.metric).at(own(spec.metric))
    if keras is None and is_function(loaded.source.path):
        call = call.within(OWN)
    try:
        return scope.make(call), []
    except (ModelError, WorkerError) as problem:
        return None, [f"the float model was compared with no original: {problem}; give a model that TensorFlow can run"]


def accuracy_of(answers: Answers | None) -> float | None:
    """Of the model as it was given, in percent, where it is known."""
    return next((m.value for m in answers.value if m.name == "accuracy"), None) if answers else None


def own(metric: str) -> list[str] | None:
    """The hashes of the project's own metrics, which decide what a score is."""
    return [locate("data", function, sha256, DataError).sha256 for function in functions(metric)] or None


def _reference(made: Answers | None, figures: list[Measurement] | None = None, note: str = "") -> Reference:
    """The answers of a stage, with what is known of the file, and whether they know anything of the labels."""
    found = figures or []
    if made is None:
        return Reference(None, None, tuple(found))
    found += [replace(m, runtime="") for m in made.value if m.name.split(".")[0] == "skill"]
    notes = (note, *(_at_chance(m) for m in found if m.name.split(".")[0] == "skill"))
    return Reference(made.artifacts[OUTPUTS], made.artifacts[PREDICTIONS], tuple(found), tuple(filter(None, notes)))


def _at_chance(found: Measurement) -> str:
    """What the reader should know of a model whose skill may be none; "" of others."""
    if found.low is None or found.low > 0:
        return ""
    output = f" {found.name.partition('.')[2]}:" if "." in found.name else ""
    return f"{output} the float model is near chance ({found.reason}): check labels and preprocessing".strip()


def _where(graph: Artifact, data: DataSpec, runtime: str, scope: Scope) -> str:
    """The operator that a runtime computes otherwise than the plain kernels, as the end of a sentence."""
    try:
        found = scope.make(
            wrong_operator(graph, data, runtime, REFERENCE, ALIKE_DB).using(engine(REFERENCE)).on(engine(runtime))
        ).value
    except (ModelError, WorkerError):
        return ""
    return "".join(f", first {one.kind} {one.layer!r}" for one in found)


def _worst(made: Answers) -> float:
    """The least SQNR of all outputs against the reference, in dB."""
    return min((decibels(m) for m in made.value if m.name.split(".")[0] == "sqnr"), default=EQUAL_DB)


def decibels(found: Measurement) -> float:
    """An SQNR as a number that can be compared, also where there is no noise, or nothing that is finite."""
    if found.value is not None:
        return found.value
    return EQUAL_DB if found.reason.startswith("no noise") else -EQUAL_DB


def _figure(value: float, reason: str) -> Measurement:
    return Measurement(FLOAT_SQNR, value, "dB", reason=reason)
