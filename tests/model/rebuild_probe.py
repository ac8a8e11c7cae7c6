"""Run in a worker: models of Keras 3 over many layers, read, rebuilt, converted and quantized."""

import tempfile
from pathlib import Path


def zoo():
    """Name and model of each."""
    import keras
    from keras import layers as L  # noqa: N812
    from keras import ops

    def chain(shape, *parts, dtype="float32"):
        return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])

    def functional(shape, body):
        x = keras.Input(shape)
        return keras.Model(x, body(x))

    image, series = (12, 12, 4), (10, 6)
    yield "conv", chain(image, L.Conv2D(8, 3, padding="same", strides=2, activation="relu"), L.Conv2D(4, 1))
    yield "dilated", chain(image, L.Conv2D(8, 3, dilation_rate=2))
    yield "grouped", chain(image, L.Conv2D(8, 3, groups=2))
    yield "depthwise", chain(image, L.DepthwiseConv2D(3, depth_multiplier=2), L.SeparableConv2D(6, 3))
    yield "transposed", chain(image, L.Conv2DTranspose(3, 3, strides=2, padding="same"))
    yield "conv1d", chain(series, L.Conv1D(8, 3), L.MaxPooling1D(2), L.GlobalAveragePooling1D())
    yield "conv3d", chain((6, 6, 6, 2), L.Conv3D(4, 3), L.GlobalAveragePooling3D())
    yield "batch_norm", chain(image, L.Conv2D(8, 3), L.BatchNormalization(), L.ReLU(6.0))
    yield "layer_norm", chain(series, L.LayerNormalization(), L.Dense(3))
    yield "normalization", chain(image, L.Rescaling(1 / 127.5, -1), L.Normalization(mean=0.5, variance=2.0))
    for name in ("relu", "relu6", "elu", "selu", "gelu", "silu", "hard_silu", "hard_sigmoid", "softplus", "leaky_relu"):
        yield f"activation_{name}", chain((16,), L.Dense(8, activation=name), L.Dense(3, activation="softmax"))
    yield "activation_layers", chain((16,), L.Dense(8), L.LeakyReLU(), L.Dense(8), L.PReLU(), L.ELU(), L.Softmax())
    yield "pooling", chain(image, L.AveragePooling2D(2), L.MaxPooling2D(2, padding="same"), L.GlobalMaxPooling2D())
    yield (
        "shapes",
        chain(image, L.ZeroPadding2D(1), L.Cropping2D(1), L.UpSampling2D(2), L.Permute((3, 1, 2)), L.Flatten()),
    )
    yield "reshape", chain((24,), L.Reshape((4, 6)), L.Flatten(), L.Dense(5), L.RepeatVector(3))
    yield "dropouts", chain(image, L.Dropout(0.5), L.SpatialDropout2D(0.5), L.GaussianNoise(0.1), L.Conv2D(4, 3))
    yield (
        "merges",
        functional(
            (16,),
            lambda x: L.Concatenate()(
                [
                    merge([L.Dense(4)(x), L.Dense(4)(x)])
                    for merge in (L.Add(), L.Subtract(), L.Multiply(), L.Average(), L.Maximum(), L.Minimum())
                ]
            ),
        ),
    )
    yield "embedding", chain((7,), L.Embedding(20, 8), L.Flatten(), L.Dense(3), dtype="int32")
    yield "rnn", chain(series, L.SimpleRNN(5, return_sequences=True), L.GRU(5, return_sequences=True), L.LSTM(4))
    yield "bidirectional", chain(series, L.Bidirectional(L.LSTM(4)), L.Dense(2))
    yield "time_distributed", chain((5, 8), L.TimeDistributed(L.Dense(3)), L.Flatten())
    yield "attention", functional(series, lambda x: L.MultiHeadAttention(2, 3)(x, x))
    yield (
        "cross_attention",
        functional(
            series, lambda x: L.MultiHeadAttention(2, 3, value_dim=5, output_shape=4, use_bias=False)(x, x[:, :4])
        ),
    )
    yield "dot_attention", functional(series, lambda x: L.Attention(use_scale=True)([x, L.Dense(6)(x)]))
    yield "einsum", functional(series, lambda x: L.EinsumDense("abc,cd->abd", (10, 5), bias_axes="d")(x))
    yield "dot", functional(series, lambda x: L.Dot(axes=(1, 1))([x, x]))
    yield "grouped_attention", functional(series, lambda x: L.GroupQueryAttention(4, 2, 1)(x, x))
    yield "operations", functional((16,), lambda x: ops.mean(ops.relu(x * 2.0 + 1.0), axis=-1, keepdims=True))
    shared = L.Dense(16, activation="tanh")
    yield "shared_layer", functional((16,), lambda x: shared(shared(x)))
    inner = chain((16,), L.Dense(8, activation="relu"), L.Dense(16))
    yield "nested", functional((16,), lambda x: L.Add()([inner(x), inner(inner(x))]))
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    yield "two_inputs", keras.Model([right, left], L.Dense(3)(L.Subtract()([left, right])))
    x = keras.Input((16,), name="x")
    yield "two_outputs", keras.Model(x, {"a": L.Dense(2)(x), "b": L.Dense(3)(x)})


