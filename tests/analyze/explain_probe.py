"""What the tests of explanations ask of a worker, which imports TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from edgekit.analyze.explain import explain
from edgekit.analyze.findings import Explanation
from edgekit.analyze.isolate import isolated
from edgekit.analyze.tensors import match, single_graph
from edgekit.analyze.trace import dequantize, quantize
from edgekit.flatbuffer.edit import objects, packed
from edgekit.quantize import int8
from edgekit.quantize.convert import convert
from edgekit.quantize.settings import Quantize

SAMPLES, SHAPE = 60, (12, 12, 2)


class Followed(Struct):
    """A model before and after advice was followed, on other samples than those that led to it."""

    first: Explanation
    before: Explanation
    after: Explanation | None


def small_model(hard: str = "") -> Any:
    """Convolution, depthwise convolution, pooling, dense; made hard to quantize on purpose."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(1)
    model = tf_keras.Sequential(
        [
            layers.Input(SHAPE, name="image"),
            layers.Conv2D(8, 3, activation="relu", name="first"),
            layers.Conv2D(16, 3, activation="relu", name="second"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="last"),
        ],
        name="small",
    )
    first, second = model.get_layer("first"), model.get_layer("second")
    last = model.get_layer("last")
    last.set_weights([last.get_weights()[0], np.linspace(-0.1, 0.1, 5)])  # the converter drops biases of zero
    (w, b), (v, c) = first.get_weights(), second.get_weights()
    if hard == "uneven":  # the same function: ReLU lets positive factors through
        factor = np.geomspace(1, 1000, 8).astype(np.float32)
        w, b, v = w * factor, b * factor, v / factor[:, None]
    if hard == "dead":
        v[..., [1, 4, 7]] = 0
    if hard == "outliers":
        kernel, bias = last.get_weights()
        last.set_weights([_spiked(kernel), bias])
    if hard == "steep":
        v = v * np.geomspace(1, 100, 16).astype(np.float32)
    first.set_weights([w, b])
    second.set_weights([v, c])
    return model


def samples(seed: int, glitch: float = 0.0) -> list[np.ndarray]:
    """Noise; one value in all of it may be far out."""
    x = np.random.default_rng(seed).normal(0, 1, (SAMPLES, *SHAPE)).astype(np.float32)
    if glitch:
        x[3, 4, 5, 0] = glitch
    return [x]


def follow(hard: str, glitch: float, settings: Quantize, then: Quantize) -> Followed:
    """Explains a model, quantizes it anew with other settings, and explains both on fresh samples."""
    reference, [x] = convert(small_model(hard)), samples(1, glitch)
    few, others = [x[: settings.calibration_samples]], [x[: then.calibration_samples]]
    one, other = int8.quantize(reference, few, settings), int8.quantize(reference, others, then)
    equal = int8.improved(reference, others, then)[0]
    return Followed(
        explain(reference, one, samples(2), few, settings),
        explain(reference, one, samples(3), few, settings),
        explain(equal, other, samples(3), others, then),
    )


def in_int16(hard: str) -> Explanation:
    """A model with int16 activations."""
    import tensorflow as tf

    model, calibrated = small_model(hard), samples(1)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in calibrated[0])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    settings = Quantize(scheme="int16x8", calibration_samples=SAMPLES)
    return explain(convert(model), converter.convert(), samples(2), calibrated, settings)


def renamed(settings: Quantize) -> list[Explanation]:
    """A model as the quantizer left it, and with all inner names taken away."""
    reference, calibrated = convert(small_model()), samples(1)
    content = int8.quantize(reference, calibrated, settings)
    model = objects(content)
    for number, tensor in enumerate(model.subgraphs[0].tensors):
        tensor.name = b"t%d" % number
    return [explain(reference, c, samples(2), calibrated, settings) for c in (content, packed(model))]


def by_hand() -> dict[str, list[float]]:
    """What an explanation says of the input and the first convolution, and the same in NumPy and whole models."""
    import tensorflow as tf

    reference, calibrated, fresh = convert(small_model()), samples(1), samples(2)
    content = int8.quantize(reference, calibrated, Quantize())
    found = explain(reference, content, fresh, calibrated, Quantize())
    ours = single_graph(content, "ours")
    given = ours.tensors[ours.ends[0][0]]
    x = fresh[0]
    error = dequantize(quantize(x, given), given) - x
    last = tf.lite.Interpreter(
        model_content=content,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    last.allocate_tensors()
    out = ours.tensors[ours.ends[1][0]]
    errors = []
    for row, wanted in zip(x, small_model()(x).numpy(), strict=True):
        last.set_tensor(ours.ends[0][0], quantize(row[None], given))
        last.invoke()
        errors.append(dequantize(last.get_tensor(ours.ends[1][0]), out)[0] - wanted)

    def figures(e: np.ndarray) -> list[float]:
        return [float(np.mean(e)), float(np.mean(np.abs(e))), float(np.abs(e).max()), float(np.mean(np.square(e)))]

    def told(e: Any) -> list[float]:
        return [e.mean, e.mean_absolute, e.largest, e.noise]

    first, end = found.tensors[0], found.tensors[-1]
    return {
        "input": figures(error),
        "input told": told(first.alone),
        "output": figures(np.array(errors)),
        "output told": told(end.accumulated),
    }


def alone(model: str) -> tuple[int, int]:
    """Inputs of the isolated graph, and tensors that operators or the model's inputs make."""
    content = Path(model).read_bytes()
    whole = single_graph(content, model)
    single = single_graph(isolated(whole)[0], "isolated")
    made = {i for op in whole.operators[:-1] for i in op.outputs} | set(whole.ends[0])
    return len(single.inputs), len(made)


def strangers(reference: str) -> None:
    """A quantized model explained with another's float file."""
    content = int8.quantize(convert(small_model()), samples(1), Quantize())
    explain(Path(reference).read_bytes(), content, samples(2), samples(1), Quantize())


def matched(float_io: bool) -> dict[str, str]:
    """Names of matching tensors."""
    reference = convert(small_model())
    settings = Quantize(io="float32" if float_io else "int8")
    ours, theirs = single_graph(int8.quantize(reference, samples(1), settings), ""), single_graph(reference, "")
    return {ours.tensors[i].name: theirs.tensors[j].name for i, j in match(ours, theirs).items()}


def _spiked(kernel: np.ndarray) -> np.ndarray:
    """Weights with one in each output that is much larger than the others."""
    kernel = kernel.copy()
    kernel[np.arange(5), np.arange(5)] = 25 * np.abs(kernel).max()
    return kernel
