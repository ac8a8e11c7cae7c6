"""Pruning of single weights, with fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct, field

from edgekit.compress.allocate import allocate
from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.kept import kept
from edgekit.compress.layers import chosen, flat, kernels, prunable, prunable_weights, setting
from edgekit.compress.masks import magnitude_mask, shares_of_smallest, two_of_four_mask
from edgekit.compress.saliency_pruning import Masking, prune_in_rounds
from edgekit.compress.settings import Pattern, Selection, Share
from edgekit.compress.targets import Objective, TrainingTargets, training_targets
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.config import Settings
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, open_keras, save
from edgekit.types import Artifact

WHERE = "recipe.prune"
ROWS = frozenset("Dense Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D".split())
"""Layers with kernels of (…, inputs, outputs)."""


class Prune(Selection, Technique, frozen=True, kw_only=True):
    """Single weights set to zero, while the model trains on.

    Source: Zhu and Gupta 2017, "To prune, or not to prune", section 3 (the polynomial schedule).
    """

    sparsity: Share
    """Share of the weights of the chosen layers that end as zero."""
    by: Literal["magnitude", "gradient"] = "magnitude"
    """`gradient`: |weight x gradient| over training batches, which is how much the loss depends on the weight."""
    scope: Literal["layer", "model", "sensitivity"] = "layer"
    """Each layer the same share; the smallest of the whole model; or each layer as much as it tolerates."""
    pattern: Literal["any", "2:4"] = "any"
    """`2:4`: two of every four neighbours, as some hardware computes them; the sparsity is then 0.5."""
    layers: dict[Pattern, Share] = field(default_factory=dict)
    """Another sparsity for some layers, by pattern; 0 leaves them."""
    protect: tuple[Literal["first", "last"], ...] = ()
    schedule: Literal["polynomial", "constant"] = "polynomial"
    initial_sparsity: Share = 0.0
    """Where the polynomial schedule starts."""
    settle: Share = 0.25
    """Share of the training at the end in which the masks stay as they are, so that the rest can recover."""
    required: bool = False
    """Whether a model that cannot be pruned is an error; otherwise the report says why it was not."""

    @property
    def demanded(self) -> bool:
        """As `required` says."""
        return self.required

    def told(self, name: str) -> str:
        """See `Technique`."""
        return f"pruned to {100 * self.sparsity:g} %"

    @property
    def masking(self) -> Masking:
        """Which weights become zero, and when."""
        return Masking(self.by, self.pattern, self.schedule, self.initial_sparsity, self.settle)

    def problem(self, quantize: Settings | None) -> str:
        """A pattern with another sparsity than its own."""
        if self.pattern == "2:4" and any(share not in (0, 0.5) for share in (*self.layers.values(), self.sparsity)):
            return f'{WHERE}: the pattern "2:4" is a sparsity of 0.5; write sparsity = 0.5'
        return ""

    def call(self, model: Artifact, given: Given) -> Call[PruneFacts]:
        """The stage `prune_file`."""
        return prune_file(model, given.data, self, given.seed, given.custom_objects, given.answers, given.objective)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """As it is: zeros change no architecture."""
        check_prune(model, self)
        return model

    @staticmethod
    def fits(layer: Any) -> bool:
        """Whether TFMOT prunes it."""
        return prunable(layer)


class PruneFacts(Struct, frozen=True):
    """What pruning did."""

    sparsity: dict[str, float]
    """Share of zeros in the weights of each pruned layer."""
    left: tuple[str, ...]
    """Layers with weights that were not pruned."""


@stage("prune", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def prune_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Prune,
    seed: int,
    custom_objects: str,
    answers: Artifact | None,
    objective: Objective | None = None,
) -> PruneFacts:
    """Prunes the model in a file and writes the result to `folder`; one without a prunable layer is copied.

    Raises:
      RecipeError: no layer can be pruned, and `settings.required`; or a pattern fits no layer.
    """
    loaded = open_keras(model.path, custom_objects)
    layers = check_prune(loaded, settings)
    if layers:
        dataset = read_dataset(data)
        with custom_scope(custom_objects):
            taught = training_targets(loaded, dataset.train, data, answers, objective, dataset.held_out)
            loaded = prune(loaded, prepared(dataset.train, data), taught, settings, seed, work.progress)
    save(loaded, work.folder / KERAS)
    return _facts(loaded, {layer.name for layer in layers})


def check_prune(model: Any, settings: Prune) -> list[Any]:
    """The layers of a `tf_keras` model that are pruned.

    Raises:
      RecipeError: there are none, and `settings.required`; or a pattern fits no layer.
    """
    layers = chosen(model, settings, _able(settings), WHERE)
    if not layers and settings.required:
        raise RecipeError(f"{WHERE}: the model has no layer that can be pruned; set recipe.prune = false")
    return layers


def prune(model: Any, x: list[Any], taught: TrainingTargets, settings: Prune, seed: int, progress: Progress) -> Any:
    """Sets the weights of each chosen layer to zero that matter least, while the model trains on.

    Args:
      model: `tf_keras.Model`; its layers are taken over.
      x: prepared training samples, for each input (N, …).

    Returns:
      `tf_keras.Model` of the same architecture.

    Source: Zhu and Gupta 2017, "To prune, or not to prune"; TFMOT's `prune_low_magnitude`.
    """
    import numpy as np

    shares, pooled = sparsities(model, x, taught, settings)
    weights = {layer.name: prunable_weights(layer) for layer in flat(model) if layer.name in shares}
    # TFMOT knows the pattern for few shapes, and prunes all that share a value or none of it.
    own = settings.epochs and (settings.pattern == "2:4" or "clusters" in kept(model))
    if settings.by == "gradient" or own:
        return prune_in_rounds(model, weights, shares, pooled, x, taught, settings, settings.masking, seed, progress)
    if pooled:
        sizes = {name: np.concatenate([np.abs(w.numpy()).ravel() for w in weights[name]]) for name in pooled}
        shares |= shares_of_smallest(sizes, settings.sparsity)
    if settings.epochs == 0:
        for name, variables in weights.items():
            for w in variables:
                four = settings.pattern == "2:4"
                w.assign(w * (two_of_four_mask(w.numpy()) if four else magnitude_mask(w.numpy(), shares[name])))
        return model
    return _prune_by_magnitude(model, x, taught, settings, shares, seed, progress)


def sparsities(
    model: Any, x: list[Any], taught: TrainingTargets, settings: Prune
) -> tuple[dict[str, float], list[str]]:
    """The share of weights that goes, for each chosen layer; and the layers that share theirs among them."""
    layers = check_prune(model, settings)
    shares = {layer.name: setting(layer.name, settings.layers, settings.sparsity) for layer in layers}
    free = [name for name in shares if not any(fnmatchcase(name, pattern) for pattern in settings.layers)]
    if settings.scope == "sensitivity" and free:
        shares |= allocate(model, x, taught, free, settings.sparsity)
    return {name: share for name, share in shares.items() if share}, free if settings.scope == "model" else []


def _able(settings: Prune) -> Callable[[Any], bool]:
    """Which layers can be pruned so: neighbours are those along a kernel's inputs, which come last but one."""
    if settings.pattern == "any":
        return prunable
    return lambda layer: prunable(layer) and type(layer).__name__ in ROWS


