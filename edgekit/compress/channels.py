"""Removal of whole channels and neurons, with fine-tuning: a smaller model that is as dense as before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from edgekit.compress.blocks import without_blocks
from edgekit.compress.cost import Cost, cost
from edgekit.compress.dependencies import CONVOLUTIONS, Dependencies, Group
from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.layers import chosen, flattened, setting
from edgekit.compress.narrow import narrowed
from edgekit.compress.ranking import rank
from edgekit.compress.settings import Pattern, Selection, Share
from edgekit.compress.targets import Objective, TrainingTargets, training_targets
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.config import Positive
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, silent, stage
from edgekit.errors import RecipeError
from edgekit.model.custom import custom_scope
from edgekit.model.read import KERAS, open_keras, save
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

WHERE = "recipe.channels"
STEPS = 8
"""In which the channels of a round go by Taylor: what it says of one holds while the others are there, so gradients are
taken anew after every few."""
MOST = 0.999
"""Share of a group's channels that can be asked for; one always stays."""

FEW = 32
"""Samples by which a rehearsal ranks channels."""
NAMED = 6
"""Layers in a note; of more there is only the number."""


class Channels(Selection, Technique, frozen=True, kw_only=True):
    """Whole channels and neurons removed, so that the model is smaller and stays dense."""

    sparsity: Share
    """Share to remove."""
    of: Literal["channels", "parameters", "macs", "bytes"] = "channels"
    """What the share is a share of: the channels of each layer that is not protected, or the model's parameters,
    multiply-accumulates, or bytes as int8."""
    by: Literal["l1", "l2", "taylor", "batchnorm", "connectivity", "random"] = "l2"
    """How channels are ranked; `random` is the baseline that every other has to beat."""
    scope: Literal["layer", "model"] = "layer"
    """Whether each layer gives its share, or the lowest ranks of the whole model go."""
    layers: dict[Pattern, Share] = field(default_factory=dict)
    """Another sparsity for some layers, by pattern; 0 leaves them."""
    widths: dict[Pattern, Positive] = field(default_factory=dict)
    """How many channels some layers keep, by pattern, instead of a share."""
    multiple_of: Positive = 1
    """What the number of channels that stay is rounded up to, as the hardware likes it: 4, 8, 16."""
    rounds: Positive = 1
    """Remove a little and fine-tune, so many times."""
    blocks: Share = 0.0
    """Share of the residual blocks to remove whole, before channels."""

    def told(self, name: str) -> str:
        """See `Technique`."""
        if not self.sparsity and self.widths:
            return f"narrowed {len(self.widths)} layers"
        return f"narrowed by {100 * self.sparsity:g} % of its {self.of}"

    def call(self, model: Artifact, given: Given) -> Call[ChannelFacts]:
        """The stage `channels_file`."""
        return channels_file(model, given.data, self, given.seed, given.custom_objects, given.answers, given.objective)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """Narrowed in one round, its channels ranked by few samples."""
        few = given.train.take(slice(FEW))
        taught = training_targets(model, few, given.data, None, None)
        once = replace(self, rounds=1)
        return remove_channels(model, prepared(few, given.data), taught, once, given.seed, silent)[0]


class ChannelFacts(Struct, frozen=True):
    """What the removal of channels did."""

    channels: dict[str, tuple[int, int]]
    """Of each layer that lost some: how many it had, and has."""
    parameters: tuple[int, int]
    macs: tuple[int, int]
    notes: tuple[str, ...] = ()
    """What is to be changed where it did nothing."""
    remarks: tuple[str, ...] = ()
    """What was left as it is, and why."""


@stage("channels", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def channels_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Channels,
    seed: int,
    custom_objects: str,
    answers: Artifact | None,
    objective: Objective | None = None,
) -> ChannelFacts:
    """Removes channels of the model in a file and writes the result to `folder`.

    Raises:
      RecipeError: a pattern fits no layer, or the model cannot give what is asked for.
    """
    loaded = open_keras(model.path, custom_objects)
    dataset = read_dataset(data)
    with custom_scope(custom_objects):
        taught = training_targets(loaded, dataset.train, data, answers, objective, dataset.held_out)
        smaller, said = remove_channels(loaded, prepared(dataset.train, data), taught, settings, seed, work.progress)
    save(smaller, work.folder / KERAS)
    return said


