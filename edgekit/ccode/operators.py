"""Each operator as a call of a kernel with its constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from edgekit.ccode.fixed_point import exponentials, quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.layers import activation_range, array, conv, dense, depthwise, pool
from edgekit.ccode.movement import MOVEMENTS, broadcast, movement


class Piece(Struct):
    """One operator in C."""

    calls: list[str]
    """Statements; `{x0}`, `{x1}`, … stand for the inputs, `{y0}` … for the outputs, `{scratch}` for extra memory."""
    constants: list[str] = field(default_factory=list)
    """Declarations before the function."""
    kernels: list[str] = field(default_factory=list)
    scratch: int = 0
    """Bytes."""
    in_place: bool = False
    """Whether the output may lie where an input lies."""
    alias: bool = False
    """Whether the output is the input, and nothing is done."""


SAME = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
UNARY = {
    *("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "PRELU", "ELU", "GELU"),
    *("QUANTIZE", "ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG"),
}
"""Functions of one stored value: a table of 256, which TFLM itself fills."""
Table = Callable[[Node], list[int]]


def piece(node: Node, kernels: str, table: Table) -> Piece:
    """What an operator is in C.

    Args:
      kernels: `portable` or `dsp`.
      table: what TFLM makes of each stored value, for an operator of `UNARY`.

    Raises:
      ModelError: it cannot be written; says why.
    """
    label = f"op{node.number}"
    if node.kind in SAME:
        return Piece([], alias=True)
    if node.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        make = {"CONV_2D": conv, "DEPTHWISE_CONV_2D": depthwise, "FULLY_CONNECTED": dense}[node.kind]
        return Piece(**make(node, label, kernels))
    if node.kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return Piece(**pool(node, label, kernels))
    if node.kind in UNARY and all(v is None or v.data is None or v.elements == 1 for v in node.inputs[1:]):
        values = array(f"{label}_table", "int8_t", table(node))
        count = node.outputs[0].elements
        return Piece([f"lookup({label}_table, {{x0}}, {{y0}}, {count});"], [values], ["lookup"], in_place=True)
    if node.kind == "SOFTMAX":
        return _softmax(node, label)
    if node.kind in BINARY:
        return BINARY[node.kind](node, label)
    if node.kind in MOVEMENTS:
        return Piece(**movement(node, label))
    raise node.refusal("C code is not written for this operator; let an interpreter run the model, or replace it")


def _softmax(node: Node, label: str) -> Piece:
    source, made = node.inputs[0], node.outputs[0]
    assert source
    if (made.scale, made.zero) != (1 / 256, -128):
        raise node.refusal("its output must have the scale 1/256 and the zero point -128")
    depth = source.shape[-1]
    values = array(f"{label}_exponentials", "int32_t", exponentials(source.scale, float(node.options.beta)))
    call = f"softmax({label}_exponentials, {{x0}}, {{y0}}, {source.elements // depth}, {depth});"
    return Piece([call], [values], ["softmax"], in_place=True)


def _add(node: Node, label: str) -> Piece:
    """TFLM, tensorflow/lite/micro/kernels/add_common.cc, sub_common.cc: 20 bits are put below the values."""
    one, other = _pair(node)
    made = node.outputs[0]
    twice = 2 * max(one.scale, other.scale)
    factors = [quantized_multiplier(v.scale / twice) for v in (one, other)]
    multiplier, shift = quantized_multiplier(twice / (2**20 * made.scale))
    sign = -1 if node.kind == "SUB" else 1
    numbers = [
        *(one.zero, *factors[0]),
        *(other.zero, sign * factors[1][0], factors[1][1]),
        *(multiplier, shift, made.zero, *activation_range(node)),
    ]
    return _binary(node, label, "add", numbers)


def _multiply(node: Node, label: str) -> Piece:
    """TFLM, tensorflow/lite/micro/kernels/mul_common.cc."""
    import numpy as np

    one, other = _pair(node)
    made = node.outputs[0]
    product = np.float32(one.scale) * np.float32(other.scale)
    factor = quantized_multiplier(float(np.float32(product / np.float32(made.scale))))
    return _binary(node, label, "multiply", [one.zero, other.zero, *factor, made.zero, *activation_range(node)])


def _extreme(node: Node, label: str) -> Piece:
    one, other = _pair(node)
    if not (one.scale == other.scale == node.outputs[0].scale and one.zero == other.zero == node.outputs[0].zero):
        raise node.refusal("its inputs and its output must have one scale and zero point")
    return _binary(node, label, "extreme", 1 if node.kind == "MAXIMUM" else -1)


BINARY: dict[str, Callable[[Node, str], Piece]] = {
    "ADD": _add,
    "SUB": _add,
    "MUL": _multiply,
    "MAXIMUM": _extreme,
    "MINIMUM": _extreme,
}


def _pair(node: Node) -> tuple[Value, Value]:
    one, other = node.inputs[:2]
    assert one and other
    return one, other


def _binary(node: Node, label: str, kernel: str, numbers: Any) -> Piece:
    """A kernel of two inputs, which are made alike first where one is smaller."""
    made = node.outputs[0]
    calls, constants, kernels, scratch, sides = [], [], [kernel], 0, []
    for place, value in enumerate(_pair(node)):
        if value.shape == made.shape and value.data is None:
            sides.append(f"{{x{place}}}")
        elif value.data is not None:
            constants.append(array(f"{label}_constant{place}", "int8_t", broadcast_data(value, made)))
            sides.append(f"{label}_constant{place}")
        else:
            call, sizes = broadcast(value, made, f"{label}_wide{place}", f"{{x{place}}}", f"{{scratch}} + {scratch}")
            sides.append(f"{{scratch}} + {scratch}")
            calls.append(call)
            constants += sizes
            kernels.append("copy")
            scratch += made.bytes
    if isinstance(numbers, list):
        constants.append(array(f"{label}_numbers", "int32_t", numbers))
        numbers = f"{label}_numbers"
    calls.append(f"{kernel}({sides[0]}, {sides[1]}, {{y0}}, {made.elements}, {numbers});")
    return Piece(calls, constants, kernels, scratch, in_place=not scratch)


def broadcast_data(value: Value, made: Value) -> list[int]:
    """A constant as large as the output that it goes into."""
    import numpy as np

    return [int(v) for v in np.broadcast_to(value.data, made.shape).ravel()]
