"""Channels of an int8 graph that have one value whatever the input."""

from __future__ import annotations

import math
from typing import Any

from edgekit.flatbuffer.channels import ALIKE, LAYERS, ChannelGraph, TensorChannels, clamp, int8, padded, scale_of

TIE = 1e-3
"""Of a step: so near to a half a runtime may round either way, and the channel stays."""
INT32 = 2**31 - 1


def find_constants(graph: ChannelGraph) -> None:
    """Forward: the channels that have one value whatever the input."""
    graph.channels, graph.read = {}, {}
    for number in range(len(graph.kinds)):
        for index in map(int, graph.main.operators[number].outputs):
            tensor = graph.main.tensors[index]
            if len(tensor.shape) and int8(tensor):
                count = int(tensor.shape[-1])
                graph.channels[index] = TensorChannels([None] * count, [False] * count)
        made = int(graph.main.operators[number].outputs[0]) if len(graph.main.operators[number].outputs) else -1
        if made in graph.channels:
            graph.channels[made].constant = _constants(graph, number) or graph.channels[made].constant


def _constants(graph: ChannelGraph, number: int) -> list[int | None] | None:
    operator, kind, inputs, made = graph.parts(number)
    out = graph.main.tensors[made]
    if kind in LAYERS:
        return _layer_constants(graph, number)
    known = [graph.channels[i].constant if i in graph.channels else None for i in inputs]
    if kind in ALIKE and known[0]:
        function = _function(kind, operator)
        limits = clamp(operator, out)
        return [_through(v, graph.main.tensors[inputs[0]], out, function, limits) for v in known[0]]
    if kind == "ADD" and len(known) == 2 and known[0] and known[1] and graph.same_shape(inputs, made):
        low, high = clamp(operator, out)
        scales = [scale_of(graph.main.tensors[i]) for i in inputs]
        return [
            None
            if a is None or b is None
            else _rounded((a - scales[0][1]) * scales[0][0] + (b - scales[1][1]) * scales[1][0], out, low, high)
            for a, b in zip(known[0], known[1], strict=True)
        ]
    if kind == "CONCATENATION" and graph.joins_channels(number):
        joined: list[int | None] = []
        for index, of in zip(inputs, known, strict=True):
            joined += of or [None] * int(graph.main.tensors[index].shape[-1])
        return joined
    if kind == "RESHAPE" and known[0] and graph.keeps_channels(inputs[0], made):
        return known[0] * (int(out.shape[-1]) // len(known[0]))
    return None


def _layer_constants(graph: ChannelGraph, number: int) -> list[int | None] | None:
    """Of a layer: channels whose weights are zero, or all of whose inputs are constant."""
    import numpy as np

    layer = graph.layer(number)
    if layer is None:
        return None
    operator, kind, inputs, made = graph.parts(number)
    source, out = graph.main.tensors[inputs[0]], graph.main.tensors[made]
    weights, bias = layer
    # (outputs, positions, inputs), of a depthwise layer (outputs, positions, 1)
    if kind == "DEPTHWISE_CONV_2D":
        filters = weights[0].reshape(-1, weights.shape[3]).T[..., None]
    else:
        filters = weights.reshape(len(weights), -1, weights.shape[-1])
    zero, whole = scale_of(source)[1], kind == "FULLY_CONNECTED" or not padded(operator, kind, weights)
    feeds = _feeds(graph, number, (filters.shape[0], filters.shape[2]))
    known = np.array([[v is not None and (whole or v == zero) for v in row] for row in feeds])
    values = np.array([[0 if v is None else v - zero for v in row] for row in feeds], np.int64)
    values = np.broadcast_to(np.where(known, values, 0), (len(filters), values.shape[1]))
    free = ~(filters.any(axis=1) & ~known).any(axis=1)
    low, high = clamp(operator, out)
    scales = np.array(graph.weight_scales(number)) * scale_of(source)[0]
    found: list[int | None] = [None] * len(filters)
    for channel in map(int, np.flatnonzero(free)):
        total = int(bias[channel]) + int((filters[channel].sum(axis=0, dtype=np.int64) * values[channel]).sum())
        if abs(total) <= INT32:
            found[channel] = _rounded(float(total * scales[channel]), out, low, high)
    return found


def _feeds(graph: ChannelGraph, number: int, shape: tuple[int, ...]) -> list[list[int | None]]:
    """The constants that a layer's weights multiply, one row for all its channels or one for each."""
    _, kind, inputs, _ = graph.parts(number)
    if inputs[0] not in graph.channels or graph.grouped(number):
        return [[None] * shape[1]]
    known = graph.channels[inputs[0]].constant
    if kind == "DEPTHWISE_CONV_2D":
        return [[known[channel // graph.multiplier(number)]] for channel in range(shape[0])]
    return [known * (shape[1] // len(known))]


def _rounded(real: float, out: Any, low: int, high: int) -> int | None:
    """A real value as it is stored, None where runtimes may round it to either side."""
    scale, zero = scale_of(out)
    exact = real / scale + zero
    if exact <= low - 1:
        return low
    if exact >= high + 1:
        return high
    if abs(exact - math.floor(exact) - 0.5) < TIE:
        return None
    return min(high, max(low, math.floor(exact + 0.5)))


def _function(kind: str, operator: Any) -> Any:
    """What an operator does to a real value."""
    slope = getattr(operator.builtinOptions, "alpha", 0.0) if kind == "LEAKY_RELU" else 0.0
    return {
        "RELU": lambda x: max(0.0, x),
        "RELU6": lambda x: min(6.0, max(0.0, x)),
        "LOGISTIC": lambda x: 1 / (1 + math.exp(-x)),
        "TANH": math.tanh,
        "HARD_SWISH": lambda x: x * min(6.0, max(0.0, x + 3)) / 6,
        "LEAKY_RELU": lambda x: x if x >= 0 else slope * x,
        "QUANTIZE": lambda x: x,
    }.get(kind)


def _through(value: int | None, source: Any, out: Any, function: Any, limits: tuple[int, int]) -> int | None:
    """A constant behind an operator of `ALIKE`."""
    if value is None or not int8(source):
        return None
    scale, zero = scale_of(source)
    if function is None:  # pooling
        return min(limits[1], max(limits[0], value)) if scale_of(source) == scale_of(out) else None
    return _rounded(function((value - zero) * scale), out, *limits)
