"""Channels of neighbouring layers scaled to alike ranges, without a change of what the model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.flatbuffer.edit import constants, with_constants, with_own_biases, with_relu
from edgekit.flatbuffer.linear import Linear, fused_activations, linear_layers
from edgekit.flatbuffer.read import Graph, Operator, parse_graph
from edgekit.quantize.activations import activations

if TYPE_CHECKING:
    import numpy as np

PASSING = {
    *"MAX_POOL_2D AVERAGE_POOL_2D MEAN RESHAPE SQUEEZE EXPAND_DIMS RELU LEAKY_RELU PAD SPACE_TO_BATCH_ND".split(),
    *"BATCH_TO_SPACE_ND".split(),
}
"""Operators through which a positive factor of a channel passes: f(s x) = s f(x)."""
SHIFTING = {"MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
"""Those through which a constant passes too: f(x - c) = f(x) - c."""
LINKING = ("NONE", "RELU", "RELU6")
SIX = 6.0
ROUNDS = 40
SETTLED = 1e-3
"""Largest change of a factor, in natural logarithms, at which the rounds end."""


class Pair(Struct, frozen=True):
    """A layer and the only one that reads it."""

    first: Linear
    second: Linear
    shifts: bool
    """Whether a constant can be moved from the first into the second: only shifting operators, and no zeros around."""


def equalize(model: bytes, samples: list[np.ndarray]) -> bytes:
    """A float `.tflite` that computes the same, with channels that quantization treats alike.

    A channel of the first layer of a pair is divided by a factor and the weights of the second that read it are
    multiplied by it, so that the largest weights of both become their geometric mean. Then what a channel always has at
    least is moved into the bias of the second layer ("bias absorption").

    Pairs are linked by no activation or ReLU, by pooling, padding, flattening. A ReLU6 does not let factors through: it
    stands in the way, unless no sample comes up to 6; then it is written as ReLU, for int8 ends at the largest value
    that calibration saw anyway.

    Args:
      model: float, with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.

    Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", sections 4.1
    and 4.1.3; what a channel has at least is measured, not derived from BatchNorm, which a `.tflite` has no more.
    """
    import numpy as np

    model = with_own_biases(model)
    found = pairs(model)
    lows, highs = _limits(model, [pair.first for pair in found], samples)
    found = [pair for pair in found if pair.first.activation != "RELU6" or highs[pair.first.output].max() < SIX]
    values = {i: c.astype(np.float64) for p in found for i, c in constants(model).items() if i in _indices(p)}
    for _ in range(ROUNDS):
        change = 0.0
        for pair in found:
            factor = factors(_outputs(pair.first, values), _inputs(pair, values))
            _scale(pair, factor, values)
            lows[pair.first.output] /= factor
            change = max(change, float(np.abs(np.log(factor)).max()))
        if change < SETTLED:
            break
    for pair in found:
        if pair.shifts and pair.second.bias >= 0 and pair.first.bias >= 0:
            _absorb(pair, np.maximum(lows[pair.first.output], 0.0), values)
    operators = {pair.first.operator for pair in found if pair.first.activation == "RELU6"}
    return with_relu(with_constants(model, {i: v.astype(np.float32) for i, v in values.items()}), operators)


def factors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What to divide each channel of the first layer by, so that its range and that of the second become alike.

    Args:
      first, second: ranges of each channel (C,), zero or more.

    Returns:
      (C,): sqrt(first / second), and 1 where a range is zero: nothing can be gained from a channel that is not used.

    Source: Nagel et al. 2019, equation 11.
    """
    import numpy as np

    used = (first > 0) & (second > 0)
    return np.sqrt(np.divide(first, second, out=np.ones_like(first), where=used))


