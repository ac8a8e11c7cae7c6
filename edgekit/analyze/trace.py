"""Running a quantized model beside the float one, and keeping of each tensor what tells its error.

Four of TensorFlow's own interpreters run sample by sample, with all tensors preserved: the float model, the quantized
one, the quantized operators each on its own, and the float operators each on its own with the quantized weights. They
use kernels without delegates: XNNPACK fuses operators, and keeps what is between them to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.analyze.histogram import BINS, histogram
from edgekit.analyze.isolate import isolated
from edgekit.analyze.tensors import CONVERSIONS, constants, match, operators
from edgekit.flatbuffer.graph import Graph, Operator, Tensor
from edgekit.flatbuffer.names import layer_name
from edgekit.types import TensorSpec

if TYPE_CHECKING:
    import numpy as np

PARTS = 64
"""Bins of the rounding error, over one step."""


class Noise:
    """The error of a tensor's values, added up over samples."""

    def __init__(self) -> None:
        self.values = 0
        self.sum = self.absolute = self.square = self.largest = 0.0

    @property
    def mean_square(self) -> float:
        """The noise; 0 where nothing was added."""
        return self.square / self.values if self.values else 0.0

    def add(self, error: np.ndarray) -> None:
        """Adds the errors of one sample, float32 of any shape."""
        import numpy as np

        size = np.abs(error)
        self.values += error.size
        self.sum += float(np.sum(error, dtype=np.float64))
        self.absolute += float(np.sum(size, dtype=np.float64))
        self.square += float(np.sum(np.square(error, dtype=np.float64)))
        self.largest = max(self.largest, float(size.max(initial=0)))


class Place:
    """A tensor of the quantized model, and what was seen of it. Sums over samples are float64.

    Attributes:
      tensor: of the quantized graph.
      twin: the same of the float graph.
      operator: that makes it; None for an input of the model.
      counts: histogram of the float model's values,
      calibrated: and of those over the calibration set,
      reach: the least and the greatest of which, and zero.
      parts: histogram (PARTS,) of the rounding error over a step, of values that are neither zero nor clipped.
      channel_error, channel_square, channel_signal: (channels,) sums of the accumulated error, of its square, and of
        the squared value.
      channel_largest: (channels,) absolute values.
    """

    def __init__(self, tensor: Tensor, twin: Tensor, operator: Operator | None, layer: str) -> None:
        import numpy as np

        self.tensor, self.twin, self.operator, self.layer = tensor, twin, operator, layer
        self.alone, self.operator_alone, self.weights_alone, self.accumulated = (Noise() for _ in range(4))
        self.values = self.clipped = self.zeros = 0
        self.signal = 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.reach = 0.0, 0.0
        self.counts, self.calibrated, self.parts = (np.zeros(n, np.int64) for n in (BINS, BINS, PARTS))
        channels = twin.shape[-1] if len(twin.shape) > 1 else 0
        self.channel_error, self.channel_square, self.channel_signal, self.channel_largest = np.zeros((4, channels))

    @property
    def quantized(self) -> bool:
        """Whether it is stored as integers with one scale."""
        return len(self.tensor.scales) == 1 and self.tensor.dtype in ("int8", "uint8", "int16")

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value that can be stored."""
        import numpy as np

        limits = np.iinfo(self.tensor.dtype)
        scale, zero = self.tensor.scales[0], self.tensor.zero_points[0]
        return scale * (int(limits.min) - zero), scale * (int(limits.max) - zero)

    @property
    def bias_share(self) -> float:
        """Share of the accumulated noise that is a constant error of each channel, 0 to 1.

        A mean of n independent errors has itself a variance of a n-th of theirs, which is taken off.
        """
        import numpy as np

        total, channels = float(self.channel_square.sum()), len(self.channel_error)
        if total <= 0:
            return 0.0
        each = self.values / channels
        share = float(np.sum(self.channel_error**2)) / each / total
        return max(0.0, (share - 1 / each) / (1 - 1 / each)) if each > 1 else 0.0

    def add(self, x: np.ndarray, error: np.ndarray) -> None:
        """Adds one sample: the float model's values, and the accumulated error."""
        import numpy as np

        self.values += x.size
        self.zeros += x.size - int(np.count_nonzero(x))
        self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))
        self.counts += histogram(x)
        squares = np.square(x, dtype=np.float64)
        self.signal += float(squares.sum())
        self.accumulated.add(error)
        if channels := len(self.channel_error):
            self.channel_error += error.reshape(-1, channels).sum(0, dtype=np.float64)
            self.channel_square += np.square(error, dtype=np.float64).reshape(-1, channels).sum(0)
            self.channel_signal += squares.reshape(-1, channels).sum(0)
            np.maximum(self.channel_largest, np.abs(x).reshape(-1, channels).max(0), out=self.channel_largest)
        if self.quantized:
            error = dequantize(quantize(x, self.tensor), self.tensor) - x
            self.alone.add(error)
            steps = error / self.tensor.scales[0]
            inside = np.abs(steps) <= 0.5 + 1e-3
            self.clipped += x.size - int(np.count_nonzero(inside))
            steps = np.clip(steps[inside & (x != 0)] + 0.5, 0, 1 - 1e-7)
            self.parts += np.bincount((steps * PARTS).astype(np.int64), minlength=PARTS)


