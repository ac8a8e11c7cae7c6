"""Functions of Keras 3 as functions of TensorFlow, for what Keras 2 has no layer or activation of that meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def activation_of(layer: Any) -> Function | None:
    """The activation of a Keras 3 layer, where Keras 2 has none of that name or means another one by it."""
    import tensorflow as tf

    def hard_sigmoid(x: Any) -> Any:
        return tf.nn.relu6(x + 3.0) * (1 / 6)

    functions: dict[str, Function] = {
        "hard_sigmoid": hard_sigmoid,  # Keras 2: 0.2 * x + 0.5, clipped
        "hard_silu": lambda x: x * hard_sigmoid(x),
        "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.2),
        "log_softmax": tf.nn.log_softmax,
        "relu6": tf.nn.relu6,
        "silu": tf.nn.silu,
        "tanh_shrink": lambda x: x - tf.tanh(x),
    }
    return functions.get(getattr(getattr(layer, "activation", None), "__name__", ""))


def function_of(operation: Any) -> Function | None:
    """An operation of Keras 3, such as `x + y` or `keras.ops.mean(x)`; None where there is no such function here."""
    import tensorflow as tf

    kind = type(operation).__name__.lower()
    settings = vars(operation)
    same: dict[str, Function] = {
        "abs": tf.abs,
        "add": tf.add,
        "divide": tf.divide,
        "exp": tf.exp,
        "getitem": lambda x, key: x[key],
        "log": tf.math.log,
        "matmul": tf.matmul,
        "maximum": tf.maximum,
        "minimum": tf.minimum,
        "multiply": tf.multiply,
        "negative": tf.negative,
        "power": tf.pow,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
        "sigmoid": tf.sigmoid,
        "silu": tf.nn.silu,
        "softplus": tf.nn.softplus,
        "sqrt": tf.sqrt,
        "square": tf.square,
        "subtract": tf.subtract,
        "tanh": tf.tanh,
        "truedivide": tf.truediv,
    }
    if kind in ("mean", "sum", "max", "min"):
        reduce = getattr(tf, f"reduce_{kind}")
        return lambda x: reduce(x, axis=settings["axis"], keepdims=settings["keepdims"])
    if kind == "concatenate":
        return lambda xs: tf.concat(xs, axis=settings["axis"])
    if kind == "reshape":
        return lambda x: tf.reshape(x, [-1, *settings["newshape"][1:]])
    if kind == "transpose":
        return lambda x: tf.transpose(x, settings["axes"])
    if kind == "softmax":
        return lambda x: tf.nn.softmax(x, axis=settings["axis"])
    return same.get(kind)
