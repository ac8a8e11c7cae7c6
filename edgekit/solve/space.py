"""What a search chooses from: it comes from the model, the target and `[solve]`."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from edgekit.analyze.curves import SensitivityCurves
from edgekit.compress.channels import Channels
from edgekit.compress.cluster import Cluster, clusterable
from edgekit.compress.dependencies import Dependencies
from edgekit.compress.distil import Distil
from edgekit.compress.greedy import Level, greedy_allocation, rise, shares
from edgekit.compress.layers import chosen, flattened, kernels, prunable
from edgekit.compress.prune import Prune
from edgekit.compress.settings import Selection
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Work, stage
from edgekit.errors import TargetError
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras
from edgekit.profile.recipe import Recipe
from edgekit.profile.solve import TECHNIQUES, Solve
from edgekit.profile.target import Target
from edgekit.quantize.qat import Qat
from edgekit.runtimes import engine
from edgekit.types import Artifact

OWN = 8
"""Groups of channels at most that have a choice of their own; of more, those that tolerate alike share one."""
LADDER = (0.5, 0.3, 0.18, 0.1, 0.05, 0.025)
"""Shares of all weights that the first trials keep; where a cost is minimized, the last"""
STRONG = 3
"""come first, for what is larger than one of them that holds every limit need not be trained."""
NONE = "none"


class Selections(Struct, frozen=True):
    """Which layers the techniques that take some may change."""

    channels: Selection = Selection(protect=())
    prune: Selection = Selection(protect=())
    cluster: Selection = Selection(protect=())


class ChannelGroup(Struct, frozen=True):
    """Channels that the same layers make, and can only go together."""

    layers: tuple[str, ...]
    channels: int
    weights: int
    """Of those layers."""


class ModelFacts(Struct, frozen=True):
    """What can be done to a model."""

    groups: tuple[ChannelGroup, ...]
    prunable: int
    """Layers that can be pruned,"""
    clusterable: int
    """and clustered."""


class Parameter(Struct, frozen=True):
    """One choice."""

    name: str
    kind: Literal["count", "number", "one of"]
    low: float = 0
    high: float = 0
    options: tuple[int | float | str, ...] = ()
    groups: tuple[ChannelGroup, ...] = ()
    """Whose width it is: of one the count of channels, of several the share."""


class Space(Struct, frozen=True):
    """All choices, and what is tried first."""

    parameters: tuple[Parameter, ...]
    first: tuple[dict[str, Any], ...]
    base: Recipe
    """What every recipe has: how it quantizes and shrinks."""
    tables: bool
    """Whether shared values become tables in the file or in C, so that costs depend on weights."""
    selections: Selections = Selections()


@stage("space", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def groups_file(work: Work, model: Artifact, custom_objects: str, selections: Selections) -> ModelFacts:
    """Which channels of the model in a file go together, and what its layers allow.

    Raises:
      RecipeError: a pattern fits no layer.
    """
    loaded = flattened(open_keras(model.path, custom_objects))
    with custom_scope(custom_objects):
        weights = {layer.name: sum(w.shape.num_elements() for w in kernels(layer)) for layer in loaded.layers}
        narrowable = {layer.name for layer in chosen(loaded, selections.channels, _any, "recipe.channels")}
        groups = tuple(
            ChannelGroup(group.layers, len(group.labels), sum(weights[name] for name in group.layers))
            for group in Dependencies(loaded).groups()
            if len(group.labels) > 1 and narrowable.issuperset(group.layers)
        )
    pruned = chosen(loaded, selections.prune, prunable, "recipe.prune")
    clustered = chosen(loaded, selections.cluster, clusterable, "recipe.cluster")
    return ModelFacts(groups, len(pruned), len(clustered))


def _any(layer: Any) -> bool:
    return True


def selections_of(recipe: Recipe) -> Selections:
    """Which layers a target's recipe lets each technique change; what it does not speak of may change throughout."""
    parts = (recipe.channels, recipe.prune, recipe.cluster)
    return Selections(*(Selection(exclude=p.exclude, protect=p.protect) if p else Selection(protect=()) for p in parts))


