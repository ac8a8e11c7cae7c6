"""Models of Keras through loading, conversion, quantization and shrinking, to what a report calls their layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def _fused(k: Any) -> Any:
    layers = k.layers
    x = given = k.Input((8, 8, 2), name="image")
    for n in range(2):
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv_{n}")(x)
        x = layers.BatchNormalization(name=f"norm_{n}")(x)
        x = layers.ReLU(name=f"relu_{n}")(x)
    x = layers.Add(name="sum")([x, x])
    x = layers.SeparableConv2D(4, 3, name="separable")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return k.Model(given, layers.Dense(3, activation="softmax", name="head")(x), name="fused")


def _nested(k: Any) -> Any:
    layers = k.layers
    inner = k.Sequential(
        [k.Input((6, 6, 3)), layers.Conv2D(3, 3, activation="relu", name="inside"), layers.Flatten(name="flat")],
        name="block",
    )
    given = k.Input((6, 6, 3), name="image")
    return k.Model(given, layers.Dense(2, name="head")(inner(given)), name="nested")


def _attention(k: Any) -> Any:
    layers = k.layers
    given = k.Input((6, 8), name="steps")
    x = layers.MultiHeadAttention(2, 4, name="attention")(given, given)
    x = layers.LayerNormalization(name="norm")(x)
    return k.Model(given, layers.Dense(2, name="head")(layers.Flatten(name="flat")(x)), name="attending")


def _recurrent(k: Any) -> Any:
    layers = k.layers
    given = k.Input((5, 3), name="steps")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both_ways")(given)
    x = layers.TimeDistributed(layers.Dense(3, name="dense"), name="each_step")(x)
    return k.Model(given, layers.Dense(2, name="head")(layers.Flatten(name="flat")(x)), name="recurrent")


MODELS: dict[str, Callable[[Any], Any]] = {
    "fused": _fused,
    "nested": _nested,
    "attention": _attention,
    "recurrent": _recurrent,
}


def layers_of(kind: str, library: str, folder: str) -> list[list[str]]:
    """Of each operator that ships its kind, and the layer that the report names."""
    import importlib

    import numpy as np

    from edgekit.flatbuffer.anatomy import anatomy
    from edgekit.model.read import load_file, open_keras
    from edgekit.quantize.convert import without_loops
    from edgekit.quantize.int8 import integers
    from edgekit.quantize.settings import Quantize
    from edgekit.shrink.file import NAMES, shrink_file
    from edgekit.shrink.settings import Shrink
    from edgekit.types import INTEGER, KERAS, Reading

    places = [Path(folder) / name for name in ("loaded", "shrunk")]
    for place in places:
        place.mkdir()
    keras = importlib.import_module(library)
    keras.utils.set_random_seed(1)
    file = Path(folder) / ("model.keras" if library == "keras" else "model.h5")
    model = MODELS[kind](keras)
    model.save(file)
    facts = load_file.run(places[0], str(file), Reading())
    shapes = [tuple(spec.shape[1:]) for spec in facts.inputs]
    samples = [np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32) for shape in shapes]
    content, _ = integers(without_loops(open_keras(places[0] / KERAS, ""))[0], samples, Quantize())
    (places[0] / INTEGER).write_bytes(content)
    shrink_file.run(places[1], str(places[0] / INTEGER), Shrink())
    parts = anatomy.run("", str(places[1] / INTEGER), str(places[1] / NAMES), facts.names)
    return [[layer.kind, layer.name] for layer in parts.layers]
