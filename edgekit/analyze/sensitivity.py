"""What happens to a model's error when one layer loses weights, bits or channels, without a conversion for each.

The model stays a Keras model: a layer's weights are replaced in place, and the samples run through what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from edgekit.analyze.curves import ACTIVATION_BITS, Curve, Effect, Part, Point, SensitivityCurves, Sweep
from edgekit.compress.allocate import mean_loss
from edgekit.compress.changes import Changes, applied, coarsened, has_channels, has_kernels, narrowed, pruned, rounding
from edgekit.compress.fine_tune import Progress
from edgekit.compress.layers import chosen, kernels, prunable, prunable_weights
from edgekit.compress.settings import Selection
from edgekit.compress.simulation import Simulation
from edgekit.compress.targets import TrainingTargets, training_targets
from edgekit.data.calibration import calibration_rows
from edgekit.data.overlap import digests
from edgekit.data.read import read_dataset
from edgekit.data.samples import Samples, prepared, stratified
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Work, stage
from edgekit.errors import RecipeError
from edgekit.measure.accuracy import sqnr
from edgekit.measure.metrics import classes
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras
from edgekit.types import Artifact


@stage("sensitivity", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def sensitivity_file(
    work: Work, model: Artifact, data: DataSpec, settings: Sweep, custom_objects: str
) -> SensitivityCurves:
    """Measures the sensitivity of the model in a file.

    Raises:
      RecipeError: it has no layer that the method can change, or a pattern fits none.
      DataError: calibration leaves no training samples.
    """
    loaded = open_keras(model.path, custom_objects)
    samples = held_out(data, settings)
    with custom_scope(custom_objects):
        taught = training_targets(loaded, samples, data, None, None)
        return sensitivity(loaded, prepared(samples, data), samples.y, taught, settings, work.progress)


def sensitivity(
    model: Any,
    x: list[Any],
    y: Any,
    taught: TrainingTargets,
    settings: Sweep,
    progress: Progress = lambda text, share: None,
) -> SensitivityCurves:
    """What each layer tolerates, one at a time.

    Args:
      model: `tf_keras.Model`; it is the same afterwards.
      x: prepared samples, for each input (N, …).
      y: class indices (N,), or None.
      taught: the loss, and its targets for these samples.

    Raises:
      RecipeError: see `sensitivity_file`.
    """
    layers = concerned(model, settings)
    simulation = Simulation(model, x)
    reference = simulation.outputs()
    before = effect(reference, reference, y, taught)
    curves = []
    for n, layer in enumerate(layers):
        points = []
        for of, level in trials(settings):
            progress(f"{layer.name} {level:g}", n / len(layers))
            with changed(simulation, [(layer, of, level)], settings):
                now = effect(simulation.outputs_after(layer.name), reference, y, taught)
            points.append(Point(level, of, now, ratio(before.error, now.error)))
        curves.append(Curve(layer.name, type(layer).__name__, changeable(layer, settings), tuple(points)))
    return SensitivityCurves(settings.method, y is not None, len(x[0]), before, tuple(curves))


def held_out(data: DataSpec, settings: Sweep) -> Samples:
    """Training samples that calibration does not use, of each class its share: those held out, and where they are too
    few others, for nothing trains here; no others where samples are of groups, which calibration would have seen.

    Raises:
      DataError: there are too few samples to hold some out.
    """
    import numpy as np

    dataset = read_dataset(replace(data, held_out=True))
    rest, train = dataset.held_out, dataset.train
    assert rest is not None
    if rest.number < settings.samples and train.group is None and not data.reserve:
        whole = read_dataset(replace(data, held_out=False)).train
        seen = calibration_rows(dataset, settings.quantize.calibration_samples if settings.quantize else 1, data.seed)[
            0
        ]
        calibrated = set(digests(train.take(seen)))
        rest = whole.take(np.array([digest not in calibrated for digest in digests(whole)], bool))
    return rest.take(stratified(rest.y, rest.number, min(settings.samples, rest.number), data.seed))


def concerned(model: Any, settings: Sweep) -> list[Any]:
    """The layers that a method can change, in the model's order.

    Raises:
      RecipeError: there is none, or a pattern of those to leave out matches none.
    """
    able = {"prune": prunable, "quantize": has_kernels, "channels": has_channels}[settings.method]
    # The model's outputs are no channels to choose from.
    ends: Any = ("last",) if settings.method == "channels" else ()
    layers = chosen(model, Selection(exclude=settings.exclude, protect=ends), able, f"sensitivity to {settings.method}")
    if not layers:
        raise RecipeError(f"sensitivity to {settings.method}: the model has no layer that can be changed so")
    return layers


def trials(settings: Sweep) -> list[tuple[Part, float]]:
    """What is tried on each layer."""
    activations: list[tuple[Part, float]] = [("activations", ACTIVATION_BITS)] if settings.method == "quantize" else []
    return [("weights", level) for level in settings.levels] + activations


def changes(layer: Any, level: float, settings: Sweep) -> Changes:
    """What a level makes of a layer's weights."""
    if settings.method == "quantize":
        return coarsened(layer, round(level), settings.quantize.granularity if settings.quantize else "channel")
    return pruned(layer, level) if settings.method == "prune" else narrowed(layer, level)


def changeable(layer: Any, settings: Sweep) -> int:
    """How many weights of a layer a method changes."""
    weights = prunable_weights(layer) if settings.method == "prune" else kernels(layer)
    return sum(w.shape.num_elements() for w in weights)


@contextmanager
def changed(simulation: Simulation, choices: Sequence[tuple[Any, Part, float]], settings: Sweep) -> Iterator[None]:
    """Layers at other levels, in a simulation too, until the end.

    Args:
      choices: (layer, part, level) of each change.
    """
    weights = [c for layer, of, level in choices if of == "weights" for c in changes(layer, level, settings)]
    rounded = [layer for layer, of, _ in choices if of == "activations"]
    names = {layer.name for layer in rounded}
    with applied(weights), rounding(rounded, round(ACTIVATION_BITS)), simulation.retraced(names):
        yield


def effect(outputs: list[Any], reference: list[Any], y: Any, taught: TrainingTargets) -> Effect:
    """How outputs answer.

    Args:
      outputs: for each output of the model (N, …) float32; classes are those of the first.
      reference: the float model's.
      y: class indices (N,), or None: then classes are compared with the reference's.
    """
    rows = [o.reshape(len(o), -1) for o in outputs]
    floats = [o.reshape(len(o), -1) for o in reference]
    wanted = classes(floats[0]) if y is None else y
    noises = [sqnr(a, b).value for a, b in zip(rows, floats, strict=True)]
    worst = min((v for v in noises if v is not None), default=None)
    return Effect(100 * float((classes(rows[0]) != wanted).mean()), mean_loss(outputs, taught), worst)


def ratio(before: float, after: float) -> float | None:
    """(E - E0) / E0 of two error rates; None where E0 is 0."""
    return (after - before) / before if before else None