def space_of(facts: ModelFacts, curves: SensitivityCurves | None, target: Target) -> Space:
    """The choices for a model and a target.

    Args:
      curves: what each layer tolerates to lose of its channels, where some can go.

    Raises:
      TargetError: there is nothing to choose.
    """
    settings, recipe = target.solve, target.recipe
    tables = _tables(target)
    deflated = "download_size" in settings.costs or target.budget.download_size is not None
    used = {"channels": bool(facts.groups), "cluster": facts.clusterable and (tables or deflated)}
    used |= {"prune": facts.prunable and deflated, "distil": True, "qat": _int8(recipe)}
    used = {name: bool(fits) and name in settings.techniques for name, fits in used.items()}
    widths = _widths(facts, curves, settings) if used["channels"] else []
    parameters = list(widths)
    if used["prune"]:
        low, high = settings.ranges.sparsity
        parameters.append(Parameter("sparsity", "number", low, high))
    if used["cluster"] and settings.ranges.clusters:
        parameters.append(Parameter("clusters", "one of", options=(NONE, *settings.ranges.clusters)))
    if used["qat"]:
        parameters.append(Parameter("qat", "one of", options=("no", "yes")))
    if used["distil"]:
        parameters.append(Parameter("learning_rate", "number", *settings.ranges.learning_rate))
    if not any(p.kind == "one of" or p.low < p.high for p in parameters):
        raise TargetError(
            f"{target.name}: solve.techniques: nothing to choose: this model, target and ranges leave "
            f"{', '.join(settings.techniques) or 'no technique'} no room; name others, or widen solve.ranges"
        )
    base = Recipe(
        seed=recipe.seed,
        input_shape=recipe.input_shape,
        reserve=True,
        quantize=recipe.quantize and replace(recipe.quantize, rescue=False),  # whose remedies are no choice of a trial
        shrink=recipe.shrink,
    )
    ladder = (*LADDER[-STRONG:], *reversed(LADDER[:-STRONG])) if settings.costs else LADDER
    first = tuple(_first(parameters, widths, curves, ladder))
    return Space(tuple(parameters), first, base, tables, selections_of(recipe))