def remove_channels(
    model: Any, x: list[Any], taught: TrainingTargets, settings: Channels, seed: int, progress: Progress
) -> tuple[Any, ChannelFacts]:
    """Removes the channels that matter least, in as many rounds as the settings say, and trains after each.

    Args:
      model: `tf_keras.Model`; it stays as it is.
      x: prepared training samples, for each input (N, …).

    Returns:
      a dense `tf_keras.Model` with the same inputs and outputs, and what was removed.

    Raises:
      RecipeError: a pattern fits no layer, or the model cannot give what is asked for.

    Sources: Li et al. 2017, "Pruning Filters for Efficient ConvNets" (norms); Molchanov et al. 2019 (Taylor);
    Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (BatchNorm).
    """
    model = flattened(model)
    names = {layer.name for layer in chosen(model, settings, _has_channels, WHERE)}
    original, notes, remarks = cost(model), list[str](), list[str]()
    widths = _widths(model)
    sizes: dict[tuple[str, ...], int] = {}
    if settings.blocks:
        model, gone = without_blocks(model, x, taught, settings.blocks)
        ends = f"removed the residual blocks that end in {', '.join(gone)}"
        none = (
            f"no residual block is removed: {settings.blocks:g} of them is less than one; raise recipe.channels.blocks"
        )
        remarks += [ends] if gone else []
        notes += [] if gone else [none]
    steps = STEPS if settings.by == "taylor" else 1
    for done in range(1, settings.rounds * steps + 1):
        found = Dependencies(model)
        scores = rank(settings.by, model, found, x, taught, settings.batch_size, seed)
        groups = _eligible(found, scores, settings, names)
        if done == 1:
            sizes = {group.layers: len(group.labels) for group in groups}
            remarks += _kept(found, scores, settings, names)
            if not groups and _asked(settings):
                others = ", ".join(layer.name for layer in model.layers if _has_channels(layer))
                left = f" ({others} are protected or excluded)" if others else ""
                why = "; ".join(remarks) or f"no layer that may be narrowed makes any{left}; see exclude, protect"
                raise RecipeError(f"{WHERE}: no channel can be removed: {why}")
        groups = [group for group in groups if group.layers in sizes]  # single channels may become one group later
        share = done / (settings.rounds * steps)
        model = narrowed(model, found, _select(model, found, groups, scores, settings, original, sizes, share))
        if done % steps == 0:
            fine_tune(model, x, taught, settings, seed, progress)
    after, now = cost(model), _widths(model)
    narrower = {name: (width, now[name]) for name, width in widths.items() if now.get(name, width) != width}
    if sizes and not narrower and _asked(settings):
        most = f"rounded up to a multiple of {settings.multiple_of}" if settings.multiple_of > 1 else "rounded"
        notes.append(f"no channel is removed: what stays of each layer, {most}, is all of it; raise the sparsity")
    said = ChannelFacts(
        channels=narrower,
        parameters=(original.parameters, after.parameters),
        macs=(original.macs, after.macs),
        notes=tuple(notes),
        remarks=tuple(remarks),
    )
    return model, said


def _asked(settings: Channels) -> bool:
    """Whether channels are to go at all."""
    return settings.sparsity > 0 or any(settings.layers.values()) or bool(settings.widths)


def _eligible(found: Dependencies, scores: np.ndarray, settings: Channels, names: set[str]) -> list[Group]:
    """The groups that may lose channels: all layers that make them are chosen, and ranked.

    Args:
      names: of the chosen layers.
    """
    import numpy as np

    groups = [g for g in found.groups() if set(g.layers) <= names and not np.isnan(scores[g.labels]).any()]
    if settings.by == "batchnorm" and not groups:
        raise RecipeError(
            f'{WHERE}.by: no layer is followed by a BatchNormalization with a scale; use "l2" or "taylor"'
        )
    return groups


def _kept(found: Dependencies, scores: np.ndarray, settings: Channels, names: set[str]) -> list[str]:
    """What keeps channels of the chosen layers from being removed."""
    import numpy as np

    reasons = {why: dict(counts) for why, counts in found.kept().items()}
    for group in found.groups():
        if others := set(group.layers) - names:
            why = f"they go with those of {', '.join(sorted(others))}, which is not to be narrowed"
        elif np.isnan(scores[group.labels]).any():
            why = f'by = "{settings.by}" does not rank them'
        else:
            continue
        reasons.setdefault(why, {}).update({layer: len(group.labels) for layer in group.layers})
    said = []
    for why, counts in reasons.items():
        layers = [f"{n} of {layer}" for layer, n in counts.items() if layer in names]
        more = f" and those of {len(layers) - NAMED} more layers" if len(layers) > NAMED else ""
        if layers:
            said.append(f"channels stay, {', '.join(layers[:NAMED])}{more}: {why}")
    return said


