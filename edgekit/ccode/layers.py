"""Convolutions, dense layers and pooling: their constants, laid out as the kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from edgekit.ccode.fixed_point import INT32_MAX, quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.palette import Palette, palette
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.shapes import dilation
from edgekit.flatbuffer.read import _schema

if TYPE_CHECKING:
    import numpy as np

BLOCK = 8
"""Outputs of a convolution that are decoded at once where there is no room for more."""


def activation_range(node: Node) -> tuple[int, int]:
    """The least and the most that a stored output may be, by the fused activation.

    Source: `CalculateActivationRangeQuantized` in tensorflow/lite/kernels/kernel_util.cc.
    """
    import numpy as np

    types, made = _schema().ActivationFunctionType, node.outputs[0]
    fused = node.options.fusedActivationFunction
    ends = {types.NONE: (None, None), types.RELU: (0.0, None), types.RELU6: (0.0, 6.0), types.RELU_N1_TO_1: (-1.0, 1.0)}
    if fused not in ends:
        raise node.refusal("its fused activation is none of ReLU, ReLU6 and ReLU_N1_TO_1")

    def stored(real: float) -> int:
        exact = real and float(np.float32(real) / np.float32(made.scale))
        node.require(abs(exact) < INT32_MAX, f"its activation ends at {real:g}, beyond what its output can store")
        return made.zero + int(np.trunc(exact + np.copysign(0.5, exact)))

    low, high = ends[fused]
    limits = np.iinfo(made.dtype)
    return (
        limits.min if low is None else max(limits.min, stored(low)),
        limits.max if high is None else min(limits.max, stored(high)),
    )


def conv(node: Node, label: str, style: Style) -> Piece:
    """A convolution, grouped or not; or a depthwise one of a single channel, which is the same."""
    source, weights, made = _parts(node)
    filters = weights.data.transpose(3, 1, 2, 0) if node.kind == "DEPTHWISE_CONV_2D" else weights.data
    (batch, *_, channels), (outputs, height, width, depth) = source.shape, filters.shape
    groups = channels // depth
    many = outputs // groups
    constants, calls = [_window(node, label, (height, width), depth)], []
    layout, size = partial(pairs, kernels=style.kernels), height * width * depth
    kernels, scratch = conv_kernels(node, style), conv_scratch(size, style)
    extra = saved = 0
    for group in range(groups):
        own, name = slice(group * many, (group + 1) * many), f"{label}_g{group}" if groups > 1 else label
        rows = filters[own].reshape(many, -1)
        few = palette(rows, layout) if style.tables else None
        constants += _linear(node, name, rows, own, few or layout(rows))
        ends = f"{{x0}} + {group * depth}, {{y0}} + {group * many}" if groups > 1 else "{x0}, {y0}"
        call = f"conv(&{name}, &{label}_window, {ends}, {outputs}, {{scratch}});"
        if few:
            block = _block(many, few.count, style.room)
            places = f"{{scratch}} + {scratch}, {{scratch}}"
            call = f"palette_conv(&{name}, &{name}_palette, &{label}_window, {ends}, {outputs}, {block}, {places});"
            kernels += [few.kernel, "palette_conv"]
            extra, saved = max(extra, few.decoded(block)), saved + few.saved
        calls += _each(batch, call, source, made)
    return Piece(calls, constants, kernels, scratch + extra, grows=saved > 0, saved=saved)


def conv_kernels(node: Node, style: Style) -> list[str]:
    """What a convolution needs."""
    return ["linear", *right(node), "window", f"conv_{style.kernels}", "dots", "conv"]


def conv_scratch(inputs: int, style: Style) -> int:
    """Bytes that a convolution needs, of so many products for each output."""
    return 4 * inputs if style.kernels == "portable" else 9 * _up(inputs)


def _up(count: int) -> int:
    """In whole fours."""
    return -(-count // 4) * 4


def _block(channels: int, weights: int, room: int) -> int:
    """How many outputs of a convolution are decoded at once, an even number: the input is gathered for each block."""
    most = max(BLOCK, (room // weights + BLOCK) // 2 * 2)
    blocks = -(-channels // most)
    return -(-channels // (2 * blocks)) * 2


def depthwise(node: Node, label: str, style: Style) -> Piece:
    """A depthwise convolution."""
    source, weights, made = _parts(node)
    channels, outputs = source.shape[3], weights.shape[3]
    if channels == 1:
        return conv(node, label, style)
    rows = weights.data.reshape(-1, outputs)
    constants = [_window(node, label, weights.shape[1:3], channels)]
    constants += _linear(node, label, rows.T, slice(None), rows.ravel())
    call = f"depthwise(&{label}, &{label}_window, {{x0}}, {{y0}}, {outputs // channels}, {{scratch}});"
    calls = _each(source.shape[0], call, source, made)
    kernels, taps = ["linear", *right(node), "ended", "window", "depthwise"], weights.shape[1] * weights.shape[2]
    return Piece(calls, constants, kernels, channels, defines={"MAX_TAPS": taps})


def dense(node: Node, label: str, style: Style) -> Piece:
    """A fully connected layer; inputs that are no whole fours are copied to where they are."""
    source, weights, made = _parts(node)
    layout = partial(woven, kernels=style.kernels)
    few = palette(weights.data, layout) if style.tables else None
    constants = _linear(node, label, weights.data, slice(None), few or layout(weights.data))
    inputs, each = weights.shape[1], int(len(weights.scales) > 1)
    rows, four = source.elements // inputs, _up(inputs)
    kernels, call = ["linear", *right(node), f"dense_{style.kernels}"], f"dense(&{label}"
    if few:
        kernels += [few.kernel, "palette_dense"]
        call = f"palette_dense(&{label}, &{label}_palette"
    else:
        kernels += [_lanes(weights.data, style.kernels), "dense"]
    saved = few.saved if few else 0
    if four == inputs:
        return Piece([f"{call}, {{x0}}, {{y0}}, {rows}, {each});"], constants, kernels, saved=saved)
    calls = [
        f"memset({{scratch}}, 0, {four});",
        f"for (int32_t row = 0; row < {rows}; row++) {{{{",
        f"  memcpy({{scratch}}, {{x0}} + row * {inputs}, {inputs});",
        f"  {call}, {{scratch}}, {{y0}} + row * {made.elements // rows}, 1, {each});",
        "}}",
    ]
    return Piece(calls, constants, kernels, four, saved=saved)


def pool(node: Node, label: str, style: Style) -> Piece:
    """Max or average pooling."""
    source, made = node.given(), node.outputs[0]
    kernel, options = ("max_pool" if node.kind == "MAX_POOL_2D" else "average_pool") + made.suffix, node.options
    low, high = activation_range(node)
    call = f"{kernel}(&{label}_window, {{x0}}, {{y0}}, {low}, {high});"
    return Piece(
        _each(source.shape[0], call, source, made),
        [_window(node, label, (options.filterHeight, options.filterWidth), source.shape[3])],
        ["window", *([f"larger_{style.kernels}{made.suffix}"] if node.kind == "MAX_POOL_2D" else []), kernel],
        in_place=source.shape[0] == 1 and options.padding == _schema().Padding.VALID,
    )


def biases(node: Node, outputs: int) -> np.ndarray:
    """Of each output, int64."""
    import numpy as np

    given = node.inputs[2] if len(node.inputs) > 2 else None
    return np.zeros(outputs, np.int64) if given is None else given.data.reshape(-1).astype(np.int64)


def pairs(rows: np.ndarray, kernels: str) -> np.ndarray:
    """Weights (outputs, inputs) as the kernels read them: two outputs side by side, one by one for the portable
    kernels, in fours, even ones before odd ones, for those with DSP instructions."""
    import numpy as np

    outputs, inputs = rows.shape
    wide = inputs if kernels == "portable" else -(-inputs // 4) * 4
    padded = np.zeros((outputs + outputs % 2, wide), np.int8)
    padded[:outputs, :inputs] = rows
    if kernels == "portable":
        return padded.reshape(-1, 2, wide).transpose(0, 2, 1).ravel()
    fours = padded.reshape(-1, 2, wide // 4, 2, 2)  # pair of outputs, output, four, first or second half, even or odd
    return fours.transpose(0, 2, 4, 3, 1).ravel()


def woven(rows: np.ndarray, kernels: str) -> np.ndarray:
    """Weights (outputs, inputs) as the dense kernels read them: words of 32 bits, each with those of two outputs.

    For the portable kernels it holds two neighbouring inputs, so that turning it by half brings the second to where
    the first was; for those with DSP instructions inputs 0 and 2, or 1 and 3, of every four.
    """
    import numpy as np

    outputs, inputs = rows.shape
    padded = np.zeros((outputs + outputs % 2, -(-inputs // 4) * 4), np.int8)
    padded[:outputs, :inputs] = rows
    upper, lower = padded[::2].view(np.uint8), padded[1::2].view(np.uint8) ^ 0x80
    if kernels == "portable":
        quarters = [lower[:, 0::2], upper[:, 1::2], lower[:, 1::2], upper[:, 0::2]]
        return np.stack(quarters, axis=-1).astype("<u1").reshape(-1).view("<i4")
    halves = np.stack([lower, upper], axis=-1).reshape(len(upper), -1, 2, 2, 2)  # pair, four, half, even or odd, byte
    return np.ascontiguousarray(halves.transpose(0, 1, 3, 2, 4)).reshape(-1).view("<i4")


def _lanes(rows: np.ndarray, kernels: str) -> str:
    """Whether the dense kernels can take all inputs at once, because no sum overflows whatever these are."""
    import numpy as np

    wide = np.pad(rows.astype(np.int64), ((0, len(rows) % 2), (0, 0)))
    upper, lower = np.abs(wide[::2]).sum(axis=1), (wide[1::2] + 128).sum(axis=1)
    most = 128 * (lower if kernels == "portable" else 256 * upper + lower).max()
    return "lanes_whole" if most < (2**23 if kernels == "portable" else 2**31) else "lanes"


def _parts(node: Node) -> tuple[Value, Value, Value]:
    return node.given(), node.given(1), node.outputs[0]


def _linear(node: Node, name: str, rows: np.ndarray, own: slice, layout: np.ndarray | Palette) -> list[str]:
    """The constants of a layer.

    Args:
      rows: weights (outputs, inputs).
      own: which of the layer's outputs they are.
      layout: the same weights as the kernel reads them, or from which it is made.
    """
    import numpy as np

    source, weights, made = _parts(node)
    total = weights.shape[3] if node.kind == "DEPTHWISE_CONV_2D" else weights.shape[0]
    sums = biases(node, total)[own] - source.zero * rows.sum(axis=1, dtype=np.int64)
    one = node.kind == "FULLY_CONNECTED" and len(weights.scales) == 1
    factors = output_factors(node)[:1] if one else output_factors(node)[own]
    low, high = activation_range(node)
    inputs = _up(rows.shape[1]) if node.kind == "FULLY_CONNECTED" else rows.shape[1]
    if isinstance(layout, Palette):
        stored, start = layout.constants(name), "0"
    else:
        stored = [array(f"{name}_weights", f"{layout.dtype}_t", layout)]
        start = f"{name}_weights" if layout.dtype == np.int8 else f"(const int8_t *){name}_weights"
    return [
        *stored,
        array(f"{name}_bias", "int32_t", sums),
        array(f"{name}_multiplier", "int32_t", [m for m, _ in factors]),
        array(f"{name}_shift", "int8_t", [-s for _, s in factors]),
        f"static const linear {name} = {{{start}, {name}_bias, {name}_multiplier, {name}_shift, "
        f"{inputs}, {len(rows)}, {made.zero}, {low}, {high}}};",
    ]


def _window(node: Node, label: str, kernel: Sequence[int], depth: int) -> str:
    """Where a convolution or pooling looks."""
    source, made, options = node.given(), node.outputs[0], node.options
    stride = options.strideH, options.strideW
    numbers = [
        *source.shape[1:],
        depth,
        *made.shape[1:3],
        *kernel,
        *stride,
        *dilation(node),
        *pads(node, kernel),
        source.zero,
    ]
    return f"static const window {label}_window = {{{', '.join(str(int(n)) for n in numbers)}}};"


def pads(node: Node, kernel: Sequence[int]) -> list[int]:
    """What is added above and left of an image."""
    source, made, options = node.given(), node.outputs[0], node.options
    found = []
    stride = options.strideH, options.strideW
    for size, out, k, s, d in zip(source.shape[1:3], made.shape[1:3], kernel, stride, dilation(node), strict=True):
        reach = (out - 1) * s + (k - 1) * d + 1
        found.append(max(0, reach - size) // 2 if options.padding == _schema().Padding.SAME else 0)
    return found


def by_output(node: Node) -> np.ndarray:
    """Weights (outputs, inputs)."""
    weights: np.ndarray = node.given(1).data
    last = node.kind == "DEPTHWISE_CONV_2D"
    return weights.reshape(-1, weights.shape[3]).T if last else weights.reshape(len(weights), -1)


def right(node: Node) -> tuple[str, ...]:
    """The kernels that end a layer: quicker ones where all factors are below a half and all sums below 2**30, and where
    its outputs may be anything that can be stored."""
    import numpy as np

    most = 256 * np.abs(by_output(node).astype(np.int16)).sum(axis=1, dtype=np.int64)
    most += np.abs(biases(node, len(most)))
    small = bool((most < 2**30).all())
    end = "finish" if small and all(m and shift < 0 for m, shift in output_factors(node)) else "finish_any"
    return ("limits_full" if activation_range(node) == (-128, 127) else "limits"), end


def output_factors(node: Node) -> list[tuple[int, int]]:
    """What each output's sum is multiplied with."""
    source, weights, made = _parts(node)
    total = weights.shape[3] if node.kind == "DEPTHWISE_CONV_2D" else weights.shape[0]
    scales = weights.scales if len(weights.scales) > 1 else weights.scales * total
    return [quantized_multiplier(source.scale * scale / made.scale) for scale in scales]


def _each(batch: int, call: str, source: Value, made: Value) -> list[str]:
    """A call for each image of a batch."""
    if batch == 1:
        return [call]
    x, y = source.elements // batch, made.elements // batch
    inner = call.replace("{x0}", f"{{x0}} + image * {x}").replace("{y0}", f"{{y0}} + image * {y}")
    return [f"for (int32_t image = 0; image < {batch}; image++) {inner}"]
