"""Which layers each technique can change, from the techniques' own facts."""

import os

from edgekit.compress.dependencies import CONVOLUTIONS, DEPTHWISE, MERGING, PADDING, PASSING
from edgekit.model.convertible import NO_FORM, NO_INTEGERS
from edgekit.quantize.simulated import MAKING, WEIGHTS

SHAPES = {"1": (16, 8), "2": (16, 16, 8), "3": (8, 8, 8, 4)}
ARGUMENTS = {
    "Dense": (4,),
    "Embedding": (20, 4),
    "SimpleRNN": (4,),
    "LSTM": (4,),
    "GRU": (4,),
    "GroupNormalization": (4,),
    "MultiHeadAttention": (1, 4),
}
OTHERS = ("BatchNormalization", "LayerNormalization", "PReLU")


def layers() -> str:
    """A line for each layer of Keras with weights: what a technique does to it."""
    os.environ["TF_USE_LEGACY_KERAS"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1", "3"
    import tf_keras

    from edgekit.compress.cluster import Cluster
    from edgekit.compress.prune import Prune

    lines = ["| layer | channels | prune | cluster | qat |", "|---|---|---|---|---|"]
    for kind in sorted({*CONVOLUTIONS, *DEPTHWISE, *ARGUMENTS, *OTHERS}):
        arguments = ARGUMENTS.get(kind) or {kind in CONVOLUTIONS: (4, 3), kind in DEPTHWISE: (3,)}.get(True, ())
        layer = getattr(tf_keras.layers, kind)(*arguments)
        given = tf_keras.Input(next((SHAPES[letter] for letter in kind if letter in SHAPES), (16, 8)))
        layer(given, given) if kind == "MultiHeadAttention" else layer(given)
        channels = "removed" if kind in CONVOLUTIONS else _followed(kind)
        able = [Prune.fits(layer), Cluster.fits(layer), kind in WEIGHTS or kind in MAKING]
        lines.append(f"| {kind} | {channels} | " + " | ".join("yes" if one else "" for one in able) + " |")
    return "\n".join(lines)


def followed() -> str:
    """Layers without weights whose channels can be followed."""
    return ", ".join(sorted({*PASSING, *PADDING, *MERGING}))


def refused() -> str:
    """Layers that have no form in TensorFlow Lite, or none in integers."""
    lines = ["| layer | has | instead |", "|---|---|---|"]
    for found, has in ((NO_FORM, "no operator"), (NO_INTEGERS, "no int8 form")):
        lines += [f"| {kind} | {has} | {instead} |" for kind, instead in sorted(found.items())]
    return "\n".join(lines)


def _followed(kind: str) -> str:
    return "followed" if kind in DEPTHWISE or kind in ("BatchNormalization", "PReLU") else ""