def _prune_by_magnitude(
    model: Any,
    x: list[Any],
    taught: TrainingTargets,
    settings: Prune,
    shares: dict[str, float],
    seed: int,
    progress: Progress,
) -> Any:
    import tf_keras
    from tensorflow_model_optimization.sparsity import keras as sparsity

    steps = settings.epochs * -(-len(x[0]) // settings.batch_size)
    end = max(1, round(steps * (1 - settings.settle)))
    frequency = max(1, end // 30)

    def schedule(share: float) -> Any:
        if settings.schedule == "constant":
            return sparsity.ConstantSparsity(share, 0, max(1, end), frequency)
        start = min(settings.initial_sparsity, share)
        return sparsity.PolynomialDecay(start, share, 0, end, frequency=frequency)

    def wrapped(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=wrapped)
        if not shares.get(layer.name):
            return layer
        return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule(shares[layer.name]))

    pruned = wrapped(model)
    last = 1 + end // max(1, steps // max(1, settings.epochs))
    fine_tune(pruned, x, taught, settings, seed, progress, (sparsity.UpdatePruningStep(),), patient_from=last)
    return sparsity.strip_pruning(pruned)


def _facts(model: Any, pruned: set[str]) -> PruneFacts:
    import numpy as np

    shares, left = {}, []
    for layer in flat(model):
        weights = [w.numpy() for w in kernels(layer)]
        if weights and layer.name in pruned:
            shares[layer.name] = float(np.mean(np.concatenate([k.ravel() for k in weights]) == 0))
        elif weights:
            left.append(layer.name)
    return PruneFacts(shares, tuple(left))