class Weights(NamedTuple):
    """A constant that an operator reads, as it ships and as it was."""

    operator: Operator
    layer: str
    tensor: Tensor
    shipped: np.ndarray
    """float32, dequantized."""
    original: np.ndarray
    """float32."""


class Trace(NamedTuple):
    """What running both models showed."""

    places: list[Place]
    """In the order of execution."""
    weights: list[Weights]
    unmatched: tuple[str, ...]


def trace(
    quantized: Graph,
    reference: Graph,
    samples: list[np.ndarray],
    calibration: list[np.ndarray],
    progress: Callable[[str, float], None],
) -> Trace:
    """Runs both models over samples, and the float model over the calibration set.

    Args:
      samples, calibration: for each input (N, *shape without batch), as the float model takes it.
    """
    matched, fixed = match(quantized, reference), constants(quantized)
    aligned = operators(quantized, reference)
    run, run_float = _interpreter(quantized.content), _interpreter(reference.content)
    places = list(_places(quantized, reference, matched))
    weights = list(_weights(aligned, reference, quantized, run))
    by_layer = {place.tensor.index: place for place in places}
    replaced = {theirs.inputs[k]: w.shipped for _, theirs, k, w in weights}
    heavy = {i for _, theirs, _, _ in weights for i in theirs.outputs}
    ours, theirs = isolated(quantized), isolated(reference, replaced)
    run_alone, run_weights = _interpreter(ours[0]), _interpreter(theirs[0])
    judged = {
        place.tensor.index
        for place in places
        if place.operator and all(i < 0 or i in fixed or i in matched for i in place.operator.inputs)
    }
    tensors = quantized.tensors
    for one in _one_by_one(calibration, "calibration sample", progress):
        _invoke(run_float, dict(zip(reference.ends[0], one, strict=True)))
        for place in places:
            x = run_float.get_tensor(place.twin.index)
            place.calibrated += histogram(x)
            place.reach = min(place.reach[0], float(x.min())), max(place.reach[1], float(x.max()))
    for one in _one_by_one(samples, "sample", progress):
        _invoke(run_float, dict(zip(reference.ends[0], one, strict=True)))
        stored = (_stored(x, tensors[i]) for x, i in zip(one, quantized.ends[0], strict=True))
        _invoke(run, dict(zip(quantized.ends[0], stored, strict=True)))
        feed = {}
        for new, i in ours[1].items():
            known = i in matched
            feed[new] = _stored(run_float.get_tensor(matched[i]), tensors[i]) if known else run.get_tensor(i)
        _invoke(run_alone, feed)
        _invoke(run_weights, {new: run_float.get_tensor(i) for new, i in theirs[1].items()})
        for i, place in by_layer.items():
            x = run_float.get_tensor(place.twin.index)

            def off(interpreter: Any, index: int, tensor: Tensor, x: np.ndarray = x) -> np.ndarray:
                return dequantize(interpreter.get_tensor(index).reshape(x.shape), tensor) - x

            place.add(x, off(run, i, place.tensor))
            if i in judged:
                place.operator_alone.add(off(run_alone, i, place.tensor))
            if place.twin.index in heavy and place.operator and place.operator.name not in CONVERSIONS:
                place.weights_alone.add(off(run_weights, place.twin.index, place.twin))
    made = [i for operator in quantized.operators for i in operator.outputs if i not in fixed]
    unmatched = tuple(tensors[i].name for i in made if i not in matched)
    return Trace(places, [w for *_, w in weights], unmatched)


