"""Whether the layers of a model can be computed one after the other.

A functional model lists for each layer the calls of it, and for each call the outputs that it takes: of which layer, of
which of its calls, and which one. Keras calls a layer as soon as what it takes is there; where that never comes, Keras
2 tries without end.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.model import allowed
from edgekit.model.container import layer_name, objects

Call = tuple[str, int]
"""A layer's name, and which of its calls, from 0."""


def check_order(path: Path, config: dict[str, Any]) -> None:
    """Refuses an architecture in which a layer, also of a model inside, takes an output that is never computed.

    Raises:
      ModelError: names the layers.
    """
    for found in objects(config):
        inner = found.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
            _check_model(path, layer_name(found), inner)


def references(node: Any) -> Iterator[Call]:
    """The outputs that a call of a layer takes.

    Args:
      node: an element of `inbound_nodes`. In Keras 2 any structure of `[layer, call, output, arguments]`, where the
        arguments, which may be missing, may hold such lists again; in Keras 3 arguments with tensors, each with a
        `keras_history`. Also what a model gives as its `input_layers` and `output_layers`.
    """
    pending = [node]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            inner = value.get("config")
            if value.get("class_name") == "__keras_tensor__":
                pending.append(inner.get("keras_history") if isinstance(inner, dict) else None)
            elif value.get("class_name") in (None, "__tuple__"):
                pending += value.values()
        elif isinstance(value, list):
            constant = value[:1] == ["_CONSTANT_VALUE"]
            if not constant and [type(part) for part in value[:3]] == [str, int, int]:
                yield value[0], value[1]
            pending += value[3:] if constant else value


def _check_model(path: Path, model: str, config: dict[str, Any]) -> None:
    layers: dict[str, dict[str, Any]] = {}
    for layer in config["layers"]:
        if isinstance(layer, dict) and isinstance(layer.get("inbound_nodes"), list):
            name = str(layer.get("name"))
            if name in layers:
                raise ModelError(f"{path}: two layers are named {name!r}; save the model again")
            layers[name] = layer
    if not layers:
        return  # a sequential model
    takes: dict[Call, list[Call]] = {}
    for name, layer in layers.items():
        for index, node in enumerate(layer["inbound_nodes"]):
            found = [_call(path, name, other, called, layers) for other, called in references(node)]
            takes[name, index] = [call for call in found if call] + [(name, index - 1)] * (index > 0)
    for end in ("input_layers", "output_layers"):
        for other, called in references(config.get(end)):
            _call(path, model, other, called, layers)
    try:
        TopologicalSorter(takes).prepare()
    except CycleError as problem:
        names = list(dict.fromkeys(name for name, _ in reversed(problem.args[1])))
        listed = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if names[5:] else "")
        said = f"layers {listed} wait for each other's outputs" if names[1:] else f"layer {listed} takes its own output"
        raise ModelError(f"{path}: {said}, so that none can be computed; save the model again") from None


def _call(path: Path, name: str, other: str, called: int, layers: dict[str, dict[str, Any]]) -> Call | None:
    """The call that gives what layer `name` takes, None where it is there from the beginning.

    The first call of a model in a model counts as 1, as 0 is that of its own inputs, unless it had none before.
    """
    if other in layers:
        layer, config = layers[other], layers[other].get("config")
        calls, kind = len(layer["inbound_nodes"]), layer.get("class_name")
        if kind == "InputLayer":
            return None
        shifted = kind not in allowed.CLASSES or (isinstance(config, dict) and "layers" in config)
        if 0 <= called < calls + shifted and calls:
            return other, max(0, called - shifted)
    raise ModelError(
        f"{path}: layer {name!r} takes an output of {other!r}, call {called}, which the model does not have, so that "
        "it cannot be computed; save the model again"
    )


@contextlib.contextmanager
def calls_within_reason() -> Iterator[None]:
    """Ends the loading of a Keras 2 model in which a layer waits for what never comes, as for the third of two outputs.

    Raises:
      ValueError: names the layers that wait.
    """
    from tf_keras.src.engine import functional

    reconstruct = functional.reconstruct_from_config

    def watched(config: Any, custom_objects: Any = None, created_layers: Any = None) -> Any:
        return reconstruct(config, custom_objects, _Layers(config, created_layers or {}))

    functional.reconstruct_from_config = watched
    try:
        yield
    finally:
        functional.reconstruct_from_config = reconstruct


class _Layers(OrderedDict[str, Any]):
    """The layers of a model while Keras 2 calls them: in each round it looks up all, and what each takes."""

    def __init__(self, config: dict[str, Any], layers: dict[str, Any]) -> None:
        super().__init__(layers)
        self.listed = {layer["name"]: len(layer["inbound_nodes"]) for layer in config["layers"]}
        self.round = len(self.listed) + sum(1 for layer in config["layers"] for _ in _lists(layer["inbound_nodes"]))
        self.looked, self.called = 0, -1

    def __bool__(self) -> bool:
        return True  # Keras replaces what is empty

    def __getitem__(self, name: str) -> Any:
        self.looked += 1
        if self.looked > self.round:
            called = {key: len(layer._inbound_nodes) for key, layer in self.items()}
            if sum(called.values()) == self.called:
                waiting = ", ".join(repr(key) for key, calls in self.listed.items() if called.get(key, 0) < calls)
                raise ValueError(f"layer {waiting} takes outputs that are never computed")
            self.looked, self.called = 0, sum(called.values())
        return super().__getitem__(name)


def _lists(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            yield node
        pending += node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
