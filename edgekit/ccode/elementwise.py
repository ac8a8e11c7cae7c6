"""Operators that take values one by one, or two by two: their factors, as TFLM prepares them."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.ccode.fixed_point import exponentials, quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.layers import activation_range
from edgekit.ccode.movement import broadcast
from edgekit.ccode.piece import Piece, Style, array


def lookup(node: Node, label: str, style: Style) -> Piece:
    """A function of one stored value: a table of 256, which TFLM itself fills."""
    if any(v is not None and v.data is not None and v.elements > 1 for v in node.inputs[1:]):
        raise node.refusal("it has more than one slope")
    values = array(f"{label}_table", "int8_t", style.table(node))
    call = f"lookup({label}_table, {{x0}}, {{y0}}, {node.outputs[0].elements});"
    return Piece([call], [values], ["lookup"], in_place=True)


def softmax(node: Node, label: str, style: Style) -> Piece:
    """Softmax of the last axis, with a table of exponentials."""
    source, made = node.inputs[0], node.outputs[0]
    assert source
    if (made.scale, made.zero) != (1 / 256, -128):
        raise node.refusal("its output must have the scale 1/256 and the zero point -128")
    depth = source.shape[-1]
    values = array(f"{label}_exponentials", "int32_t", exponentials(source.scale, float(node.options.beta)))
    call = f"softmax({label}_exponentials, {{x0}}, {{y0}}, {source.elements // depth}, {depth});"
    return Piece([call], [values], ["softmax"], in_place=True)


def add(node: Node, label: str, style: Style) -> Piece:
    """Sum or difference.  Source: TFLM, micro/kernels/add_common.cc, sub_common.cc: 20 more bits below, in int16 15."""
    one, other = _pair(node)
    made = node.outputs[0]
    bits = 15 if made.dtype == "int16" else 20
    twice = 2 * max(one.scale, other.scale)
    factors = [quantized_multiplier(v.scale / twice) for v in (one, other)]
    multiplier, shift = quantized_multiplier(twice / (2**bits * made.scale))
    numbers = [
        *(one.zero, *factors[0]),
        *(other.zero, *factors[1]),
        *(multiplier, shift, made.zero, *activation_range(node)),
    ]
    numbers += [2**bits, -1 if node.kind == "SUB" else 1]
    return _binary(node, label, "add", numbers)


def multiply(node: Node, label: str, style: Style) -> Piece:
    """Product.  Source: TFLM, tensorflow/lite/micro/kernels/mul_common.cc."""
    one, other = _pair(node)
    made = node.outputs[0]
    factor = quantized_multiplier(one.scale * other.scale / made.scale)
    return _binary(node, label, "multiply", [one.zero, other.zero, *factor, made.zero, *activation_range(node)])


def extreme(node: Node, label: str, style: Style) -> Piece:
    """Maximum or minimum."""
    one, other = _pair(node)
    if not (one.scale == other.scale == node.outputs[0].scale and one.zero == other.zero == node.outputs[0].zero):
        raise node.refusal("its inputs and its output must have one scale and zero point")
    return _binary(node, label, "extreme", 1 if node.kind == "MAXIMUM" else -1)


def _pair(node: Node) -> tuple[Value, Value]:
    one, other = node.inputs[:2]
    assert one and other
    return one, other


def _binary(node: Node, label: str, kernel: str, numbers: int | Sequence[int]) -> Piece:
    """A kernel of two inputs, which are made alike first where one is smaller."""
    made = node.outputs[0]
    kernel += "16" if made.dtype == "int16" else ""
    calls, constants, kernels, scratch, sides = [], [], [kernel], 0, []
    for place, value in enumerate(_pair(node)):
        if value.shape == made.shape and value.data is None:
            sides.append(f"{{x{place}}}")
        elif value.data is not None:
            constants.append(array(f"{label}_constant{place}", made.c_type, broadcast_data(value, made)))
            sides.append(f"{label}_constant{place}")
        else:
            call, sizes = broadcast(value, made, f"{label}_wide{place}", f"{{x{place}}}", f"{{scratch}} + {scratch}")
            cast = "" if made.dtype == "int8" else f"({made.c_type} *)(void *)"
            sides.append(f"{cast}({{scratch}} + {scratch})")
            calls.append(call)
            constants += sizes
            kernels.append("copy")
            scratch += made.bytes
    settings = str(numbers)
    if not isinstance(numbers, int):
        settings = f"{label}_numbers"
        constants.append(array(settings, "int32_t", numbers))
    calls.append(f"{kernel}({sides[0]}, {sides[1]}, {{y0}}, {made.elements}, {settings});")
    return Piece(calls, constants, kernels, scratch, in_place=not scratch)


def broadcast_data(value: Value, made: Value) -> list[int]:
    """A constant as large as the output that it goes into."""
    import numpy as np

    return [int(v) for v in np.broadcast_to(value.data, made.shape).ravel()]
