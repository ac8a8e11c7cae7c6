"""The rescue: remedies against the loss of accuracy in quantization, cheapest first, until the budget holds.

Each attempt is a way to quantize, tried on top of those that helped before it. It is judged on the held-out samples,
which nothing trained or calibrated on, against what the model answered as it was given. The evaluation set only says in
the end whether the budget holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from edgekit.analyze.explain import explain_file
from edgekit.analyze.findings import Explanation
from edgekit.data.spec import DataSpec
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import ModelError, RecipeError, WorkerError
from edgekit.measure.accuracy import score_file
from edgekit.measure.limits import UNLABELLED
from edgekit.profile.rules import scheme_refusal
from edgekit.profile.target import Target
from edgekit.quantize.int8 import calibrate_file, quantize_file
from edgekit.quantize.qat import Qat, qat_file
from edgekit.quantize.schemes import quantize_with_scheme
from edgekit.quantize.settings import Quantize
from edgekit.runtimes import BASELINE, engine
from edgekit.stages.reference import decibels, settle
from edgekit.types import INTEGER, Artifact, Attempt, Measurement

Scored = Call[list[Measurement]]
INT16_SHARE = 0.25
"""Of the layers, those with the most noise: what the remedy with int16 gives more bits."""


class Rescue(msgspec.Struct, frozen=True):
    """Where the rescue ended."""

    model: Artifact
    settings: Quantize
    """With which the model was quantized."""
    attempts: tuple[Attempt, ...]
    note: str
    """Where it stopped, and why."""


class _Trial(msgspec.Struct, frozen=True):
    """An attempt, and what it made."""

    attempt: Attempt
    model: Artifact
    settings: Quantize

    @property
    def order(self) -> tuple[float, float]:
        """The better one has the smaller."""
        assert self.attempt.lost is not None and self.attempt.sqnr is not None
        return self.attempt.lost, -self.attempt.sqnr


def quantized(
    graph: Artifact, data: DataSpec, settings: Quantize, scope: Scope, name: str = "quantize"
) -> StageResult[str]:
    """Makes a quantized `.tflite` of a float one, by the scheme of the settings.

    Args:
      name: of the stage.

    Raises:
      EdgekitError: the scheme does not fit the model.
    """
    if settings.plain:
        return scope.make(quantize_file(graph, data, settings).named(name).of(name))
    if settings.static:
        graph = scope.make(calibrate_file(graph, data, settings)).artifact
    return scope.make(quantize_with_scheme(graph, settings).named(name).of(name))


def rescue(
    graph: Artifact,
    keras: Artifact | None,
    given: Artifact,
    answered: Callable[[DataSpec], StageResult[list[Measurement]] | None],
    data: DataSpec,
    target: Target,
    custom_objects: str,
    scope: Scope,
) -> Rescue:
    """Quantizes a model in better and better ways.

    Args:
      graph: the float `.tflite`.
      keras: the same as a `tf_keras` model, or None where it cannot be trained.
      given: the model as it was given, as float `.tflite`.
      answered: what the model answers as it was given; None where that is a `.tflite` itself, or cannot be run.
      data: with samples held out.

    Raises:
      EdgekitError: already the plain way fails.
    """
    settings, limit = target.recipe.quantize, target.budget.accuracy_drop
    assert settings and limit is not None
    held_out, threads = msgspec.structs.replace(data, judged_by="held_out"), target.runtimes.threads

    def score(name: str, model: Artifact, runtime: str, answers: Artifact | None, **named: Any) -> Scored:
        return score_file(model, held_out, runtime, threads, answers, **named).on(engine(runtime)).named(name)

    answers = _reference(given, answered(held_out), held_out, score, scope)

    def attempt(remedy: str, change: dict[str, Any], onto: Quantize) -> _Trial:
        changed = msgspec.structs.replace(onto, **change)
        word = next((v if isinstance(v, str) else k for k, v in change.items()), remedy)
        if remedy == "training":
            assert keras
            call = qat_file(keras, data, Qat(), target.recipe.seed, custom_objects, None, changed)
            made: StageResult[Any] = scope.make(call.named("try qat"))
        else:
            made = quantized(graph, data, changed, scope, f"try {word}")
        model = made.artifacts[INTEGER]
        judged = scope.make(score(f"score {word}", model, BASELINE, answers))
        row = Attempt(remedy, _said(change), *_lost(judged.value), model.bytes, made.row.seconds, False)
        return _Trial(row, model, changed)

    best = attempt("as the recipe says", {}, msgspec.structs.replace(settings, rescue=False))
    attempts = [msgspec.structs.replace(best.attempt, kept=True)]
    remedies = _remedies(
        target, keras, lambda: _noisiest(scope.make(explain_file(graph, best.model, data, best.settings)).value)
    )
    while best.order[0] > limit and (remedy := next(remedies, None)):
        name, changes = remedy
        tried = []
        for change in changes:
            try:
                tried.append(attempt(name, change, best.settings))
            except (ModelError, RecipeError) as error:
                attempts.append(Attempt(name, _said(change), None, None, 0, 0.0, False, str(error)))
        better = min([best, *tried], key=lambda one: one.order)
        attempts += [msgspec.structs.replace(one.attempt, kept=one is better) for one in tried]
        best = better
    if best.order[0] <= limit:
        note = f"stopped at {attempts[-1].name}: {best.order[0]:.2f} points are lost on held-out samples, of {limit:g}"
    else:
        note = f"no remedy brought the loss below {best.order[0]:.2f} points, and the budget allows {limit:g}"
    return Rescue(best.model, best.settings, tuple(attempts), f"rescue: {note}")


def _reference(
    given: Artifact,
    original: StageResult[list[Measurement]] | None,
    held_out: DataSpec,
    score: Callable[..., Scored],
    scope: Scope,
) -> Artifact:
    """The answers that everything in a build is held against, of the held-out samples.

    Raises:
      ModelError: neither the model as it was given nor its float `.tflite` runs.
    """

    def run(
        call: Scored, artifact: str, runtime: str = "", promised: tuple[str, ...] = ()
    ) -> StageResult[list[Measurement]] | None:
        try:
            return scope.make(call.named(f"{call.name} held out"))
        except (ModelError, WorkerError):
            return None

    found = settle(given, original, held_out, score, BASELINE, (), run, scope.apart())
    if found.answers is None:
        raise ModelError(
            f"{given.path}: {BASELINE} cannot run the float model, so that a rescue has nothing to judge by"
        )
    return found.answers


def _remedies(
    target: Target, keras: Artifact | None, noisiest: Callable[[], tuple[str, ...]]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The remedies in their order: what each changes in the settings, in one way or in several.

    Args:
      noisiest: names the layers that would gain most from more bits.
    """
    settings = target.recipe.quantize
    assert settings
    others = [c for c in ("percentile", "mse", "entropy") if c != settings.calibration]
    yield "calibration", [{"calibration": c} for c in others]
    apart = target.recipe.cluster is None  # what takes shared values apart is no remedy for a clustered model
    if apart:
        yield "equalization", [{"equalize": True}]
    yield "bias correction", [{"bias_correction": True}]
    if apart:
        yield "learned rounding", [{"rounding": "gptq"}]
    mixed = msgspec.structs.replace(settings, int16_layers=("*",))
    if not scheme_refusal(target.runtimes.ship, mixed):
        yield "layers in int16", [{"int16_layers": noisiest(), "bias_correction": False}]
    if keras:
        yield "training", [{}]


