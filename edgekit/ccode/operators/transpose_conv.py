"""Transposed convolutions: for each place of the stride a convolution of the weights that meet there."""

from __future__ import annotations

import math

from edgekit.ccode.contract import Operator
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.linear import activation_range, biases, each, linear_ranges, output_factors, pairs
from edgekit.ccode.linear16 import linear16, pairs16, sums_of
from edgekit.ccode.operators.conv import conv_kernels, conv_scratch
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.shapes import COPIES, integers, padding, ranked, within
from edgekit.flatbuffer.schema import accessors


def transpose_conv_shape(node: Node) -> list[Shape]:
    """TRANSPOSE_CONV: as large as its first input says, which no rule derives from the rest."""
    size, (outputs, *kernel, depth), (batch, *image, channels) = integers(node, 0), ranked(node, 1), ranked(node, 2)
    node.require(len(size) == 4 and min(size) > 0, "its first input is not the shape of its output")
    node.require(depth == channels, f"its weights are for {depth} channels, and its input has {channels}")
    padding(node)
    strides = node.options.strideH, node.options.strideW
    within(node, image, kernel, strides, (1, 1), channels)
    within(node, size[1:3], kernel, strides, (1, 1), outputs)
    parts = math.prod(min(s, n) for s, n in zip(strides, size[1:3], strict=True))
    node.require(parts <= COPIES, f"with its stride it would be {parts:,} convolutions")
    return [(batch, *size[1:3], outputs)]


def transpose_conv(node: Node, label: str, style: Style) -> Piece:
    """A transposed convolution."""
    import numpy as np

    source, weights, made, like = node.given(2), node.given(1), node.outputs[0], as_conv(node)
    multipliers = output_factors(like)
    wide = sums_of(like, weights.data.reshape(len(weights.data), -1))
    (batch, height, width, channels), (outputs, *kernel, _) = source.shape, weights.shape
    stride, out = (node.options.strideH, node.options.strideW), made.shape[1:3]
    same = node.options.padding == accessors().Padding.SAME
    pads = [
        max(0, (-(-o // s) - 1) * s + k - o) // 2 if same else 0 for o, s, k in zip(out, stride, kernel, strict=True)
    ]
    bias = biases(like, outputs)
    low, high = activation_range(node)
    constants = []
    if not wide:
        constants.append(array(f"{label}_multiplier", "int32_t", [m for m, _ in multipliers]))
        constants.append(array(f"{label}_shift", "int8_t", [-s for _, s in multipliers]))
    calls, largest = [], 0
    for y in range(min(stride[0], out[0])):
        for x in range(min(stride[1], out[1])):
            name = f"{label}_p{y}_{x}"
            taps = weights.data
            before = []
            for axis, place in enumerate((y, x)):
                first = (place + pads[axis]) % stride[axis]
                chosen = range(first, kernel[axis], stride[axis])[::-1]
                taps = taps.take(chosen, axis + 1) if chosen else np.zeros_like(taps.take([0], axis + 1))
                before.append(taps.shape[axis + 1] - 1 - (place + pads[axis]) // stride[axis])
            rows = taps.reshape(outputs, -1)
            size = [-(-(o - place) // s) for o, place, s in zip(out, (y, x), stride, strict=True)]
            numbers = [height, width, channels, channels, *size, *taps.shape[1:3], 1, 1, 1, 1, *before, source.zero]
            constants.append(f"static const window {name}_window = {{{', '.join(map(str, numbers))}}};")
            steps = f"{stride[0] * out[1] * outputs}, {stride[1] * outputs}"
            start = f"{{y0}} + {(y * out[1] + x) * outputs}"
            call = f"transpose_conv{made.suffix}(&{name}, &{name}_window, {{x0}}, {start}, {steps}, {{scratch}});"
            calls += [text.replace("{x0}", "{x2}") for text in each(batch, call, source, made)]
            largest = max(largest, rows.shape[1])
            if wide:
                constants += linear16(like, name, pairs16(rows), rows.shape, wide, slice(None))
                continue
            sums = bias - source.zero * rows.sum(axis=1, dtype=np.int64)
            constants += [
                array(f"{name}_weights", "int8_t", pairs(rows, style.kernels)),
                array(f"{name}_bias", "int32_t", sums),
                f"static const linear {name} = {{{name}_weights, {name}_bias, {label}_multiplier, {label}_shift, "
                f"{rows.shape[1]}, {outputs}, {made.zero}, {low}, {high}}};",
            ]
    kernels = [*conv_kernels(like, wide, style), f"transpose_conv{made.suffix}"]
    return Piece(calls, constants, kernels, conv_scratch(largest, wide, style))


def as_conv(node: Node) -> Node:
    """The same with its inputs in the order in which a convolution has them."""
    return Node(node.number, node.kind, [node.given(2), node.given(1), *node.inputs[3:]], node.outputs, node.options)


OPERATORS = {
    "TRANSPOSE_CONV": Operator(
        "nwxb?",
        transpose_conv_shape,
        transpose_conv,
        transpose_conv,
        options="TransposeConv",
        ranges=lambda node: linear_ranges(as_conv(node)),
    )
}