def _select(
    model: Any,
    found: Dependencies,
    groups: list[Group],
    scores: np.ndarray,
    settings: Channels,
    original: Cost,
    sizes: dict[tuple[str, ...], int],
    share: float,
) -> np.ndarray:
    """The labels that go in a round.

    Args:
      original: what the model cost before all rounds.
      sizes: of each group before all rounds.
      share: of the whole removal that is done after this round.
    """
    import numpy as np

    def lowest(sparsity: float) -> np.ndarray:
        """What goes if so large a share of the original channels is to be gone."""
        stay = _stay(groups, scores, settings, sizes, sparsity, share)
        gone = [g.labels[np.argsort(scores[g.labels], kind="stable")[:-n]] for g, n in zip(groups, stay, strict=True)]
        return np.concatenate([np.array([], dtype=np.int64), *gone])

    def saved(sparsity: float) -> float:
        return 1 - getattr(cost(model, found, lowest(sparsity)), settings.of) / getattr(original, settings.of)

    if settings.of == "channels":
        return lowest(settings.sparsity)
    target = settings.sparsity * share
    if saved(MOST) < target:
        round_up = f" in multiples of {settings.multiple_of}" if settings.multiple_of > 1 else ""
        raise RecipeError(
            f"{WHERE}.sparsity: {100 * target:.0f} % of the {settings.of} is asked for, but {100 * saved(MOST):.0f} % "
            f"is the most that the chosen layers can give{round_up}; lower it, or protect fewer layers"
        )
    low, high = 0.0, MOST
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if saved(middle) >= target else (middle, high)
    return lowest(high)


def _stay(
    groups: list[Group],
    scores: np.ndarray,
    settings: Channels,
    sizes: dict[tuple[str, ...], int],
    sparsity: float,
    share: float,
) -> list[int]:
    """How many channels of each group stay: at least one, and as many as the hardware likes."""
    import numpy as np

    own = [_own(g, settings, sizes[g.layers]) for g in groups]
    stay = [sizes[g.layers] * (1 - share * (s if s >= 0 else sparsity)) for g, s in zip(groups, own, strict=True)]
    free = [n for n, s in enumerate(own) if s < 0]
    if settings.scope == "model" and free:
        # Norms are compared relative to their group's mean; what Taylor says is in units of the loss everywhere.
        mean = {n: 1.0 if settings.by == "taylor" else scores[groups[n].labels].mean() or 1.0 for n in free}
        pooled = np.concatenate([scores[groups[n].labels] / mean[n] for n in free])
        owner = np.repeat(free, [len(groups[n].labels) for n in free])
        total = sum(sizes[groups[n].layers] for n in free)
        most = max(1, round(total * (1 - share * sparsity)))
        kept = np.bincount(owner[np.argsort(-pooled, kind="stable")[:most]], minlength=len(groups))
        stay = [kept[n] if n in free else stay[n] for n in range(len(groups))]
    rounded = [settings.multiple_of * math.ceil(max(1, round(n)) / settings.multiple_of) for n in stay]
    return [min(len(g.labels), n) for g, n in zip(groups, rounded, strict=True)]


def _own(group: Group, settings: Channels, size: int) -> float:
    """The smallest sparsity that patterns give to a layer of the group; -1 where none does.

    Args:
      size: how many channels it had.
    """
    widths = [setting(layer, settings.widths, 0) for layer in group.layers]
    given = [setting(layer, settings.layers, -1.0) for layer in group.layers]
    given += [1 - min(width, size) / size for width in widths if width]
    return min((share for share in given if share >= 0), default=-1.0)


def _has_channels(layer: Any) -> bool:
    return type(layer).__name__ in CONVOLUTIONS


def _widths(model: Any) -> dict[str, int]:
    """Output channels of each layer that makes some."""
    return {layer.name: int(layer.get_output_shape_at(0)[-1]) for layer in model.layers if _has_channels(layer)}
