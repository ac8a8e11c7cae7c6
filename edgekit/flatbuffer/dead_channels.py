"""Channels that compute a constant, or that nobody reads, taken out of an int8 graph; the constant goes into biases.

Every step is exact in integers. A channel goes only if all that read it can do without: a convolution or dense layer
adds what the constant contributed to its bias; pooling, activations, sums, concatenations and depthwise convolutions
give up the same channel of their output. Where zeros are put around the input, the constant has to be the stored zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from edgekit.flatbuffer.channels import ALIKE, LAYERS, ChannelGraph, padded, scale_of
from edgekit.flatbuffer.constant_channels import find_constants

if TYPE_CHECKING:
    import numpy as np


def harvested(model: Any) -> int:
    """Takes the channels out of the main graph, in place.

    Args:
      model: objects of the schema, with all data inside.

    Returns:
      how many went.
    """
    if len(model.subgraphs) != 1:
        return 0
    graph = ChannelGraph(model)
    total = 0
    while gone := _once(graph):
        total += gone
    return total


def _once(graph: ChannelGraph) -> int:
    find_constants(graph)
    find_removable(graph)
    gone = sum(sum(c.goes) for t, c in graph.channels.items() if graph.maker_kind(t) in LAYERS)
    if gone:
        remove(graph)
    return gone


def find_removable(graph: ChannelGraph) -> None:
    """The largest set of channels that all that read and make them can give up."""
    for tensor, channels in graph.channels.items():
        free = tensor not in graph.ends and bool(graph.readers.get(tensor))
        channels.goes = [free] * len(channels.goes)
    _settle(graph, graph.channels)
    whole = {tensor: channels for tensor, channels in graph.channels.items() if channels.goes and all(channels.goes)}
    for channels in whole.values():  # a tensor keeps at least one
        channels.goes[0] = False
    _settle(graph, (near for tensor in whole for near in _depending(graph, tensor)))


def _settle(graph: ChannelGraph, tensors: Iterable[int]) -> None:
    """Keeps what may not go, and looks again at what depended on its going, until nothing changes."""
    left = dict.fromkeys(tensors)
    while left:
        tensor = next(iter(left))
        del left[tensor]
        goes = graph.channels[tensor].goes
        stays = [channel for channel, gone in enumerate(goes) if gone and not _may_go(graph, tensor, channel)]
        for channel in stays:
            goes[channel] = False
        if stays:
            left.update(dict.fromkeys(_depending(graph, tensor)))


def _depending(graph: ChannelGraph, tensor: int) -> list[int]:
    """The tensors whose channels may go only where those of this one do: what is made of it, and what it is made of."""
    made = [graph.parts(number)[3] for number in graph.readers.get(tensor, ())]
    sources = graph.parts(graph.makers[tensor])[2] if tensor in graph.makers else []
    return [near for near in (*sources, *made) if near in graph.channels]


def _may_go(graph: ChannelGraph, tensor: int, channel: int) -> bool:
    return _maker_gives_up(graph, tensor, channel) and all(
        _reader_bears(graph, number, tensor, channel) for number in graph.readers[tensor]
    )


def _maker_gives_up(graph: ChannelGraph, tensor: int, channel: int) -> bool:
    number = graph.makers[tensor]
    _, kind, inputs, _ = graph.parts(number)
    if kind in ("CONV_2D", "FULLY_CONNECTED"):
        return graph.layer(number) is not None and not (kind == "CONV_2D" and graph.grouped(number))
    if kind == "DEPTHWISE_CONV_2D":
        layer = graph.layer(number)
        if layer is None or inputs[0] not in graph.channels:
            return False
        return _goes(graph, inputs[0], channel // graph.multiplier(number))
    if kind in ALIKE:
        return _goes(graph, inputs[0], channel)
    if kind == "ADD":
        return graph.same_shape(inputs, tensor) and all(_goes(graph, i, channel) for i in inputs)
    if kind == "CONCATENATION":
        if not graph.joins_channels(number):
            return False
        for index in inputs:
            count = int(graph.main.tensors[index].shape[-1])
            if channel < count:
                return _goes(graph, index, channel)
            channel -= count
    if kind == "RESHAPE":
        if not graph.keeps_channels(inputs[0], tensor):
            return False
        return _goes(graph, inputs[0], channel % int(graph.main.tensors[inputs[0]].shape[-1]))
    return False


def _reader_bears(graph: ChannelGraph, number: int, tensor: int, channel: int) -> bool:
    operator, kind, inputs, made = graph.parts(number)
    constant = graph.channels[tensor].constant[channel]
    if kind in ("CONV_2D", "FULLY_CONNECTED"):
        layer = graph.layer(number)
        if layer is None or inputs.count(tensor) != 1 or inputs[0] != tensor or graph.grouped(number):
            return False
        weights = layer[0]
        if not graph.reads(number)[channel]:
            return True
        zero = scale_of(graph.main.tensors[tensor])[1]
        return constant is not None and (
            constant == zero or kind == "FULLY_CONNECTED" or not padded(operator, kind, weights)
        )
    if kind == "DEPTHWISE_CONV_2D" and inputs[0] == tensor and made in graph.channels:
        if graph.layer(number) is None:
            return False
        many = graph.multiplier(number)
        return all(_goes(graph, made, channel * many + k) for k in range(many))
    if kind in ALIKE:
        return _goes(graph, made, channel)
    if kind == "ADD":
        return graph.same_shape(inputs, made) and _goes(graph, made, channel)
    if kind == "CONCATENATION" and graph.joins_channels(number):
        before = 0
        for index in inputs:
            if index == tensor and not _goes(graph, made, before + channel):
                return False
            before += int(graph.main.tensors[index].shape[-1])
        return True
    if kind == "RESHAPE" and graph.keeps_channels(tensor, made):
        count, wide = int(graph.main.tensors[tensor].shape[-1]), int(graph.main.tensors[made].shape[-1])
        return all(_goes(graph, made, place) for place in range(channel, wide, count))
    return False


def _goes(graph: ChannelGraph, tensor: int, channel: int) -> bool:
    return tensor in graph.channels and graph.channels[tensor].goes[channel]


def remove(graph: ChannelGraph) -> None:
    """Takes out the channels that go: out of weights, biases, scales and shapes."""
    import numpy as np

    for number in range(len(graph.kinds)):
        kind = graph.kinds[number]
        if kind in LAYERS and graph.layer(number) is not None:
            _remove_of_layer(graph, number)
    for number, kind in enumerate(graph.kinds):
        _, _, inputs, made = graph.parts(number)
        if kind == "RESHAPE" and made in graph.channels and any(graph.channels[made].goes):
            shape = [int(n) for n in graph.main.tensors[made].shape]
            shape[-1] = graph.channels[made].goes.count(False)
            if len(inputs) > 1:
                graph.put(number, 1, np.asarray(shape, np.int32))
            if graph.main.operators[number].builtinOptions is not None:
                graph.main.operators[number].builtinOptions.newShape = np.asarray(shape, np.int32)
    for index, channels in graph.channels.items():
        if any(channels.goes):
            tensor = graph.main.tensors[index]
            shape = [int(n) for n in tensor.shape]
            shape[-1] = channels.goes.count(False)
            tensor.shape, tensor.shapeSignature = np.asarray(shape, np.int32), None


def _remove_of_layer(graph: ChannelGraph, number: int) -> None:
    import numpy as np

    _, kind, inputs, made = graph.parts(number)
    layer = graph.layer(number)
    assert layer is not None
    weights, bias = (part.copy() for part in layer)
    zero = scale_of(graph.main.tensors[inputs[0]])[1]
    source = graph.channels.get(inputs[0])
    if source and any(source.goes) and kind != "DEPTHWISE_CONV_2D":
        times = weights.shape[-1] // len(source.goes)
        goes, constant = np.tile(source.goes, times), (source.constant * times)
        values = np.array([(c if c is not None else zero) - zero for c in constant], np.int64)
        gone = weights[..., goes].reshape(len(weights), -1, int(goes.sum()))
        bias = bias + (gone.sum(axis=1, dtype=np.int64) * values[goes]).sum(axis=1)
        weights = weights[..., ~goes]
    if made in graph.channels and any(graph.channels[made].goes):
        keep = ~np.asarray(graph.channels[made].goes)
        weights, bias = np.compress(keep, weights, axis=LAYERS[kind]), bias[keep]
        if len(inputs) > 2 and inputs[2] >= 0:
            _slim_scales(graph, inputs[2], keep)
        _slim_scales(graph, inputs[1], keep)
    if np.array_equal(weights, layer[0]) and np.array_equal(bias, layer[1]):
        return
    graph.put(number, 1, weights)
    graph.put(number, 2, bias.astype(np.int32))


def _slim_scales(graph: ChannelGraph, index: int, keep: np.ndarray) -> None:
    quantization = graph.main.tensors[index].quantization
    for field in ("scale", "zeroPoint"):
        values = getattr(quantization, field, None) if quantization is not None else None
        if values is not None and len(values) == len(keep) > 1:
            setattr(quantization, field, values[keep])
