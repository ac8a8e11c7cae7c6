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
        "cos": tf.cos,
        "equal": lambda x, y: tf.equal(x, y),
        "exp": tf.exp,
        "floor": tf.floor,
        "getitem": lambda x, key: x[key],
        "greater": lambda x, y: tf.greater(x, y),
        "greaterequal": lambda x, y: tf.greater_equal(x, y),
        "less": lambda x, y: tf.less(x, y),
        "lessequal": lambda x, y: tf.less_equal(x, y),
        "log": tf.math.log,
        "logicaland": tf.logical_and,
        "logicalnot": tf.logical_not,
        "logicalor": tf.logical_or,
        "matmul": tf.matmul,
        "maximum": tf.maximum,
        "minimum": tf.minimum,
        "multiply": tf.multiply,
        "negative": tf.negative,
        "notequal": lambda x, y: tf.not_equal(x, y),
        "power": tf.pow,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
        "sigmoid": tf.sigmoid,
        "rsqrt": tf.math.rsqrt,
        "selu": tf.nn.selu,
        "sign": tf.sign,
        "silu": tf.nn.silu,
        "sin": tf.sin,
        "softplus": tf.nn.softplus,
        "softsign": tf.nn.softsign,
        "sqrt": tf.sqrt,
        "square": tf.square,
        "subtract": tf.subtract,
        "tanh": tf.tanh,
        "truedivide": tf.truediv,
        "where": tf.where,
    }
    if kind in ("mean", "sum", "max", "min"):
        reduce = getattr(tf, f"reduce_{kind}")
        return lambda x: reduce(x, axis=settings["axis"], keepdims=settings["keepdims"])
    if kind in ("any", "all"):
        whether = getattr(tf, f"reduce_{kind}")
        return lambda x: whether(x, axis=settings["axis"], keepdims=settings["keepdims"])
    if kind == "cast":
        return lambda x: tf.cast(x, settings["dtype"])
    if kind == "clip":
        return lambda x: tf.clip_by_value(x, settings["x_min"], settings["x_max"])
    if kind == "expanddims":
        return lambda x: tf.expand_dims(x, settings["axis"])
    if kind == "squeeze":
        return lambda x: tf.squeeze(x, settings["axis"])
    if kind == "stack":
        return lambda xs: tf.stack(xs, axis=settings["axis"])
    if kind == "gelu":
        return lambda x: tf.nn.gelu(x, approximate=settings["approximate"])
    if kind == "elu":
        return lambda x: tf.where(x > 0, x, settings["alpha"] * (tf.exp(tf.minimum(x, 0.0)) - 1.0))
    if kind == "leakyrelu":
        return lambda x: tf.nn.leaky_relu(x, settings["negative_slope"])
    if kind == "concatenate":
        return lambda xs: tf.concat(xs, axis=settings["axis"])
    if kind == "reshape":
        return lambda x: tf.reshape(x, [-1, *settings["newshape"][1:]])
    if kind == "transpose":
        return lambda x: tf.transpose(x, settings["axes"])
    if kind == "softmax":
        return lambda x: tf.nn.softmax(x, axis=settings["axis"])
    return same.get(kind)
