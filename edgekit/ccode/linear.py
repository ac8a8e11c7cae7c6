"""Convolutions and dense layers: their constants, laid out as the kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.ccode.fixed_point import INT32_MAX, quantized_multiplier
from edgekit.ccode.graph import Node, Value
from edgekit.ccode.palette import Palette
from edgekit.ccode.piece import array
from edgekit.ccode.ranges import fits, rescaled, stored
from edgekit.ccode.shapes import dilation
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    import numpy as np


def activation_range(node: Node) -> tuple[int, int]:
    """The least and the most that a stored output may be, by the fused activation.

    Source: `CalculateActivationRangeQuantized` in tensorflow/lite/kernels/kernel_util.cc.
    """
    import numpy as np

    types, made = accessors().ActivationFunctionType, node.outputs[0]
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


def parts(node: Node) -> tuple[Value, Value, Value]:
    """What a layer takes, its weights, and what it makes."""
    return node.given(), node.given(1), node.outputs[0]


def linear(node: Node, name: str, rows: np.ndarray, own: slice, layout: np.ndarray | Palette) -> list[str]:
    """The constants of a layer.

    Args:
      rows: weights (outputs, inputs).
      own: which of the layer's outputs they are.
      layout: the same weights as the kernel reads them, or from which it is made.
    """
    import numpy as np

    source, weights, made = parts(node)
    total = weights.shape[3] if node.kind == "DEPTHWISE_CONV_2D" else weights.shape[0]
    sums = biases(node, total)[own] - source.zero * rows.sum(axis=1, dtype=np.int64)
    one = node.kind == "FULLY_CONNECTED" and len(weights.scales) == 1
    factors = output_factors(node)[:1] if one else output_factors(node)[own]
    low, high = activation_range(node)
    inputs = whole_fours(rows.shape[1]) if node.kind == "FULLY_CONNECTED" else rows.shape[1]
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


def window(node: Node, label: str, kernel: Sequence[int], depth: int) -> str:
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
        found.append(max(0, reach - size) // 2 if options.padding == accessors().Padding.SAME else 0)
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
    source, weights, made = parts(node)
    total = weights.shape[3] if node.kind == "DEPTHWISE_CONV_2D" else weights.shape[0]
    scales = weights.scales if len(weights.scales) > 1 else weights.scales * total
    return [quantized_multiplier(source.scale * scale / made.scale) for scale in scales]


def each(batch: int, call: str, source: Value, made: Value) -> list[str]:
    """A call for each image of a batch."""
    if batch == 1:
        return [call]
    x, y = source.elements // batch, made.elements // batch
    inner = call.replace("{x0}", f"{{x0}} + image * {x}").replace("{y0}", f"{{y0}} + image * {y}")
    return [f"for (int32_t image = 0; image < {batch}; image++) {inner}"]


def whole_fours(count: int) -> int:
    """In whole fours."""
    return -(-count // 4) * 4


def linear_ranges(node: Node) -> None:
    """Convolutions and dense layers: the sums of each output, which its own weights and bias decide."""
    import numpy as np

    source, made = node.given(), node.outputs[0]
    if source.dtype == "int16":
        return  # the layer takes as many bits as its weights ask for, and refuses more than TFLM has
    rows, (least, most) = by_output(node).astype(np.int64), stored(source)
    up, down = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    start = biases(node, len(rows))
    lows, highs = start + up * least + down * most, start + up * most + down * least
    fits(node, int(lows.min()), int(highs.max()), 128 * int((up - down).max()))
    for low, high, factor in zip(lows.tolist(), highs.tolist(), output_factors(node), strict=True):
        rescaled(node, (low, high), factor, made.zero)