def read_all() -> dict[str, list[str]]:
    """For each model its form, why it cannot be trained, how far its outputs are from the original's, what stays in
    float, and the multiply-accumulates of its layers and of its graph."""
    import keras
    import numpy as np

    from edgekit.analyze.summary import summarize
    from edgekit.flatbuffer.read import parse_graph
    from edgekit.model.read import FLOAT, KERAS, load_file, open_keras
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import quantize_whole
    from edgekit.quantize.settings import Quantize
    from edgekit.types import Reading

    found = {}
    for name, model in zoo():
        with tempfile.TemporaryDirectory() as folder:
            model.save(f"{folder}/m.keras")
            facts = load_file.run(folder, f"{folder}/m.keras", Reading())
            distance = ""
            if facts.form == "keras":
                twin = open_keras(f"{folder}/{KERAS}", "")
                samples = _samples(facts, 4)
                structure = getattr(model, "_inputs_struct", None)
                packed = samples[0] if structure is None else keras.tree.pack_sequence_as(structure, samples)
                want = keras.tree.flatten(model(packed, training=False))
                have = keras.tree.flatten(twin(samples if len(samples) > 1 else samples[0], training=False))
                pairs = zip(want, have, strict=True)
                distance = str(max(float(np.abs(np.asarray(w) - np.asarray(h)).max()) for w, h in pairs))
                convert_file.run(folder, f"{folder}/{KERAS}", "")
            content = (Path(folder) / FLOAT).read_bytes()
            floats = quantize_whole(content, _samples(facts, 16), Quantize())[1]
            macs = summarize(f"{folder}/m.keras", Reading(), {}, {}).macs, parse_graph(content, name).macs
            found[name] = [facts.form, facts.untrainable, distance, ", ".join(floats), *map(str, macs)]
    return found


def _samples(facts, count):
    import numpy as np

    rng = np.random.default_rng(0)
    arrays = []
    for spec in facts.inputs:
        shape = (count, *spec.shape[1:])
        arrays.append(rng.integers(0, 2, shape) if spec.dtype == "int32" else rng.random(shape))
    return [a.astype(s.dtype) for a, s in zip(arrays, facts.inputs, strict=True)]


def outcome(path: str) -> str:
    """What becomes of a Keras file: `integer`, or the words of its refusal."""
    from edgekit.errors import ModelError
    from edgekit.model.read import FLOAT, KERAS, load_file
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import quantize_whole
    from edgekit.quantize.settings import Quantize
    from edgekit.types import Reading

    with tempfile.TemporaryDirectory() as folder:
        try:
            facts = load_file.run(folder, path, Reading())
        except ModelError as refusal:
            return str(refusal)
        if facts.form == "keras":
            convert_file.run(folder, f"{folder}/{KERAS}", "")
        content = (Path(folder) / FLOAT).read_bytes()
        return "; ".join(quantize_whole(content, _samples(facts, 16), Quantize())[1]) or "integer"
