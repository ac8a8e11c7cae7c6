"""Convolutions, grouped or not, and depthwise ones."""

from __future__ import annotations

import math
from functools import partial

from edgekit.ccode.contract import Operator
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.linear import by_output, each, linear, linear_ranges, pairs, parts, right, whole_fours, window
from edgekit.ccode.linear16 import Sums, kernels16, linear16, pairs16, sums_of
from edgekit.ccode.palette import palette
from edgekit.ccode.piece import Piece, Style
from edgekit.ccode.shapes import listed, ranked, seen

BLOCK = 8
"""Outputs of a convolution that are decoded at once where there is no room for more."""
MOST_TAPS = 4096
"""Of a depthwise kernel: for each there is a pointer on the stack."""


def conv_shape(node: Node) -> list[Shape]:
    """CONV_2D, grouped or not."""
    (batch, *image, channels), (outputs, *kernel, depth) = ranked(node, 0), ranked(node, 1)
    node.require(
        channels % depth == 0 and outputs % (channels // depth) == 0,
        f"its weights are for {depth} channels and {outputs} outputs, and its input has {channels} channels",
    )
    return [(batch, *seen(node, image, kernel, channels), outputs)]


def depthwise_shape(node: Node) -> list[Shape]:
    """DEPTHWISE_CONV_2D."""
    (batch, *image, channels), (one, *kernel, outputs) = ranked(node, 0), ranked(node, 1)
    multiplier = node.options.depthMultiplier
    node.require(
        one == 1 and multiplier * channels == outputs,
        f"its weights, {listed(node.given(1).shape)}, do not fit its input of {channels} channels and its multiplier "
        f"{multiplier}",
    )
    return [(batch, *seen(node, image, kernel, channels), outputs)]


def conv(node: Node, label: str, style: Style) -> Piece:
    """A convolution, grouped or not; or a depthwise one of a single channel, which is the same."""
    source, weights, made = parts(node)
    filters = weights.data.transpose(3, 1, 2, 0) if node.kind == "DEPTHWISE_CONV_2D" else weights.data
    (batch, *_, channels), (outputs, height, width, depth) = source.shape, filters.shape
    groups, size = channels // depth, height * width * depth
    many, wide = outputs // groups, sums_of(node, filters.reshape(outputs, -1))
    constants, calls = [window(node, label, (height, width), depth)], []
    kernels, scratch = conv_kernels(node, wide, style), conv_scratch(size, wide, style)
    extra = saved = 0
    for group in range(groups):
        own, name = slice(group * many, (group + 1) * many), f"{label}_g{group}" if groups > 1 else label
        rows, few = filters[own].reshape(many, -1), None
        if wide:
            constants += linear16(node, name, pairs16(rows), rows.shape, wide, own)
        else:
            layout = partial(pairs, kernels=style.kernels)
            few = palette(rows, layout) if style.tables else None
            constants += linear(node, name, rows, own, few or layout(rows))
        ends = f"{{x0}} + {group * depth}, {{y0}} + {group * many}" if groups > 1 else "{x0}, {y0}"
        call = f"conv{made.suffix}(&{name}, &{label}_window, {ends}, {outputs}, {{scratch}});"
        if few:
            block = _block(many, few.count, style.room)
            places = f"{{scratch}} + {scratch}, {{scratch}}"
            call = f"palette_conv(&{name}, &{name}_palette, &{label}_window, {ends}, {outputs}, {block}, {places});"
            kernels += [few.kernel, "palette_conv"]
            extra, saved = max(extra, few.decoded(block)), saved + few.saved
        calls += each(batch, call, source, made)
    return Piece(calls, constants, kernels, scratch + extra, grows=saved > 0, saved=saved)


def conv_kernels(node: Node, wide: Sums | None, style: Style) -> list[str]:
    """What a convolution needs."""
    if wide:
        return [*kernels16(wide), "window", f"products16_{style.kernels}", "look16", "dots16", "conv16"]
    return ["linear", *right(node), "window", f"conv_{style.kernels}", "dots", "conv"]


def conv_scratch(inputs: int, wide: Sums | None, style: Style) -> int:
    """Bytes that a convolution needs, of so many products for each output."""
    if wide:
        return 2 * (4 * (inputs + inputs % 2) + inputs)
    return 4 * inputs if style.kernels == "portable" else 9 * whole_fours(inputs)


def _block(channels: int, weights: int, room: int) -> int:
    """How many outputs of a convolution are decoded at once, an even number: the input is gathered for each block."""
    most = max(BLOCK, (room // weights + BLOCK) // 2 * 2)
    blocks = -(-channels // most)
    return -(-channels // (2 * blocks)) * 2


def depthwise(node: Node, label: str, style: Style) -> Piece:
    """A depthwise convolution."""
    source, weights, made = parts(node)
    (_, height, width, outputs), channels = weights.shape, source.shape[3]
    if channels == 1:
        return conv(node, label, style)
    rows, wide = weights.data.reshape(-1, outputs), sums_of(node, by_output(node))
    constants = [window(node, label, (height, width), channels)]
    if wide:
        constants += linear16(node, label, rows.ravel(), rows.T.shape, wide, slice(None))
    else:
        constants += linear(node, label, rows.T, slice(None), rows.ravel())
    name = f"depthwise{made.suffix}"
    call = f"{name}(&{label}, &{label}_window, {{x0}}, {{y0}}, {outputs // channels}, {{scratch}});"
    kernels = [*(kernels16(wide) if wide else ["linear", *right(node), "ended"]), "window", name]
    calls, scratch = each(source.shape[0], call, source, made), channels * source.bytes // source.elements
    return Piece(calls, constants, kernels, scratch, defines={"MAX_TAPS": height * width})


def depthwise_ranges(node: Node) -> None:
    """The sums of each output, and as many products for each as the kernel has pointers for."""
    taps = math.prod(node.given(1).shape[1:3])
    node.require(taps <= MOST_TAPS, f"its kernel has {taps:,} values, and C code is written for {MOST_TAPS:,}")
    linear_ranges(node)


OPERATORS = {
    "CONV_2D": Operator("xwb?", conv_shape, conv, conv, options="Conv2D", ranges=linear_ranges),
    "DEPTHWISE_CONV_2D": Operator(
        "xwb?", depthwise_shape, depthwise, depthwise, options="DepthwiseConv2D", channels=3, ranges=depthwise_ranges
    ),
}
