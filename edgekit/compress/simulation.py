"""Running a Keras model over the same samples again and again, while single layers of it change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from edgekit.compress.layers import flat, kernels

BATCH = 250
CACHE_BYTES = 512 * 2**20
"""What the activations of all samples at the start of a segment may take."""


class Segment(NamedTuple):
    """A part of a model's graph that takes one tensor (the first part: the inputs) and gives one (the last: the
    outputs)."""

    nodes: list[Any]
    """Calls of layers, in their order."""
    takes: list[Any]
    """Keras's symbolic tensors."""
    gives: list[Any]
    names: set[str]
    """Of the layers in it."""


class Simulation:
    """A model with its samples.

    The graph is cut where one tensor alone goes on, before layers with weights. What comes before the segment of a
    changed layer is computed once and kept, so that a point costs what comes after it (benchmarks/sensitivity.py says
    what that gains).

    Args:
      model: `tf_keras.Model`; it is read, not changed.
      x: prepared samples, for each input (N, …).
    """

    def __init__(self, model: Any, x: Sequence[Any]) -> None:
        import numpy as np
        import tensorflow as tf

        self._model = model
        parts = np.array_split(np.arange(len(x[0])), -(-len(x[0]) // BATCH))
        self._inputs = [[tf.constant(a[rows]) for a in x] for rows in parts]
        self._segments = segments(model, len(x[0]))
        self._functions = [_function(model, segment) for segment in self._segments]
        if not self._right():  # the graph hands on more than tensors, such as masks
            self._segments = [Segment([], [], [], {layer.name for layer in flat(model)})]
            self._functions = [_function(model, segment) for segment in self._segments]
        self._kept = 0, self._inputs

    def outputs(self) -> list[Any]:
        """The model's outputs for all samples, with its layers as they are now: each (N, …) float32."""
        return self._run(0, self._inputs)

    def outputs_after(self, layer: str) -> list[Any]:
        """The same, where nothing that comes before a layer has changed since the simulation was made."""
        index = next(n for n, segment in enumerate(self._segments) if layer in segment.names)
        at, batches = self._kept if self._kept[0] <= index else (0, self._inputs)
        for function in self._functions[at:index]:
            batches = [function(*batch) for batch in batches]
        self._kept = index, batches
        return self._run(index, batches)

    @contextmanager
    def retraced(self, layers: Collection[str]) -> Iterator[None]:
        """Until the end, runs layers as they are now in code, not only in weights."""
        before = self._functions
        self._functions = [
            function if segment.names.isdisjoint(layers) else _function(self._model, segment)
            for segment, function in zip(self._segments, before, strict=True)
        ]
        try:
            yield
        finally:
            self._functions = before

    def _run(self, start: int, batches: list[Any]) -> list[Any]:
        import numpy as np

        rows = []
        for batch in batches:
            for function in self._functions[start:]:
                batch = function(*batch)
            rows.append([np.asarray(tensor, dtype=np.float32) for tensor in batch])
        return [np.concatenate(parts) for parts in zip(*rows, strict=True)]

    def _right(self) -> bool:
        """Whether the segments give what the model gives."""
        import numpy as np

        given, wanted = self._inputs[0], _whole(self._model, [tensor[:2] for tensor in self._inputs[0]])
        try:
            for function in self._functions:
                given = function(*given)
        except (TypeError, ValueError) as problem:
            print(f"run as a whole, not in segments: {problem}")
            return False
        return all(np.allclose(a[:2], b, rtol=1e-3, atol=1e-4) for a, b in zip(given, wanted, strict=True))


def segments(model: Any, samples: int) -> list[Segment]:
    """The parts of a model's graph between tensors that alone go on.

    Args:
      samples: how many activations are kept at the start of a part, which decides where it may start.
    """
    nodes = [
        node for _, group in sorted(model._nodes_by_depth.items(), reverse=True) for node in group if not node.is_input
    ]
    ends = [n for n in cuts(nodes, model.outputs) if _bytes(nodes[n].outputs) * samples <= CACHE_BYTES]
    weighted = [n for n, node in enumerate(nodes) if any(map(kernels, _layers(node)))]
    starts = [0]
    for end, following in pairwise([*ends, len(nodes) - 1]):
        before = any(starts[-1] <= n <= end for n in weighted)
        if before and any(end < n <= following for n in weighted):
            starts.append(end + 1)
    parts = []
    for start, stop in zip(starts, [*starts[1:], len(nodes)], strict=True):
        takes = model.inputs if start == 0 else [nodes[start - 1].outputs]
        gives = model.outputs if stop == len(nodes) else [nodes[stop - 1].outputs]
        names = {layer.name for node in nodes[start:stop] for layer in _layers(node)}
        parts.append(Segment(nodes[start:stop], takes, gives, names))
    return parts


def cuts(nodes: list[Any], outputs: list[Any]) -> list[int]:
    """Positions of the calls after which the tensor that they make is the only one that is read later.

    Args:
      nodes: calls of layers, each after those whose outputs it reads.
      outputs: of the model.
    """
    read: dict[str, int] = {}  # where a tensor is read last
    for n, node in enumerate(nodes):
        read |= dict.fromkeys(node.flat_input_ids, n)
    read |= {str(id(tensor)): len(nodes) for tensor in outputs}
    made = {tensor: n for n, node in enumerate(nodes) for tensor in node.flat_output_ids}
    found = []
    for n, node in enumerate(nodes[:-1]):
        later = {tensor for tensor, last in read.items() if last > n and made.get(tensor, -1) <= n}
        if later == {str(t) for t in node.flat_output_ids} and len(later) == 1:
            found.append(n)
    return found


def _layers(node: Any) -> list[Any]:
    """The layers that a call runs."""
    return list(flat(node.layer)) if hasattr(node.layer, "layers") else [node.layer]


def _bytes(tensor: Any) -> int:
    size = 4
    for dimension in tensor.shape[1:]:
        size *= dimension or 1
    return size


def _function(model: Any, segment: Segment) -> Any:
    """What a segment computes, as Keras does in `Functional.call`, compiled."""
    import tensorflow as tf

    def run(*given: Any) -> list[Any]:
        if not segment.nodes:
            return _whole(model, given)
        uses = len(segment.nodes) + 1  # Keras takes one of as many copies with each use
        tensors = {str(id(t)): [value] * uses for t, value in zip(segment.takes, given, strict=True)}
        for node in segment.nodes:
            args, kwargs = node.map_arguments(tensors)
            if node.layer._expects_training_arg:
                kwargs["training"] = False
            made = tf.nest.flatten(node.layer(*args, **kwargs))
            tensors |= {str(t): [value] * uses for t, value in zip(node.flat_output_ids, made, strict=True)}
        return [tensors[str(id(t))][-1] for t in segment.gives]

    return tf.function(run, autograph=False, reduce_retracing=True)


def _whole(model: Any, given: Sequence[Any]) -> list[Any]:
    import tensorflow as tf

    return tf.nest.flatten(model(list(given) if len(given) > 1 else given[0], training=False))
