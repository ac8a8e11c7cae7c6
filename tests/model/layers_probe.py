"""Runs in a worker: small models of all kinds of layers, from the file to int8 by way of the stages of a build."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.errors import EdgekitError
from edgekit.model.read import load_file
from edgekit.types import FLOAT, INTEGER, KERAS, Reading

PARTS = {"train": slice(96), "test": slice(96, None)}
ACTIVATIONS = (
    "elu exponential gelu hard_sigmoid linear relu relu6 selu sigmoid softmax softplus softsign swish tanh mish"
)


def cases(lib: str) -> dict[str, Callable[[], Any]]:
    """Builders by name; `lib` is `keras` or `tf_keras`."""
    import importlib

    keras = importlib.import_module(lib)
    layers: Any = keras.layers
    three = lib == "keras"

    def over(shape: tuple[int, ...], *made: Any, dtype: str = "float32") -> Any:
        tensor = first = layers.Input(shape, dtype=dtype)
        for layer in made:
            tensor = layer(tensor)
        return keras.Model(first, tensor)

    def image(*made: Any) -> Any:
        return over((12, 12, 4), *made, layers.GlobalAveragePooling2D(), layers.Dense(3))

    def series(*made: Any) -> Any:
        return over((12, 6), *made, layers.Flatten(), layers.Dense(3))

    def merged(kind: str) -> Any:
        a, b = layers.Input((8,), name="a"), layers.Input((8,), name="b")
        h = [layers.Dense(6, activation="relu")(a), layers.Dense(6)(b)]
        layer = layers.Dot(1) if kind == "Dot" else getattr(layers, kind)()
        return keras.Model([a, b], layers.Dense(2)(layer(h)))

    def attention(causal: bool = False) -> Any:
        x = layers.Input((8, 16))
        kind = {"use_causal_mask": True} if causal else {}
        return keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.MultiHeadAttention(2, 8)(x, x, **kind))))

    def encoder() -> Any:
        tokens = layers.Input((10,), dtype="int32")
        h = layers.Embedding(30, 16)(tokens)
        h = layers.LayerNormalization()(layers.Add()([h, layers.MultiHeadAttention(2, 8)(h, h)]))
        f = layers.Dense(16)(layers.Dense(32, activation="relu")(h))
        h = layers.LayerNormalization()(layers.Add()([h, f]))
        return keras.Model(tokens, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(h)))

    def shared() -> Any:
        inner = over((8,), layers.Dense(6, activation="relu"), layers.Dense(4))
        a, b = layers.Input((8,), name="a"), layers.Input((8,), name="b")
        return keras.Model([a, b], layers.Dense(2)(layers.Concatenate()([inner(a), inner(b)])))

    def nested() -> Any:
        inner = over((8, 8, 4), layers.Conv2D(4, 3), layers.BatchNormalization())
        return over((8, 8, 4), inner, layers.ReLU(), layers.GlobalMaxPooling2D(), layers.Dense(2))

    def several() -> Any:
        x = layers.Input((8,))
        h = layers.Dense(8, activation="relu")(x)
        return keras.Model(x, [layers.Dense(2, name="one")(h), layers.Dense(3, activation="softmax", name="two")(h)])

    def named() -> Any:
        ends = {"left": layers.Input((4,), name="left"), "right": layers.Input((4,), name="right")}
        return keras.Model(ends, layers.Dense(2)(layers.Concatenate()(list(ends.values()))))

    def embedded(*made: Any, mask: bool = False) -> Any:
        return over(
            (4,),
            layers.Embedding(20, 8, keras.initializers.RandomUniform(-1, 1), mask_zero=mask),
            *made,
            layers.Dense(2),
            dtype="int32",
        )

    def recurrent(layer: Any) -> Any:
        return over((3, 5), layer, layers.Dense(3, activation="softmax"))

    found: dict[str, Callable[[], Any]] = {
        "Dense": lambda: over((8,), layers.Dense(6, activation="relu"), layers.Dense(2)),
        "Conv2D dilated": lambda: image(layers.Conv2D(6, 3, dilation_rate=2)),
        "Conv2D groups": lambda: image(layers.Conv2D(8, 3, groups=2)),
        "Conv2D strides same": lambda: image(layers.Conv2D(6, 3, strides=2, padding="same")),
        "DepthwiseConv2D": lambda: image(layers.DepthwiseConv2D(3, depth_multiplier=2)),
        "SeparableConv2D": lambda: image(layers.SeparableConv2D(6, 3)),
        "Conv2DTranspose": lambda: image(layers.Conv2DTranspose(6, 3, strides=2)),
        "Conv1D": lambda: series(layers.Conv1D(6, 3, activation="relu")),
        "Conv1D causal": lambda: series(layers.Conv1D(6, 3, padding="causal", dilation_rate=2)),
        "SeparableConv1D": lambda: series(layers.SeparableConv1D(6, 3)),
        "DepthwiseConv1D": lambda: series(layers.DepthwiseConv1D(3)),
        "Conv1DTranspose": lambda: series(layers.Conv1DTranspose(6, 3, strides=2)),
        "MaxPooling1D": lambda: series(layers.MaxPooling1D(2)),
        "AveragePooling1D": lambda: series(layers.AveragePooling1D(3, padding="same")),
        "GlobalMaxPooling1D": lambda: over((12, 6), layers.GlobalMaxPooling1D(), layers.Dense(2)),
        "UpSampling1D": lambda: series(layers.UpSampling1D(2)),
        "UpSampling2D": lambda: image(layers.UpSampling2D(2)),
        "UpSampling2D bilinear": lambda: image(layers.UpSampling2D(2, interpolation="bilinear")),
        "Cropping2D": lambda: image(layers.Cropping2D(2)),
        "ZeroPadding2D": lambda: image(layers.ZeroPadding2D(2)),
        "Resizing": lambda: image(layers.Resizing(8, 8)),
        "CenterCrop": lambda: image(layers.CenterCrop(8, 8)),
        "Reshape Permute": lambda: series(layers.Reshape((6, 12)), layers.Permute((2, 1))),
        "RepeatVector": lambda: over((8,), layers.RepeatVector(3), layers.Flatten(), layers.Dense(2)),
        "BatchNormalization": lambda: image(layers.BatchNormalization()),
        "LayerNormalization": lambda: series(layers.LayerNormalization()),
        "GroupNormalization": lambda: image(layers.GroupNormalization(2)),
        "UnitNormalization": lambda: series(layers.UnitNormalization()),
        "Rescaling": lambda: image(layers.Rescaling(2.0, -1.0), layers.Conv2D(4, 3)),
        "PReLU": lambda: image(layers.Conv2D(4, 3), layers.PReLU(shared_axes=[1, 2])),
        "LeakyReLU": lambda: image(layers.Conv2D(4, 3), layers.LeakyReLU()),
        "ELU layer": lambda: image(layers.Conv2D(4, 3), layers.ELU()),
        "Softmax layer": lambda: series(layers.Softmax(axis=1)),
        "Dropout Noise": lambda: series(layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.SpatialDropout1D(0.2)),
        "Embedding": lambda: embedded(layers.Flatten()),
        "Embedding pooled": lambda: embedded(layers.GlobalAveragePooling1D()),
        "Embedding masked pooled": lambda: embedded(layers.GlobalAveragePooling1D(), mask=True),
        "Embedding masked LSTM": lambda: embedded(layers.LSTM(4), mask=True),
        "LSTM": lambda: recurrent(layers.LSTM(4)),
        "GRU": lambda: recurrent(layers.GRU(4)),
        "SimpleRNN": lambda: recurrent(layers.SimpleRNN(4)),
        "Bidirectional LSTM": lambda: recurrent(layers.Bidirectional(layers.LSTM(4))),
        "RNN of a cell": lambda: recurrent(layers.RNN(layers.LSTMCell(4))),
        "stacked cells": lambda: recurrent(layers.RNN([layers.GRUCell(4), layers.GRUCell(3)])),
        "ConvLSTM2D": lambda: over((3, 6, 6, 2), layers.ConvLSTM2D(2, 3), layers.Flatten(), layers.Dense(2)),
        "Masking LSTM": lambda: recurrent(_Chain(layers.Masking(0.0), layers.LSTM(4))),
        "TimeDistributed Dense": lambda: series(layers.TimeDistributed(layers.Dense(4))),
        "TimeDistributed Conv2D": lambda: over(
            (3, 8, 8, 2), layers.TimeDistributed(layers.Conv2D(2, 3)), layers.Flatten(), layers.Dense(2)
        ),
        "Conv3D": lambda: over((4, 6, 6, 2), layers.Conv3D(2, 2), layers.Flatten(), layers.Dense(2)),
        "MaxPooling3D": lambda: over((4, 6, 6, 2), layers.MaxPooling3D(2), layers.Flatten(), layers.Dense(2)),
        "MultiHeadAttention": attention,
        "MultiHeadAttention causal": lambda: attention(True),
        "Attention": lambda: keras.Model(
            x := layers.Input((8, 6)), layers.Dense(2)(layers.Flatten()(layers.Attention()([x, x])))
        ),
        "AdditiveAttention": lambda: keras.Model(
            x := layers.Input((8, 6)), layers.Dense(2)(layers.Flatten()(layers.AdditiveAttention()([x, x])))
        ),
        "encoder": encoder,
        **{kind: lambda kind=kind: merged(kind) for kind in "Add Subtract Multiply Average Maximum Minimum".split()},
        "Concatenate": lambda: merged("Concatenate"),
        "Dot": lambda: merged("Dot"),
        "shared model": shared,
        "nested model": nested,
        "several outputs": several,
        "inputs by name": named,
        **{
            f"activation {name}": lambda name=name: over((8,), layers.Dense(6, activation=name), layers.Dense(2))
            for name in ACTIVATIONS.split()
        },
    }
    if three:
        found |= {
            "RMSNormalization": lambda: series(layers.RMSNormalization()),
            "GroupedQueryAttention": lambda: keras.Model(
                x := layers.Input((8, 16)),
                layers.Dense(2)(layers.Flatten()(layers.GroupQueryAttention(8, 4, 2)(x, x))),
            ),
            "STFTSpectrogram": lambda: over(
                (512, 1),
                layers.STFTSpectrogram(frame_length=64, frame_step=32, fft_length=64),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2),
            ),
            "keras.ops": lambda: keras.Model(
                x := layers.Input((8, 6)), layers.Dense(2)(keras.ops.mean(keras.ops.abs(x) * 2.0 - x, axis=1))
            ),
        }
    return found


class _Chain:
    """Two layers as one."""

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def names(lib: str) -> list[str]:
    """Of all cases."""
    return list(cases(lib))


def tried(lib: str, name: str, ending: str = "") -> tuple[str, float | None]:
    """What became of a model: form and notes with its SQNR, or the line that refuses it.

    Args:
      ending: of its file; `.keras` of Keras 3, `.h5` of Keras 2 by default.
    """
    import importlib

    importlib.import_module(lib).utils.set_random_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{ending or ('.keras' if lib == 'keras' else '.h5')}"
        cases(lib)[name]().save(path)
        try:
            return quantized(path, Path(folder))
        except EdgekitError as problem:
            return f"refused: {problem}", None


def quantized(path: Path, folder: Path) -> tuple[str, float]:
    """The stages of a build for int8, with the refusals that it makes before them."""
    from edgekit.data.spec import DataSpec, Preprocessing
    from edgekit.errors import ModelError
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import quantize_file
    from edgekit.quantize.settings import Quantize

    facts = load_file.run(str(folder), str(path), Reading())
    if facts.floats:
        raise ModelError(facts.floats[0])
    note = convert_file.run(str(folder), str(folder / KERAS), "") if facts.form == "keras" else ""
    x = samples(facts.inputs, 128, 1)
    parts = {
        f"x_{part}.{i.name}": v[rows] for part, rows in PARTS.items() for i, v in zip(facts.inputs, x, strict=True)
    }
    if len(x) == 1:
        parts = {f"x_{part}": x[0][rows] for part, rows in PARTS.items()}
    np.savez(folder / "data.npz", **parts)
    data = DataSpec(str(folder / "data.npz"), "", Preprocessing(), facts.inputs, 2, seed=1)
    left = quantize_file.run(str(folder), str(folder / FLOAT), data, Quantize(calibration_samples=64))
    return "; ".join(filter(None, (facts.form, facts.untrainable, note, left))), sqnr(folder, facts.inputs)


def sqnr(folder: Path, inputs: Any) -> float:
    """Of the integer model against the float one on random samples, over all outputs, the worst, in dB."""
    from edgekit.flatbuffer.edit import main_graph
    from edgekit.quantize.activations import activations

    x = samples(inputs, 16, 0)
    made = []
    for file in (FLOAT, INTEGER):
        content = (folder / file).read_bytes()
        ends = main_graph(content)[1].OutputsAsNumpy().tolist()
        runs = list(activations(content, x, ends))
        made.append([np.stack([run[i] for run in runs]) for i in ends])
    return min(
        float(10 * np.log10(np.sum(a**2) / max(np.sum((a - b) ** 2), 1e-12 * np.sum(a**2))))
        for a, b in zip(*made, strict=True)
    )


def samples(inputs: Any, count: int, seed: int) -> list[np.ndarray]:
    """Floats of 0 to 1, and indices of 1 to 19 with zeros at the end."""
    rng = np.random.default_rng(seed)

    def values(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        if "int" not in dtype:
            return rng.random((count, *shape)).astype(dtype)
        tokens = rng.integers(1, 20, (count, *shape))
        return np.where(np.arange(shape[-1]) < rng.integers(2, shape[-1] + 1, (count, 1)), tokens, 0).astype(dtype)

    return [values(i.shape[1:], i.dtype) for i in inputs]
