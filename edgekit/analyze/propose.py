"""A recipe from what the layers tolerate: proposed by simulation, confirmed by conversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from edgekit.analyze.confirm import converted, error, quantized
from edgekit.analyze.curves import Choice, Curve, Part, Point, Proposal, SensitivityCurves, Sweep
from edgekit.analyze.recipe_text import recipe_text
from edgekit.analyze.sensitivity import changed, effect, held_out
from edgekit.compress.fine_tune import Progress
from edgekit.compress.greedy import Level, greedy_allocation, rise
from edgekit.compress.layers import flat
from edgekit.compress.simulation import Simulation
from edgekit.compress.targets import TrainingTargets, training_targets
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, READING, TENSORFLOW, TRAINING
from edgekit.engine.stage import Work, stage
from edgekit.measure.metrics import classes
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras
from edgekit.quantize.settings import Quantize
from edgekit.types import Artifact

Key = tuple[str, Part]
"""A layer, and what of it changes."""
Way = list[tuple[Key, Level]]


@stage("propose", process=TENSORFLOW, libraries=(*TRAINING, *READING), retry=EIGEN)
def propose_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Sweep,
    measured: SensitivityCurves,
    limit: float,
    custom_objects: str,
) -> Proposal:
    """Proposes a recipe for the model in a file, and writes it to `folder/recipe.toml`.

    Args:
      measured: of the same model, data and settings.
      limit: points that the error may rise by.
    """
    loaded, data = open_keras(model.path, custom_objects), replace(data, held_out=True)
    samples = held_out(data, settings)
    x = prepared(samples, data)
    with custom_scope(custom_objects):
        taught = training_targets(loaded, samples, data, None, None)
        found = propose(loaded, x, samples.y, taught, data, settings, measured, limit, work.progress)
    (work.folder / "recipe.toml").write_text(found.recipe)
    return found


def propose(
    model: Any,
    x: list[Any],
    y: Any,
    taught: TrainingTargets,
    data: DataSpec,
    settings: Sweep,
    measured: SensitivityCurves,
    limit: float,
    progress: Progress = lambda text, share: None,
) -> Proposal:
    """As much as the layers tolerate together.

    From the model as it is, layers go up one level at a time, always the one whose error rises least for the bytes that
    it saves (then the one whose loss does). A level that alone costs more than `limit` is not taken. A layer stops
    where its next level would make all changes together, simulated, cost more than `limit`. Then each proposed level,
    and the whole, is converted.

    Args:
      data: whose calibration set the model is quantized with, if the target quantizes.
    """
    simulation = Simulation(model, x)
    layers = {layer.name: layer for layer in flat(model)}
    reference = simulation.outputs()
    wanted = classes(reference[0].reshape(len(x[0]), -1)) if y is None else y

    def together(way: Way) -> float:
        trial = [(layers[name], of, level) for (name, of), level in _levels(way).items()]
        with changed(simulation, trial, settings):
            return effect(simulation.outputs(), reference, y, taught).error

    progress("all layers together", 0.0)
    most = measured.before.error + limit + 1e-9
    way = longest(greedy_allocation(candidates(measured, settings, limit)), lambda trial: together(trial) <= most)
    levels = _levels(way)
    choices, refused = [], []
    for n, (curve, of) in enumerate(parts(measured, settings)):
        points = _points(curve, of, settings)
        level = levels.get((curve.layer, of))
        if level is None:
            refused.append(Choice(curve.layer, of, points[0].level, points[0].effect.error, None, 0))
            continue
        progress(f"converting {curve.layer} {level:g}", 0.2 + 0.7 * n / len(measured.curves))
        point, confirmed = next(p for p in points if p.level == level), None
        if of == "weights":
            with changed(simulation, [(layers[curve.layer], of, level)], settings):
                confirmed = error(converted(model), x, wanted)
        choices.append(Choice(curve.layer, of, level, point.effect.error, confirmed, saved(curve, of, level, settings)))
    unchanged = error(converted(model), x, wanted)
    predicted, confirmed, shipped = together(way), None, None
    quantize = settings.quantize
    if settings.method == "quantize" and quantize:
        shipped = error(quantized(converted(model), data, mixed(quantize, refused)), x, wanted)
    elif settings.method != "quantize":
        with changed(simulation, [(layers[n], of, level) for (n, of), level in levels.items()], settings):
            content = converted(model)
        confirmed = error(content, x, wanted)
        if quantize:
            shipped = error(quantized(content, data, quantize), x, wanted)
    found = Proposal(limit, tuple(choices), tuple(refused), predicted, confirmed, shipped, unchanged, "")
    return replace(found, recipe=recipe_text(measured, found))


def longest(way: Way, holds: Callable[[Way], bool]) -> Way:
    """As much of a way as holds: the first steps that do, found by halving, and of the later ones each that fits, up to
    the first of its layer that does not."""
    low, high = 0, len(way)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(way[:middle]) else (low, middle - 1)
    taken, closed = way[:low], set()
    for step in way[low:]:
        if step[0] not in closed and holds([*taken, step]):
            taken.append(step)
        else:
            closed.add(step[0])
    return taken


def candidates(measured: SensitivityCurves, settings: Sweep, limit: float) -> dict[Key, list[Level]]:
    """What each layer can be asked to give, up to where it alone costs more than `limit`."""
    found = {}
    for curve, of in parts(measured, settings):
        levels = []
        for point in _points(curve, of, settings):
            cost = point.effect.error - measured.before.error, rise(measured.before.loss, point.effect.loss)
            if cost[0] > limit + 1e-9:
                break
            levels.append(Level(point.level, max(1, saved(curve, of, point.level, settings)), cost))
        found[curve.layer, of] = levels
    return found


def saved(curve: Curve, of: Part, level: float, settings: Sweep) -> int:
    """Bytes that a layer gives: of int8 weights that are zero, or of float32 weights that have fewer bits."""
    if of == "activations":
        return 0
    return round(curve.weights * (level if settings.method != "quantize" else (32 - level) / 8))


def base_bits(quantize: Quantize | None) -> float:
    """The width that a scheme gives to the weights of all layers."""
    return 4.0 if quantize and quantize.scheme == "int4" else 8.0


def mixed(quantize: Quantize, refused: list[Choice]) -> Quantize:
    """Settings of quantization that leave out what was refused."""
    floats, wide = (tuple(c.layer for c in refused if c.of == of) for of in ("weights", "activations"))
    return replace(quantize, float_layers=floats, int16_layers=tuple(name for name in wide if name not in floats))


def parts(measured: SensitivityCurves, settings: Sweep) -> list[tuple[Curve, Part]]:
    """What can be chosen: each layer's weights, and its activations where the scheme rounds them."""
    found: list[Part] = ["weights"]
    if settings.method == "quantize" and (not settings.quantize or settings.quantize.scheme in ("int8", "int4")):
        found.append("activations")
    return [(curve, of) for of in found for curve in measured.curves]


def _points(curve: Curve, of: Part, settings: Sweep) -> list[Point]:
    """The levels of a layer that a recipe can ask for, the mildest first."""
    points = [p for p in curve.points if p.of == of]
    if settings.method == "quantize" and of == "weights":
        return [p for p in points if p.level == base_bits(settings.quantize)]
    return sorted(points, key=lambda p: p.level)


def _levels(way: Way) -> dict[Key, float]:
    """Where the layers are after a way."""
    return {key: level.level for key, level in way}
