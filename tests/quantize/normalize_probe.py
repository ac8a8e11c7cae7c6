"""Runs in a worker: models whose input has features of very different sizes, quantized."""

from pathlib import Path

import numpy as np
from masks_probe import outputs

from edgekit.flatbuffer.read import parse_graph
from edgekit.quantize.int8 import quantize_whole
from edgekit.quantize.normalize import behind, normalized, with_heads
from edgekit.quantize.settings import Quantize

SIZES, MEANS = np.array([1e6, 20, 1, 0.5, 0.01]), np.array([101325, 25, 0, 1, 0])


def features(*shape: int) -> np.ndarray:
    """(N, …, 5) float32."""
    return (np.random.default_rng(0).normal(0, 1, (*shape, 5)) * SIZES + MEANS).astype("f4")


def case(kind: str) -> tuple[bytes, list[np.ndarray]]:
    """A float `.tflite` and samples."""
    import tf_keras
    from tf_keras import layers

    from edgekit.quantize.convert import convert

    tf_keras.utils.set_random_seed(1)
    several = "conv" in kind or "sequence" in kind
    x = features(200, 12) if several else features(200)
    inputs = [layers.Input(x.shape[1:], name="sensors")]
    if kind == "Normalization":
        first = layers.Normalization()
        first.adapt(x)
        hidden = layers.Dense(16, activation="relu")(first(inputs[0]))
    elif kind == "BatchNormalization":
        first = layers.BatchNormalization(epsilon=1e-9)
        hidden = layers.Concatenate()([layers.Dense(8)(h := first(inputs[0])), layers.Activation("tanh")(h)])
        first.set_weights([np.full(5, 0.7), np.ones(5), MEANS, SIZES**2])
    elif kind == "Rescaling":
        hidden = layers.Dense(16)(layers.Rescaling(1 / SIZES, -MEANS / SIZES)(inputs[0]))
    else:
        layer = {
            "dense": lambda: layers.Dense(16),
            "sequence": lambda: layers.Dense(16),
            "flat sequence": lambda: layers.Dense(16),
            "conv valid": lambda: layers.Conv1D(16, 3),
            "conv same": lambda: layers.Conv1D(16, 3, padding="same"),
        }[kind]()
        hidden = layer(layers.Flatten()(inputs[0]) if "flat" in kind else inputs[0])
        kernel, bias = layer.get_weights()
        shape = kernel.shape
        layer.set_weights([(kernel.reshape(-1, 5, 16) / SIZES[:, None]).reshape(shape), bias - 0.01])
    if hidden.shape.rank > 2:
        hidden = layers.GlobalAveragePooling1D()(layers.Activation("tanh")(hidden))
    return convert(tf_keras.Model(inputs, layers.Dense(4)(hidden))), [x]


def found(kind: str, path: str) -> dict[str, float | str | bool]:
    """What became of it, quantized and written to a file."""
    model, x = case(kind)
    split = normalized(model, x)
    integers, left = quantize_whole(split.model, behind(split.heads, x), Quantize())
    shipped = with_heads(integers, split.heads)
    Path(path).write_bytes(shipped)
    want, have, same = (outputs(m, x) for m in (model, shipped, with_heads(split.model, split.heads)))
    return {
        "note": split.note,
        "own": bool(split.heads) and split.heads[0].own,
        "sqnr": float(10 * np.log10(np.sum(want**2) / np.sum((want - have) ** 2))),
        "moved": float(np.abs(want - same).max() / np.abs(want).max()),
        "input": parse_graph(shipped, "it").inputs[0].dtype,
        "name": parse_graph(shipped, "it").inputs[0].name,
        "left": ", ".join(left),
    }


def standalone(path: str) -> list[float]:
    """Instructions on a simulated core, whose outputs were those of TFLM."""
    from edgekit.measure.firmware import measure_model

    return [m.value for m in measure_model(path, "cortex-m4f", None) if m.name == "instructions"]


def advised(kind: str) -> list[tuple[tuple[str, ...], str]]:
    """What is advised where inputs stay int8."""
    from edgekit.analyze.feature_advice import normalize

    model, x = case(kind)
    integers, _ = quantize_whole(model, x, Quantize())
    return [(a.settings, a.text) for a in normalize(model, integers, x, Quantize(normalize=kind == "conv same"))]