def quantize(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Real numbers as a tensor with one scale stores them."""
    from edgekit.runtimes import values

    return values.quantize(
        x, TensorSpec(tensor.name, tensor.shape, tensor.dtype, tensor.scales[0], tensor.zero_points[0])
    )


def dequantize(stored: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Stored numbers as the float32 that they stand for; one scale, or one a channel."""
    import numpy as np

    if not tensor.scales:
        return stored.astype(np.float32)
    shape = [1] * stored.ndim
    if len(tensor.scales) > 1:
        shape[tensor.quantized_dimension] = -1
    scale = np.array(tensor.scales, np.float32).reshape(shape)
    zero = np.array(tensor.zero_points or [0] * len(tensor.scales), np.float32).reshape(shape)
    return (stored.astype(np.float32) - zero) * scale


def _one_by_one(
    samples: list[np.ndarray], name: str, progress: Callable[[str, float], None]
) -> Iterator[list[np.ndarray]]:
    count = len(samples[0])
    for row in range(count):
        if row % 8 == 0:
            progress(f"{name} {row}/{count}", row / count)
        yield [x[row : row + 1] for x in samples]


def _places(quantized: Graph, reference: Graph, matched: dict[int, int]) -> Iterator[Place]:
    makers: dict[int, Operator | None] = {i: None for i in quantized.ends[0] if quantized.tensors[i].scales}
    makers |= {i: op for op in quantized.operators if op.name != "DEQUANTIZE" for i in op.outputs}
    layers = {i: layer_name(op, reference) for op in reference.operators for i in op.outputs}
    fixed = constants(quantized)
    for i, operator in makers.items():
        twin = reference.tensors[matched[i]] if i in matched and i not in fixed else None
        if (
            twin
            and twin.dtype == "float32"
            and (quantized.tensors[i].scales or quantized.tensors[i].dtype == "float32")
        ):
            yield Place(quantized.tensors[i], twin, operator, layers.get(twin.index, twin.name))


def _weights(
    aligned: list[tuple[Operator, Operator]], reference: Graph, quantized: Graph, run: Any
) -> Iterator[tuple[Operator, Operator, int, Weights]]:
    """The constants of operators that were quantized: both operators, the position of the input, and the values."""
    import numpy as np

    tensors, floats = quantized.tensors, reference.tensors
    fixed, others, read = constants(quantized), constants(reference), _interpreter(reference.content)
    # What was in memory is no index into a table: zero is one.
    _invoke(run, {i: np.zeros(tensors[i].shape, tensors[i].dtype) for i in quantized.ends[0]})
    sources = {op.outputs[0]: op.inputs[0] for op in quantized.operators if op.name == "DEQUANTIZE"}
    for ours, theirs in aligned:
        for k, (i, j) in enumerate(zip(ours.inputs, theirs.inputs, strict=False)):
            if i not in fixed or j not in others or floats[j].dtype != "float32" or not floats[j].bytes:
                continue
            source = tensors[sources.get(i, i)]
            shipped = dequantize(run.get_tensor(source.index), source) if source.dtype != "float32" else None
            original = read.get_tensor(j)
            if shipped is not None and shipped.size == original.size:
                shipped = shipped.reshape(original.shape)
                yield ours, theirs, k, Weights(theirs, layer_name(theirs, reference), source, shipped, original)


def _stored(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    if len(tensor.scales) == 1 and tensor.dtype in ("int8", "uint8", "int16"):
        x = quantize(x, tensor)
    return x.reshape(tensor.shape)


def _interpreter(content: bytes) -> Any:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_content=content,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


def _invoke(interpreter: Any, values: dict[int, np.ndarray]) -> None:
    """One run, without what a stateful operator remembers of the last."""
    interpreter.reset_all_variables()
    for index, x in values.items():
        interpreter.set_tensor(index, x)
    interpreter.invoke()
