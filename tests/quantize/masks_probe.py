"""Runs in a worker: attention with masks of all kinds, quantized."""

import numpy as np

from edgekit.flatbuffer.edit import constants, main_graph
from edgekit.quantize.activations import activations
from edgekit.quantize.int8 import quantize_whole
from edgekit.quantize.masks import bounded
from edgekit.quantize.settings import Quantize

STEPS, WIDTH = 8, 16


def attention(kind: str) -> bytes:
    """A layer of attention over (1, 8, 16) with a mask, as a float `.tflite`."""
    import tensorflow as tf

    from edgekit.model.function import _trace, to_tflite

    rng = np.random.default_rng(0)
    q, k, v, o = (tf.constant(rng.normal(0, 0.2, (WIDTH, WIDTH)).astype("f4")) for _ in range(4))
    past = np.tril(np.ones((STEPS, STEPS), "f4"))
    low = np.finfo("f4").min

    def scores(x, mask=None):
        s = tf.matmul(x @ q, x @ k, transpose_b=True)
        if kind == "added":
            s += (1 - past) * -1e9
        elif kind == "subtracted":
            s -= (1 - past) * np.float32(1e9)
        elif kind == "float min":
            s += np.where(past > 0, 0, low).astype("f4")
        elif kind == "infinite":
            s += np.where(past > 0, 0, -np.inf).astype("f4")
        elif kind == "before scaling":
            s = (s + (1 - past) * -1e9) / 4
        elif kind == "multiplied after":
            s = (s + (1 - past) * -1e4) * 0.25
        elif kind == "twice":
            s = s + (1 - past) * -1e9 + (1 - np.triu(np.ones((STEPS, STEPS), "f4"), -3)) * np.float32(-1e9)
        elif kind == "selected":
            s = tf.where(past > 0, s, -1e9)
        elif kind == "selected infinite":
            s = tf.where(past > 0, s, np.float32(-np.inf))
        elif kind in ("input", "input, whole"):
            s += (1 - mask[:, None, :]) * -1e9
        elif kind in ("integer input", "integer input, whole"):
            s += (1 - tf.cast(mask[:, None, :], tf.float32)) * -1e9
        elif kind in ("compared input", "compared input, whole"):
            s += (1 - tf.cast(mask[:, None, :] > 0, tf.float32)) * -1e9
        elif kind in ("selected by input", "selected by input, whole"):
            s = tf.where(mask[:, None, :] > 0, s, -1e9)
        return tf.reduce_mean(tf.nn.softmax(s) @ (x @ v) @ o, axis=1)

    signature = [tf.TensorSpec((1, STEPS, WIDTH), name="x")]
    if "input" in kind:
        dtype = tf.float32 if kind.startswith("input") else tf.int32
        signature.append(tf.TensorSpec((1, STEPS), dtype, name="mask"))
    return to_tflite(_trace(scores, signature))


def samples(kind: str, count: int) -> list[np.ndarray]:
    """Of each input; a mask leaves three to eight steps, or none of one sample in four."""
    rng, least = np.random.default_rng(1), 0 if "whole" in kind else 3
    x = rng.normal(0, 1, (count, STEPS, WIDTH)).astype("f4")
    mask = np.arange(STEPS) < rng.integers(least, STEPS + 1, (count, 1))
    mask &= (np.arange(count) % 4 > 0)[:, None] | ("whole" not in kind)
    return [x, mask.astype("f4" if kind.startswith("input") else "i4")] if "input" in kind else [x]


def quantized(kind: str) -> tuple[float, float, bool, str]:
    """The largest constant before and after, whether the outputs are the same to the bit, and the note; see `sqnr`."""
    model = attention(kind)
    changed, note = bounded(model, samples(kind, 64))
    sizes = [
        max(float(np.abs(c).max()) for c in constants(m).values() if c.dtype == "float32") for m in (model, changed)
    ]
    answers = [outputs(m, samples(kind, 64)) for m in (model, changed)]
    return min(sizes[0], 3.5e38), sizes[1], bool(np.array_equal(*answers)), note


def sqnr(kind: str) -> float:
    """Of the int8 model against the float one, in dB."""
    model, x = attention(kind), samples(kind, 64)
    integers, left = quantize_whole(model, x, Quantize())
    assert not left, left
    want, have = outputs(model, x), outputs(integers, x)
    return float(10 * np.log10(np.sum(want**2) / np.sum((want - have) ** 2)))


def outputs(model: bytes, x: list[np.ndarray]) -> np.ndarray:
    """Of all samples."""
    (index,) = main_graph(model)[1].OutputsAsNumpy().tolist()
    return np.concatenate([values[index] for values in activations(model, x, [index])])
