"""The ladder: remedies against the loss of accuracy in quantization, cheapest first, until the budget holds.

Each rung is a way to quantize, tried on top of those that helped before it. It is judged on training samples that
calibration has not seen, never on the evaluation set: that one only says in the end whether the budget holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from edgekit import steps
from edgekit.analyze.findings import Explanation
from edgekit.data.spec import DataSpec
from edgekit.errors import ModelError, RecipeError
from edgekit.make import Made, Step
from edgekit.measure.harness import BASELINE
from edgekit.recipe import Qat, Quantize
from edgekit.runtimes import scheme_refusal
from edgekit.target import Target
from edgekit.types import Artifact, Measurement, Rung

TRAINED = "quantization-aware training"
INT16_SHARE = 0.25
"""Of the layers, those with the most noise: what the rung with int16 gives more bits."""


class Rescued(msgspec.Struct, frozen=True):
    """Where the ladder ended."""

    model: Artifact
    settings: Quantize
    """With which the model was quantized."""
    rungs: tuple[Rung, ...]
    note: str
    """Where it stopped, and why."""


def quantized(
    graph: Artifact, data: DataSpec, settings: Quantize, make: Callable[[Step], Made], name: str = ""
) -> Made:
    """Makes a quantized `.tflite` of a float one.

    Args:
      make: makes a step.
      name: of the steps, before their own.

    Raises:
      EdgekitError: the scheme does not fit the model.
    """

    def named(step: Step) -> Step:
        return msgspec.structs.replace(step, name=name.replace("quantize", step.name)) if name else step

    if settings.plain:
        return make(named(steps.quantize(graph, data, settings)))
    if settings.static:
        graph = make(named(steps.calibrate(graph, data, settings))).artifact
    return make(named(steps.quantize_with_scheme(graph, settings)))


def rescue(
    graph: Artifact,
    keras: Artifact | None,
    data: DataSpec,
    target: Target,
    custom_objects: str,
    make: Callable[[Step], Made],
) -> Rescued:
    """Quantizes a model in better and better ways.

    Args:
      graph: the float `.tflite`.
      keras: the same as a `tf_keras` model, or None where it cannot be trained.
      make: makes a step.

    Raises:
      EdgekitError: already the plain way fails.
    """
    settings, limit = target.recipe.quantize, target.budget.accuracy_drop
    assert settings and limit is not None
    settings = msgspec.structs.replace(settings, rescue=False)
    held_out = msgspec.structs.replace(data, held_out=settings.calibration_samples)
    scored = make(steps.score("rescue: score float", graph, held_out, BASELINE, target.runtimes.threads, None))
    rungs: list[Rung] = []
    best: tuple[float, float] | None = None
    model, found = None, settings

    def climb(name: str, ways: list[tuple[str, Quantize]]) -> bool:
        """Tries the ways of a rung and keeps the best if it helps; says whether the budget holds now."""
        nonlocal best, model, found
        helped = None
        for said, changed in ways:
            try:
                if said == TRAINED:
                    made = make(msgspec.structs.replace(trained, name="rescue: qat"))
                else:
                    made = quantized(graph, data, changed, make, f"rescue: quantize, {said}")
                artifact = made.artifacts["model.tflite"]
                answers = scored.artifacts["predictions.npy"]
                judged = make(
                    steps.score(f"rescue: score {said}", artifact, held_out, BASELINE, target.runtimes.threads, answers)
                )
            except (ModelError, RecipeError) as error:
                if best is None:
                    raise
                rungs.append(Rung(name, said, None, None, 0, 0.0, False, str(error)))
                continue
            lost, sqnr = _lost(judged.value)
            better = best is None or (lost, -sqnr) < best
            rungs.append(Rung(name, said, lost, sqnr, artifact.bytes, made.row.seconds, False))
            if better:
                best, model, found, helped = (lost, -sqnr), artifact, changed, len(rungs) - 1
        if helped is not None:
            rungs[helped] = msgspec.structs.replace(rungs[helped], kept=True)
        assert best
        return best[0] <= limit

    def noisiest() -> tuple[str, ...]:
        assert model
        return _noisiest(make(steps.explain(graph, model, data, found)).value)

    def ways(*changes: dict[str, Any]) -> list[tuple[str, Quantize]]:
        said = [", ".join(f"{k} = {v}" for k, v in change.items()) for change in changes]
        changed = [msgspec.structs.replace(found, **change) for change in changes]
        return list(zip(said, changed, strict=True))

    if keras:
        recipe = msgspec.structs.replace(target.recipe, qat=Qat(), quantize=settings)
        trained = steps.compress("qat", keras, data, recipe, custom_objects, None)
    holds = climb("plain", [("as the recipe says", settings)])
    why = scheme_refusal(target.runtimes.ship, msgspec.structs.replace(settings, int16_layers=("*",)))
    calibrations = [c for c in ("percentile", "mse", "entropy") if c != settings.calibration]
    for name, rung in (
        ("calibration", lambda: ways(*({"calibration": c} for c in calibrations))),
        ("equalization", lambda: ways({"equalize": True})),
        ("bias correction", lambda: ways({"bias_correction": True})),
        ("learned rounding", lambda: ways({"rounding": "gptq"})),
        ("layers in int16", lambda: ways({"int16_layers": noisiest(), "bias_correction": False})),
        ("training", lambda: [(TRAINED, found)] if keras else []),
    ):
        if holds:
            break
        if name == "layers in int16" and why:
            rungs.append(Rung(name, "", None, None, 0, 0.0, False, why))
            continue
        holds = climb(name, rung())
    assert model and best
    last = rungs[-1].name
    if holds:
        note = f"rescue: stopped at {last}: {best[0]:.2f} points lost on held-out samples, the budget allows {limit:g}"
    else:
        note = f"rescue: no remedy brought the loss below {best[0]:.2f} points, and the budget allows {limit:g}"
    return Rescued(model, found, tuple(rungs), note)


def _lost(measurements: list[Measurement]) -> tuple[float, float]:
    """Points of accuracy (without labels: of agreement) that are lost, and the SQNR in dB."""
    values = {m.name: m.value for m in measurements}
    lost = values.get("accuracy_drop")
    if lost is None:
        lost = 100 - (values.get("fidelity") or 0)
    sqnr = values.get("sqnr")
    return lost, 200.0 if sqnr is None else sqnr


def _noisiest(explained: Explanation) -> tuple[str, ...]:
    """Names of the layers whose own quantization adds the most noise."""
    noise: dict[str, float] = {}
    for tensor in explained.tensors:
        alone = tensor.operator_alone
        if alone and alone.sqnr_db is not None and tensor.layer:
            noise[tensor.layer] = min(alone.sqnr_db, noise.get(tensor.layer, alone.sqnr_db))
    ordered = sorted(noise, key=lambda layer: (noise[layer], layer))
    return tuple(ordered[: max(1, round(INT16_SHARE * len(ordered)))])