def _said(change: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in change.items())


def _lost(measurements: list[Measurement]) -> tuple[float, float]:
    """What is lost, of the output that loses most, and the SQNR of the worst in dB.

    Lost are points of accuracy; without labels points of agreement, or, where an output is no classes, percent of the
    values that follow no more, and all of them below the SQNR that a budget implies.
    """
    outputs: dict[str, dict[str, Measurement]] = {}
    for found in measurements:
        name, _, output = found.name.partition(".")
        outputs.setdefault(output, {})[name] = found

    def lost(figures: dict[str, Measurement]) -> float:
        if "accuracy_drop" in figures:
            return figures["accuracy_drop"].value or 0.0
        agreed, values = figures["fidelity"], figures["lost_outputs"].value or 0.0
        if not agreed.reason:
            return 100 - (agreed.value or 0.0)
        return values if decibels(figures["sqnr"]) >= UNLABELLED["sqnr"] else 100.0

    compared = [figures for figures in outputs.values() if "sqnr" in figures]
    return max(map(lost, compared)), min(decibels(figures["sqnr"]) for figures in compared)


def _noisiest(explanation: Explanation) -> tuple[str, ...]:
    """Names of the layers whose own quantization adds the most noise."""
    noise: dict[str, float] = {}
    for tensor in explanation.tensors:
        alone = tensor.operator_alone
        if alone and alone.sqnr_db is not None and tensor.layer:
            noise[tensor.layer] = min(alone.sqnr_db, noise.get(tensor.layer, alone.sqnr_db))
    ordered = sorted(noise, key=lambda layer: (noise[layer], layer))
    return tuple(ordered[: max(1, round(INT16_SHARE * len(ordered)))])
