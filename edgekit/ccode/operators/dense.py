"""Fully connected layers."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from edgekit.ccode.contract import Operator
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.linear import linear, linear_ranges, parts, right, whole_fours
from edgekit.ccode.linear16 import kernels16, linear16, pairs16, sums_of
from edgekit.ccode.palette import palette
from edgekit.ccode.piece import Piece, Style
from edgekit.ccode.shapes import ranked

if TYPE_CHECKING:
    import numpy as np

BIAS_SHARE = 0.02
"""Of an output's step, by which the scale of a dense layer's bias may miss the product of its input's and weights'."""


def dense_shape(node: Node) -> list[Shape]:
    """FULLY_CONNECTED: rows of whatever axes; files of any rank are in use, so the output's own leading axes count."""
    source, (outputs, inputs), made = node.given(), ranked(node, 1, 2), node.outputs[0].shape
    node.require(not node.options.weightsFormat, "its weights are shuffled")
    node.require(source.elements % inputs == 0, f"its weights are for {inputs} inputs, which its input has not")
    rows = source.elements // inputs
    if node.options.keepNumDims:
        node.require(source.shape[-1:] == (inputs,), f"it keeps axes, and the last of its input is not {inputs}")
        return [(*source.shape[:-1], outputs)]
    return [(*made[:-1], outputs) if math.prod(made[:-1]) == rows else (rows, outputs)]


def dense_ranges(node: Node) -> None:
    """The sums of each output, and what the scale of the bias must be.

    Source: `GetQuantizedConvolutionMultipler` in tensorflow/lite/kernels/kernel_util.cc.
    """
    source, weights, bias = node.given(), node.given(1), node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and bias.scales and len(weights.scales) == 1 and source.dtype == "int8":
        missed = abs(source.scale * weights.scale - bias.scale) / node.outputs[0].scale
        said = f"the scale of its bias {bias.name!r} is not that of its input and its weights"
        node.require(missed <= BIAS_SHARE, said)
    linear_ranges(node)


def dense(node: Node, label: str, style: Style) -> Piece:
    """A fully connected layer; inputs that are no whole fours are copied to where they are."""
    source, weights, made = parts(node)
    layout = partial(woven, kernels=style.kernels)
    few = palette(weights.data, layout) if style.tables else None
    constants = linear(node, label, weights.data, slice(None), few or layout(weights.data))
    inputs, each = weights.shape[1], int(len(weights.scales) > 1)
    rows, four = source.elements // inputs, whole_fours(inputs)
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


def dense16(node: Node, label: str, style: Style) -> Piece:
    """A fully connected layer."""
    source, weights, _ = parts(node)
    sums = sums_of(node, weights.data)
    assert sums
    constants = linear16(node, label, pairs16(weights.data), weights.shape, sums, slice(None))
    call = f"dense16(&{label}, {{x0}}, {{y0}}, {source.elements // weights.shape[1]});"
    return Piece([call], constants, [*kernels16(sums), f"dense16_{style.kernels}"])


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


OPERATORS = {
    "FULLY_CONNECTED": Operator("xwb?", dense_shape, dense, dense16, options="FullyConnected", ranges=dense_ranges)
}