def pairs(model: bytes) -> list[Pair]:
    """The pairs of layers between which factors can move, ReLU6 not yet looked at, in the order of the graph."""
    graph, fixed = parse_graph(model, "the float model"), constants(model)
    layers = {layer.operator: layer for layer in linear_layers(model)}
    fused = fused_activations(model)
    readers: dict[int, list[int]] = {}
    for number, operator in enumerate(graph.operators):
        for index in operator.inputs:
            readers.setdefault(index, []).append(number)
    ends = {spec.name for spec in graph.outputs}

    def changeable(layer: Linear) -> bool:
        own = [index for index in (layer.weights, layer.bias) if index >= 0]
        return all(len(readers[index]) == 1 and fixed[index].dtype == "float32" for index in own)

    found = []
    for first in layers.values():
        tensor, shifts = first.output, True
        while len(readers.get(tensor, ())) == 1 and graph.tensors[tensor].name not in ends:
            number = readers[tensor][0]
            if second := layers.get(number):
                if first.activation in LINKING and second.input == tensor and changeable(first) and changeable(second):
                    found.append(Pair(first, second, shifts and not _pads(second, graph)))
                break
            if fused.get(number, "NONE") != "NONE" or not _passes(graph.operators[number], tensor, graph, fixed):
                break
            shifts &= graph.operators[number].name in SHIFTING
            tensor = graph.operators[number].outputs[0]
    return found


def _passes(operator: Operator, tensor: int, graph: Graph, fixed: dict[int, np.ndarray]) -> bool:
    """Whether factors pass, and channels stay the last dimension, or become several of them in a row."""
    import numpy as np

    shape, result = graph.tensors[tensor].shape, graph.tensors[operator.outputs[0]].shape
    if operator.name not in PASSING or operator.inputs[0] != tensor or not result:
        return False
    if operator.name == "MEAN":
        axes = fixed.get(operator.inputs[1])  # one axis may be a number instead of a vector
        return axes is not None and len(shape) - 1 not in np.atleast_1d(axes) % len(shape)
    return result[-1] % shape[-1] == 0 if operator.name == "RESHAPE" else result[-1] == shape[-1]


def _pads(layer: Linear, graph: Graph) -> bool:
    return layer.same and any(n > 1 for n in graph.tensors[layer.weights].shape[1:3])


def _limits(
    model: bytes, layers: list[Linear], samples: list[np.ndarray]
) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Smallest and largest value of each channel of the layers' outputs, by tensor."""
    import numpy as np

    lows: dict[int, np.ndarray] = {}
    highs: dict[int, np.ndarray] = {}
    for values in activations(model, samples, [layer.output for layer in layers]):
        for index, value in values.items():
            rows = value.reshape(-1, value.shape[-1]).astype(np.float64)
            lows[index] = np.minimum(lows.get(index, np.inf), rows.min(axis=0))
            highs[index] = np.maximum(highs.get(index, -np.inf), rows.max(axis=0))
    return lows, highs


def _indices(pair: Pair) -> list[int]:
    return [pair.first.weights, pair.first.bias, pair.second.weights, pair.second.bias]


def _outputs(layer: Linear, values: dict[int, np.ndarray]) -> np.ndarray:
    """Largest weight of each output channel."""
    import numpy as np

    weights = np.abs(values[layer.weights])
    return weights.max(axis=tuple(i for i in range(weights.ndim) if i != layer.axis))


def _inputs(pair: Pair, values: dict[int, np.ndarray]) -> np.ndarray:
    """Largest weight that reads each channel of the first layer."""
    import numpy as np

    return np.abs(_readers(pair, values)).max(axis=(0, 2))


def _readers(pair: Pair, values: dict[int, np.ndarray]) -> Any:
    """The weights of the second layer as a view (…, channels of the first, weights that read it)."""
    weights = values[pair.second.weights]
    channels = values[pair.first.weights].shape[pair.first.axis]
    if pair.second.kind == "depthwise":
        return weights.reshape(-1, channels, pair.second.multiplier)
    return weights.reshape(-1, channels, 1)


def _scale(pair: Pair, factor: np.ndarray, values: dict[int, np.ndarray]) -> None:
    weights = values[pair.first.weights]
    shape = [1] * weights.ndim
    shape[pair.first.axis] = -1
    weights /= factor.reshape(shape)
    if pair.first.bias >= 0:
        values[pair.first.bias] /= factor
    _readers(pair, values)[...] *= factor[:, None]


def _absorb(pair: Pair, least: np.ndarray, values: dict[int, np.ndarray]) -> None:
    """Moves what each channel has at least from the bias of the first layer into that of the second."""
    import numpy as np

    values[pair.first.bias] -= least
    moved = _readers(pair, values) * least[:, None]
    if pair.second.kind == "depthwise":
        values[pair.second.bias] += moved.sum(axis=0).ravel()
    else:
        outputs = len(values[pair.second.weights])
        values[pair.second.bias] += np.reshape(moved, (outputs, -1)).sum(axis=1)
