"""Which layers of a model a technique applies to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from edgekit.compress.settings import Selection
from edgekit.config import nearest
from edgekit.errors import RecipeError

T = TypeVar("T")


def flat(model: Any) -> Iterator[Any]:
    """The layers of a `tf_keras` model, those of nested models in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat(layer)
        else:
            yield layer


def flattened(model: Any) -> Any:
    """The same model as a functional one without models inside, whose layers take their place; as it is where names
    would clash."""
    import tf_keras

    if not any(hasattr(layer, "layers") for layer in model.layers) and not isinstance(model, tf_keras.Sequential):
        return model
    names = [layer.name for layer in flat(model) if type(layer).__name__ != "InputLayer"]
    if len(set(names)) < len(names):
        return model
    inputs = [tf_keras.Input(t.shape[1:], dtype=t.dtype, name=t.node.layer.name) for t in model.inputs]
    unfolded = _unfolded(model, inputs)
    single = type(unfolded).from_config(unfolded.get_config())  # whose layers know no other graph
    single.set_weights(unfolded.get_weights())
    return single


def _unfolded(model: Any, inputs: list[Any]) -> Any:
    import tf_keras

    def outputs(part: Any, given: list[Any]) -> list[Any]:
        """What a model makes of some tensors, its layers called one by one."""
        tensors = {str(id(t)): g for t, g in zip(part.inputs, given, strict=True)}
        for depth in sorted(part._nodes_by_depth, reverse=True):
            for node in part._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                if hasattr(node.layer, "layers"):
                    made: Any = outputs(node.layer, [tensors[str(id(t))] for t in node.keras_inputs])
                else:
                    known = {str(id(t)): [tensors[str(id(t))]] * 9 for t in node.keras_inputs}
                    args, kwargs = node.map_arguments(known)
                    made = node.layer(*args, **kwargs)
                tensors.update({str(id(t)): new for t, new in zip(_listed(node.outputs), _listed(made), strict=True)})
        return [tensors[str(id(t))] for t in part.outputs]

    return tf_keras.Model(inputs, outputs(model, inputs), name=model.name)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def kernels(layer: Any) -> list[Any]:
    """The weights of a layer that multiply: kernels and embeddings, no biases and no statistics."""
    return [w for w in layer.weights if "kernel" in w.name.rsplit("/", 1)[-1] or "embeddings" in w.name]


def prunable_weights(layer: Any) -> list[Any]:
    """The weights of a `tf_keras` layer that TFMOT prunes; none where it knows no way."""
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    if not PruneRegistry.supports(layer):
        return []
    return list(PruneRegistry.make_prunable(layer).get_prunable_weights())


def prunable(layer: Any) -> bool:
    """Whether a layer has weights that can be pruned."""
    return bool(prunable_weights(layer))


def chosen(model: Any, settings: Selection, able: Callable[[Any], bool], where: str) -> list[Any]:
    """The layers with weights that a technique is to change, in the model's order.

    Args:
      able: whether the technique can change a layer.
      where: of the settings, such as "recipe.prune".

    Raises:
      RecipeError: a pattern matches no layer with weights, or names one that the technique cannot change.
    """
    weighted = [layer for layer in flat(model) if kernels(layer)]
    names = [layer.name for layer in weighted]
    own = {place: getattr(settings, place, {}) for place in ("layers", "widths")}
    patterns = [(place, pattern) for place, said in own.items() for pattern in said]
    for place, pattern in [("exclude", p) for p in settings.exclude] + patterns:
        matched = [layer for layer in weighted if fnmatchcase(layer.name, pattern)]
        if not matched:
            raise RecipeError(f'{where}.{place}: no layer with weights matches "{pattern}"; {nearest(pattern, names)}')
        if place in own and own[place][pattern] and not any(map(able, matched)):
            kind = type(matched[0]).__name__
            raise RecipeError(f'{where}.{place}: "{pattern}" is {kind} layers, which cannot be changed so; remove it')
    protected = {id(layer) for end in settings.protect for layer in (_first if end == "first" else _last)(model)}
    named = [layer for layer in weighted if any(fnmatchcase(layer.name, p) for _, p in patterns)]
    protected -= {id(layer) for layer in named}  # who names a layer means it
    return [
        layer
        for layer in weighted
        if able(layer)
        and id(layer) not in protected
        and not any(fnmatchcase(layer.name, pattern) for pattern in settings.exclude)
    ]


def setting(name: str, patterns: dict[str, T], default: T) -> T:
    """What a layer's first matching pattern says, or the default."""
    return next((value for pattern, value in patterns.items() if fnmatchcase(name, pattern)), default)


def _last(model: Any) -> list[Any]:
    """The layers with weights that nothing with weights comes after, on the way to some output."""
    found = []
    pending = [tensor._keras_history[:2] for tensor in model.outputs]
    while pending:
        layer, node = pending.pop()
        if hasattr(layer, "layers") and (ends := _last(layer)):
            found += ends
        elif not hasattr(layer, "layers") and kernels(layer):
            found.append(layer)
        else:
            pending += _parents(layer, node)
    return found


def _first(model: Any) -> list[Any]:
    """The layers with weights that nothing with weights comes before, on the way from some input."""
    behind: dict[tuple[int, int], bool] = {}
    found: dict[int, Any] = {}

    def visit(layer: Any, node: int) -> bool:
        """Whether a layer with weights is this one or comes before it."""
        key = (id(layer), node)
        if key not in behind:
            reached = [visit(*parent) for parent in _parents(layer, node)]
            own = bool(kernels(layer)) if not hasattr(layer, "layers") else any(map(kernels, flat(layer)))
            if own and not any(reached):
                found.update({id(x): x for x in (_first(layer) if hasattr(layer, "layers") else [layer])})
            behind[key] = own or any(reached)
        return behind[key]

    for tensor in model.outputs:
        visit(*tensor._keras_history[:2])
    return list(found.values())


def _parents(layer: Any, node: int) -> list[tuple[Any, int]]:
    """The layers, each with the number of its call, whose outputs a call of a layer takes."""
    if node >= len(layer._inbound_nodes):
        return []
    return [(parent, index) for parent, index, _, _ in layer._inbound_nodes[node].iterate_inbound()]
