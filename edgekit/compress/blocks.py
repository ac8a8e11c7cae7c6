"""Removal of whole residual blocks: y = x + f(x) becomes y = x."""

from __future__ import annotations

from typing import Any

from edgekit.compress.lesson import Lesson, batch_loss
from edgekit.errors import RecipeError
from edgekit.recipe import Channels

SAMPLES = 512
"""Training samples on which the loss without a block is measured."""


def without_blocks(model: Any, x: list[Any], taught: Lesson, settings: Channels) -> tuple[Any, list[str]]:
    """Removes the residual blocks without which the loss grows least, one after the other.

    Args:
      model: functional `tf_keras.Model`; it stays as it is.
      x: prepared training samples, for each input (N, …).

    Returns:
      the shallower model, and the names of the additions that went.

    Raises:
      RecipeError: the model has no residual blocks.
    """
    number = round(settings.blocks * len(blocks(model)))
    if not blocks(model):
        raise RecipeError("recipe.channels.blocks: the model has no residual block, y = x + f(x); remove the setting")
    gone = []
    for _ in range(number):
        tried = [(_loss(shorter := without(model, b), x, taught), n, b, shorter) for n, b in enumerate(blocks(model))]
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
    parents = {layer.name: _parents(layer) for layer in model.layers}
    children: dict[str, set[str]] = {}
    for name, above in parents.items():
        for parent in above:
            children.setdefault(parent, set()).add(name)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    found = []
    for layer in model.layers:
        ends = parents[layer.name]
        if type(layer).__name__ != "Add" or len(ends) != 2 or len(layer.inbound_nodes) != 1:
            continue
        for shortcut, branch in (ends, ends[::-1]):
            inside = _between(shortcut, branch, parents)
            if inside is not None and not any(
                name in outputs or children[name] - inside - {layer.name} for name in inside
            ):
                found.append((layer.name, shortcut))
                break
    return found


def inside(model: Any, block: tuple[str, str]) -> set[str]:
    """The layers of a block between its shortcut and its addition."""
    addition, shortcut = block
    parents = {layer.name: _parents(layer) for layer in model.layers}
    [branch] = [name for name in parents[addition] if name != shortcut]
    return _between(shortcut, branch, parents) or set()


def without(model: Any, block: tuple[str, str]) -> Any:
    """The model in which a block's shortcut takes the place of its addition."""
    addition, shortcut = block
    config = model.get_config()
    for layer in config["layers"]:
        for node in layer["inbound_nodes"]:
            _redirect(node, addition, shortcut)
    _redirect(config["output_layers"], addition, shortcut)
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


def _parents(layer: Any) -> list[str]:
    return [parent.name for node in layer.inbound_nodes[:1] for parent, _, _, _ in node.iterate_inbound()]


def _redirect(node: Any, old: str, new: str) -> None:
    """Replaces references [layer, node, tensor, …] in a part of a configuration."""
    if isinstance(node, list) and node and node[0] == old and len(node) >= 3:
        node[0] = new
        return
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        _redirect(part, old, new)


def _references(part: Any, names: set[str]) -> set[str]:
    if isinstance(part, (list, tuple)):
        if part and isinstance(part[0], str) and part[0] in names and len(part) >= 3:
            return {part[0]} | _references(part[3:], names)
        return set().union(*(_references(p, names) for p in part))
    return set().union(*(_references(p, names) for p in part.values())) if isinstance(part, dict) else set()


def _needed(config: dict[str, Any]) -> set[str]:
    """The layers that the outputs depend on, and the inputs."""
    layers = {layer["name"]: layer for layer in config["layers"]}
    names = set(layers)
    needed: set[str] = set()
    pending = list(_references([config["output_layers"], config["input_layers"]], names))
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += _references(layers[name]["inbound_nodes"], names)
    return needed


def _loss(model: Any, x: list[Any], taught: Lesson) -> float:
    return float(batch_loss(model, taught, [a[:SAMPLES] for a in x], slice(0, SAMPLES)))
