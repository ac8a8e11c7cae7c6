"""What the tests of ranges, equalization, rounding and bias correction ask of a worker, which imports TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np

from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.flatbuffer.edit import constants, ranges, with_constants
from edgekit.flatbuffer.linear import linear_layers
from edgekit.flatbuffer.read import parse_graph
from edgekit.model.function import to_tflite
from edgekit.model.read import load_file
from edgekit.quantize.activations import activations
from edgekit.quantize.bias import mean_outputs
from edgekit.quantize.convert import convert_file
from edgekit.quantize.equalize import equalize, pairs
from edgekit.quantize.int8 import calibrate, quantize
from edgekit.quantize.ranges import asymmetric
from edgekit.quantize.rounding import hessians, round_weights, scales
from edgekit.quantize.settings import Quantize
from edgekit.quantize.stability import Drift, stability
from edgekit.types import Reading

Array = list[Any]


def float_model(model: str, folder: str) -> None:
    """A Keras file as `folder/float.tflite`."""
    place = Path(folder, "load")
    place.mkdir()
    load_file.run(str(place), model, Reading())
    convert_file.run(folder, str(next(place.iterdir())), "")


def dense_pair(first: Array, bias: Array, second: Array, activation: str, x: Array, path: str) -> None:
    """Writes a graph of two fully connected layers, (inputs, outputs) each, and its samples beside it."""
    import tensorflow as tf

    end = {"relu": tf.nn.relu, "relu6": tf.nn.relu6}[activation]
    samples = np.array(x, np.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, samples.shape[1]))])
    def model(x):
        hidden = end(tf.matmul(x, tf.constant(first, tf.float32)) + tf.constant(bias, tf.float32))
        return tf.matmul(hidden, tf.constant(second, tf.float32)) + 0.5

    Path(path).write_bytes(to_tflite(model.get_concrete_function()))
    np.save(path + ".npy", samples)


def separable(path: str, spread: float) -> None:
    """Writes a graph of 1x1, depthwise (two outputs a channel), 1x1 convolutions, pooling and a fully connected layer,
    whose channels lie apart by factors of up to `spread`."""
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def kernel(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) * np.geomspace(1, spread, shape[-1])).astype(np.float32)

    wide, depth, narrow, last = kernel(1, 1, 3, 8), kernel(3, 3, 8, 2), kernel(1, 1, 16, 6), kernel(24, 4)

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3))])
    def model(x):
        x = tf.nn.relu(tf.nn.conv2d(x, wide, 1, "VALID") + rng.normal(size=8).astype(np.float32))
        x = tf.nn.depthwise_conv2d(x, depth, [1, 2, 2, 1], "SAME")
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, narrow, 1, "VALID") + 1.0), 2, 2, "VALID")
        return tf.matmul(tf.reshape(x, (1, 24)), last) + tf.constant([0.1, 0.2, 0.3, 0.4])

    Path(path).write_bytes(to_tflite(model.get_concrete_function()))
    np.save(path + ".npy", rng.normal(size=(32, 8, 8, 3)).astype(np.float32))


def _read(path: str) -> tuple[bytes, list[np.ndarray]]:
    return Path(path).read_bytes(), [np.load(path + ".npy")]


def equalized(path: str) -> dict[str, Array]:
    """Weights and biases of each layer after equalization, how many pairs there were, the last layer's outputs before
    and after, and the activations that are left."""
    content, samples = _read(path)
    changed = equalize(content, samples)
    fixed, layers = constants(changed), linear_layers(changed)
    outputs = [
        [values[layers[-1].output].ravel().tolist() for values in activations(model, samples, [layers[-1].output])]
        for model in (content, changed)
    ]
    return {
        "weights": [fixed[layer.weights].tolist() for layer in layers],
        "biases": [fixed[layer.bias].tolist() if layer.bias >= 0 else [] for layer in layers],
        "pairs": [(p.first.operator, p.second.operator) for p in pairs(changed)],
        "before": outputs[0],
        "after": outputs[1],
        "activations": [layer.activation for layer in layers],
    }


def stored_scales(path: str, settings: Quantize) -> list[list[tuple[float, int]]]:
    """Of each tensor whose range came from calibration: scale and zero point of the int8 file, and ours."""
    content, samples = _read(path)
    limits = ranges(calibrate(content, samples, settings))
    names = {t.name: asymmetric(*limits[t.index]) for t in parse_graph(content, "").tensors if t.index in limits}
    tensors = [t for t in parse_graph(quantize(content, samples, settings), "").tensors if t.name in names]
    return [[(t.scales[0], t.zero_points[0]), names[t.name]] for t in tensors]


def integers(path: str, settings: Quantize) -> dict[str, list[Array]]:
    """Of each layer: the integers that rounding chose, those in the int8 file, and what nearest rounding gives."""
    content, samples = _read(path)
    rounded = round_weights(content, samples, settings.granularity)
    quantized = quantize(content, samples, settings)
    stored = {layer.name: constants(quantized)[layer.weights] for layer in linear_layers(quantized)}
    found = {}
    for layer in linear_layers(content):
        before, after = constants(content)[layer.weights], constants(rounded)[layer.weights]
        scale = scales(before, layer.axis, settings.granularity)
        found[layer.name] = [
            np.round(after / scale).astype(int).tolist(),
            stored[layer.name].tolist(),
            np.round(before / scale).astype(int).tolist(),
        ]
    return found


def losses(path: str) -> list[tuple[float, float]]:
    """Of each layer: mean squared error of what it computes on its own inputs, rounded by GPTQ and to the nearest."""
    content, samples = _read(path)
    layers = linear_layers(content)
    chosen = constants(round_weights(content, samples, "channel"))
    found = []
    for layer, hessian in zip(layers, hessians(content, layers, samples), strict=True):
        weights = constants(content)[layer.weights]
        scale = scales(weights, layer.axis, "channel")
        pair = []
        for other in (chosen[layer.weights], np.round(weights / scale) * scale):
            error = weights - other
            if layer.kind == "depthwise":
                rows = error.reshape(-1, len(hessian), layer.multiplier).transpose(1, 2, 0)
            else:
                rows = error.reshape(1, len(error), -1)
            pair.append(float(np.einsum("gok,gkl,gol->", rows, hessian, rows)))
        found.append((pair[0], pair[1]))
    return found


def means(path: str, settings: Quantize) -> dict[str, list[Array]]:
    """Of each layer: the mean output of the float model, that of the int8 one, and the scales of its biases."""
    content, samples = _read(path)
    quantized = quantize(content, samples, settings)
    wanted, given = (mean_outputs(m, linear_layers(m), samples) for m in (content, quantized))
    tensors = parse_graph(quantized, "").tensors
    steps = {layer.name: tensors[layer.bias].scales for layer in linear_layers(quantized)}
    return {name: [mean.tolist(), given[name].tolist(), list(steps[name])] for name, mean in wanted.items()}


def real_means(path: str) -> dict[str, list[float]]:
    content, samples = _read(path)
    return {name: mean.tolist() for name, mean in mean_outputs(content, linear_layers(content), samples).items()}


def drifts(path: str, count: int, settings: Quantize) -> list[Drift]:
    content, [samples] = _read(path)
    return stability(content, [samples[:count]], settings)


def hard(path: str, spread: float, seed: int, target: str) -> float:
    """Scales the channels between the layers of the reference model apart by 1 to `spread`, log-uniformly, and the
    weights that read them by the inverse; the seed says which channel gets which factor.

    Returns:
      the largest difference of an output, so that the function is seen to be unchanged.
    """
    content = Path(path).read_bytes()
    rng, values = np.random.default_rng(seed), dict(constants(content))
    for first, second in zip(linear_layers(content), linear_layers(content)[1:], strict=False):
        count = len(values[first.weights])
        factor = rng.permutation(np.geomspace(1, spread, count)).astype(np.float32)
        values[first.weights] = values[first.weights] * factor.reshape(-1, 1, 1, 1)
        values[first.bias] = values[first.bias] * factor
        readers = values[second.weights].reshape(-1, count) / factor
        values[second.weights] = readers.reshape(values[second.weights].shape)
    changed = with_constants(content, values)
    Path(target).write_bytes(changed)
    x, end = rng.random((20, 28, 28, 1), np.float32), [parse_graph(content, "").operators[-1].outputs[0]]
    both = zip(activations(content, [x], end), activations(changed, [x], end), strict=True)
    return max(float(np.abs(one[end[0]] - other[end[0]]).max()) for one, other in both)


def accuracy(path: str, data: DataSpec, settings: Quantize | None) -> float:
    """Percent of the evaluation set, of a float `.tflite`, or of its int8 form."""
    dataset, content = read_dataset(data), Path(path).read_bytes()
    if settings is not None:
        content = quantize(content, calibration(dataset, settings.calibration_samples, data), settings)
    end = [parse_graph(content, "").operators[-1].outputs[0]]
    runs = activations(content, prepared(dataset.evaluation, data), end)
    right = [int(values[end[0]].argmax()) == y for values, y in zip(runs, dataset.evaluation.y, strict=True)]
    return 100 * float(np.mean(right))
