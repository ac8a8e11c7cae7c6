"""Run in a worker for TensorFlow: the ends of models of several outputs."""

from typing import Any

import numpy as np

from edgekit.flatbuffer.diet import dieted
from edgekit.flatbuffer.read import parse
from edgekit.quantize.convert import convert, convert_fused
from edgekit.quantize.int8 import quantize_whole, quantize_with_older
from edgekit.recipe import Quantize

OUTPUTS = "zeta yot xi alpha beta gamma delta eta theta iota kappa omega".split()


def several(kind: str) -> Any:
    """Twelve outputs, of which the k-th has k + 1 values, in an order that is not alphabetical."""
    import tf_keras
    from tf_keras import layers

    x = layers.Input((5, 4), name="sequence")
    h = layers.LSTM(6)(x) if kind == "fused" else layers.Flatten()(x)
    outputs = [layers.Dense(k + 1, name=name)(h) for k, name in enumerate(OUTPUTS)]
    return tf_keras.Model(x, dict(zip(OUTPUTS, outputs, strict=True)) if kind == "dictionary" else outputs)


def ends(kind: str) -> dict[str, list[tuple[str, int]]]:
    """Name and size of each output, by the file; outputs of the float file are compared with Keras."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    model, x = several(kind), np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    content = (convert_fused if kind == "fused" else convert)(model)
    session = tf.lite.Interpreter(model_content=content)
    session.allocate_tensors()
    session.set_tensor(session.get_input_details()[0]["index"], x[:1])
    session.invoke()
    given = [session.get_tensor(end["index"]) for end in session.get_output_details()]
    made = model(x[:1])
    made = [made[name] for name in sorted(OUTPUTS)] if kind == "dictionary" else made
    for ours, wanted in zip(given, made, strict=True):
        np.testing.assert_allclose(ours, wanted.numpy(), atol=1e-4)
    quantized = quantize_whole(content, [x], Quantize())[0]
    found = {"float": content, "int8": quantized, "shrunk": dieted(quantized)}
    if kind != "fused":
        found["older"] = quantize_with_older(content, [x], Quantize()) or b""
    graphs = {name: parse(file, name) for name, file in found.items()}
    ends = {name: (*graph.inputs, *graph.outputs) for name, graph in graphs.items()}
    return {name: [(spec.name, spec.shape[-1]) for spec in specs] for name, specs in ends.items()}