def recipe_of(space: Space, chosen: dict[str, Any], epochs: int, settings: Solve) -> Recipe:
    """The recipe of some choices.

    Args:
      epochs: of its training.
    """
    rate = rounded(chosen.get("learning_rate", 2e-3))
    widths: dict[str, int] = {}
    for parameter in space.parameters:
        for group in parameter.groups:
            share = chosen[parameter.name] if len(parameter.groups) > 1 else chosen[parameter.name] / group.channels
            width = max(1, round(share * group.channels))
            widths |= dict.fromkeys(map(glob.escape, group.layers), width) if width < group.channels else {}
    taught = "distil" in settings.techniques
    after, may = max(1, epochs // 4), space.selections
    parts: dict[str, Any] = {}
    if widths:
        own = {"epochs": 0} if taught else {"epochs": epochs, "learning_rate": rate, "decay": "cosine"}
        parts["channels"] = Channels(sparsity=0.0, widths=widths, **_spared(may.channels), **own)
    if sparsity := round(chosen.get("sparsity", 0.0), 2):
        parts["prune"] = Prune(sparsity=sparsity, epochs=after, learning_rate=rounded(rate / 2), **_spared(may.prune))
    if (clusters := chosen.get("clusters", NONE)) != NONE:
        parts["cluster"] = Cluster(
            clusters=clusters, epochs=after, learning_rate=rounded(rate / 4), decay="cosine", **_spared(may.cluster)
        )
    if chosen.get("qat") == "yes":
        parts["qat"] = Qat(epochs=after, learning_rate=rounded(rate / 10), decay="cosine")
    if taught:
        during = tuple(name for name in parts if name != "channels")
        parts["distil"] = Distil(epochs=epochs, learning_rate=rate, decay="cosine", during=during)
    order = tuple(name for name in TECHNIQUES if name in parts)
    return replace(space.base, order=order, **parts)


def _spared(selection: Selection) -> dict[str, Any]:
    """What a technique leaves as it is, as its settings have it."""
    return {"exclude": selection.exclude, "protect": selection.protect}


def rounded(rate: float) -> float:
    """A rate with as many digits as a person would write."""
    return float(f"{rate:.3g}")


def shape_of(recipe: Recipe, clusters: int | None = None) -> Recipe:
    """The recipe that gives the same shape without any training.

    Args:
      clusters: how many values the weights share; None where they share none.
    """
    channels = replace(recipe.channels, epochs=0) if recipe.channels else None
    cluster = Cluster(clusters=clusters, epochs=0, **_spared(recipe.cluster)) if clusters and recipe.cluster else None
    return replace(recipe, order=(), channels=channels, cluster=cluster, distil=None, prune=None, qat=None)


def _tables(target: Target) -> bool:
    """Whether weights that share few values take fewer bytes on the device."""
    recipe, outputs = target.recipe, target.outputs
    lookup = bool(recipe.shrink and recipe.shrink.lookup_tables) and engine(target.runtimes.ship).lookup_tables
    return lookup or bool(outputs.c_standalone and outputs.c_tables)


def _int8(recipe: Recipe) -> bool:
    return recipe.quantize is not None and recipe.quantize.scheme == "int8"


def _widths(facts: ModelFacts, curves: SensitivityCurves | None, settings: Solve) -> list[Parameter]:
    """A choice for each group of channels; where there are many, for those that tolerate alike together."""
    low, high = settings.ranges.width
    if len(facts.groups) <= OWN:
        return [
            Parameter(
                f"width of {g.layers[0]}", "count", max(1, round(low * g.channels)), round(high * g.channels), (), (g,)
            )
            for g in facts.groups
        ]
    lost = _rises(facts.groups, curves)
    ordered = sorted(facts.groups, key=lambda g: lost[g.layers][-1] if lost.get(g.layers) else 0.0)
    size = -(-len(ordered) // OWN)
    bands = [tuple(ordered[n : n + size]) for n in range(0, len(ordered), size)]
    return [Parameter(f"width of band {n}", "number", low, high, (), band) for n, band in enumerate(bands, 1)]


def _rises(groups: Sequence[ChannelGroup], curves: SensitivityCurves | None) -> dict[tuple[str, ...], list[float]]:
    """By how much the loss rises, of each group at each level."""
    if curves is None:
        return {}
    points = {curve.layer: [rise(curves.before.loss, p.effect.loss) for p in curve.points] for curve in curves.curves}
    found = {}
    for group in groups:
        rows = [points[layer] for layer in group.layers if layer in points]
        if rows:
            found[group.layers] = [sum(column) for column in zip(*rows, strict=True)]
    return found


def _first(
    parameters: list[Parameter], widths: list[Parameter], curves: SensitivityCurves | None, ladder: tuple[float, ...]
) -> list[dict[str, Any]]:
    """The first trials: all layers alike, and each as far as it tolerates.

    Args:
      ladder: the shares of all weights that they keep.
    """
    usual = {p.name: p.options[0] for p in parameters if p.kind == "one of"} | {
        p.name: p.low if p.name == "sparsity" else (p.low * p.high) ** 0.5
        for p in parameters
        if p.kind == "number" and not p.groups
    }
    if not widths:
        return [usual]
    groups = [group for parameter in widths for group in parameter.groups]
    alike = [dict.fromkeys((g.layers for g in groups), share**0.5) for share in ladder]
    lost = _rises(groups, curves)
    levels = [point.level for point in curves.curves[0].points] if curves else []
    candidates = {
        " ".join(g.layers): [
            Level(level, level * g.weights, (cost,)) for level, cost in zip(levels, lost[g.layers], strict=True)
        ]
        for g in groups
        if g.layers in lost
    }
    steps = greedy_allocation(candidates)
    sizes = {" ".join(g.layers): g.weights for g in groups}
    borne = []
    for share in ladder:
        gone = shares(steps, sizes, min(1 - share, max(levels, default=0.0)))
        borne.append({g.layers: 1 - gone[" ".join(g.layers)] for g in groups})
    trials = []
    for kept in (pair for pairs in zip(alike, borne, strict=True) for pair in pairs):
        trial = dict(usual)
        for p in widths:
            share = sum(kept[g.layers] for g in p.groups) / len(p.groups)
            value = share if p.kind == "number" else round(share * p.groups[0].channels)
            trial[p.name] = min(max(value, p.low), p.high)
        if trial not in trials:
            trials.append(trial)
    return trials
