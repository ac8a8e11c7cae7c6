"""Removal of whole residual blocks: y = x + f(x) becomes y = x."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgekit.compress.targets import TrainingTargets, batch_loss
from edgekit.errors import RecipeError

SAMPLES = 512
"""Training samples on which the loss without a block is measured."""


def without_blocks(model: Any, x: list[Any], taught: TrainingTargets, share: float) -> tuple[Any, list[str]]:
    """Removes the residual blocks without which the loss grows least, one after the other.

    Args:
      model: functional `tf_keras.Model`; it stays as it is.
      x: prepared training samples, for each input (N, …).
      share: of the blocks, that goes.

    Returns:
      the shallower model, and the names of the additions that went.

    Raises:
      RecipeError: the model has no residual blocks.
    """
    there = len(blocks(model))
    if not there:
        raise RecipeError("recipe.channels.blocks: the model has no residual block, y = x + f(x); remove the setting")
    stay, gone = there - round(share * there), []
    while len(found := blocks(model)) > stay:
        tried = [(_loss(shorter := without(model, b), x, taught), n, b, shorter) for n, b in enumerate(found)]
        _, _, block, model = min(tried, key=lambda one: one[:2])
        gone.append(block[0])
    return model, gone


def blocks(model: Any) -> list[tuple[str, str]]:
    """The residual blocks of a model: name of the addition, and of the layer whose output it adds to.

    An addition of two tensors ends a block if one of them, the shortcut, lies on every way to the other, and nothing
    in between is read elsewhere.
    """
    if not hasattr(model, "_nodes_by_depth"):
        return []
    parents = _parents(model)
    children: dict[str, set[str]] = {}
    for name, above in parents.items():
        for parent in above:
            children.setdefault(parent, set()).add(name)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    found = []
    for layer in model.layers:
        ends = parents[layer.name]
        if not _adds(layer) or len(ends) != 2 or len(layer.inbound_nodes) != 1:
            continue
        shapes = {
            tensor.shape.as_list() == layer.output.shape.as_list() for tensor in layer.inbound_nodes[0].keras_inputs
        }
        for shortcut, branch in (ends, ends[::-1]):
            within = _between(shortcut, branch, parents)
            if (
                shapes == {True}
                and within
                and not any(name in outputs or children[name] - within - {layer.name} for name in within)
            ):
                found.append((layer.name, shortcut))
                break
    return found


def _adds(layer: Any) -> bool:
    return type(layer).__name__ == "Add" or getattr(layer, "symbol", "") in ("__operators__.add", "math.add")


def inside(model: Any, block: tuple[str, str]) -> set[str]:
    """The layers of a block between its shortcut and its addition."""
    addition, shortcut = block
    parents = _parents(model)
    [branch] = [name for name in parents[addition] if name != shortcut]
    return _between(shortcut, branch, parents) or set()


def without(model: Any, block: tuple[str, str]) -> Any:
    """The model in which a block's shortcut takes the place of its addition."""
    addition, shortcut = block
    config = model.get_config()
    nodes = {layer["name"]: layer["inbound_nodes"] for layer in config["layers"]}
    if addition not in nodes:  # gone with a block around it
        return model
    place = next(p for p in _places(nodes[addition]) if p[0] == shortcut)
    for part in (*nodes.values(), config["output_layers"]):
        for reference in _places(part):
            if reference[0] == addition:
                reference[:3] = place[:3]
    needed = _needed(config)
    config["layers"] = [layer for layer in config["layers"] if layer["name"] in needed]
    shorter = type(model).from_config(config)
    for layer in shorter.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    return shorter


def _between(shortcut: str, branch: str, parents: dict[str, list[str]]) -> set[str] | None:
    """The layers on the ways from one to the other; None where some way does not pass the shortcut."""
    inside: set[str] = set()
    pending = [branch]
    while pending:
        name = pending.pop()
        if name == shortcut or name in inside:
            continue
        if not parents[name]:
            return None
        inside.add(name)
        pending += parents[name]
    return inside or None


def _parents(model: Any) -> dict[str, list[str]]:
    """The layers whose outputs each layer reads, over all places where it stands in the model."""
    parents: dict[str, list[str]] = {layer.name: [] for layer in model.layers}
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            parents[node.layer.name] += [parent.name for parent, _, _, _ in node.iterate_inbound()]
    return parents


def _places(part: Any) -> Iterator[list[Any]]:
    """The references to tensors in a part of a configuration: [layer, node, tensor, …]."""
    if isinstance(part, list) and len(part) >= 3 and isinstance(part[0], str) and isinstance(part[1], int):
        yield part
        part = part[3:]
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, (list, tuple)) else ():
        yield from _places(inner)


def _needed(config: dict[str, Any]) -> set[str]:
    """The layers that the outputs depend on, and the inputs."""
    layers = {layer["name"]: layer for layer in config["layers"]}
    needed: set[str] = set()
    pending = [place[0] for place in _places([config["output_layers"], config["input_layers"]])]
    while pending:
        name = pending.pop()
        if name in layers and name not in needed:
            needed.add(name)
            pending += [place[0] for place in _places(layers[name]["inbound_nodes"])]
    return needed


def _loss(model: Any, x: list[Any], taught: TrainingTargets) -> float:
    return float(batch_loss(model, taught, [a[:SAMPLES] for a in x], slice(0, SAMPLES)))
