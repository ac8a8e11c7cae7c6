"""Layers as calls of CMSIS-NN, where its results are those of TFLM byte for byte.

Source: the declarations in CMSIS-NN's Include/arm_nnfunctions.h; which sizes its buffers have say the functions
`…_get_buffer_size` in its Source folder, which the code asks before each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.ccode.graph import Node, Value
from edgekit.ccode.linear import activation_range, biases, output_factors, pads, parts
from edgekit.ccode.piece import Piece, array

if TYPE_CHECKING:
    import numpy as np

BLOCK = 124
"""Channels of a depthwise convolution that CMSIS-NN computes at once with Helium."""
BUFFER = "where CMSIS-NN wants a larger buffer than was planned"
WIDEST = 2**16
"""From here on sizes do not fit into the 16 bits in which CMSIS-NN has them."""


def piece(node: Node, label: str) -> Piece | None:
    """What a layer is with CMSIS-NN, or None where it has to be written otherwise."""
    writer = WRITERS.get(node.kind)
    shapes = [v.shape for v in (*node.inputs, *node.outputs) if v is not None]
    if writer is None or max((n for shape in shapes for n in shape), default=0) >= WIDEST:
        return None
    return writer(node, label)


def conv(node: Node, label: str) -> Piece | None:
    """A convolution; also a depthwise one of a single channel, which is the same."""
    source, weights, made = parts(node)
    filters = weights.data.transpose(3, 1, 2, 0) if node.kind == "DEPTHWISE_CONV_2D" else weights.data
    if filters.shape[3] != source.shape[3] or filters[0].size >= WIDEST:
        return None
    sizes = [(1, *source.shape[1:]), filters.shape, (1, *made.shape[1:])]
    constants = [
        f"static const cmsis_nn_conv_params {label}_params = "
        f"{{{_offsets(node)}, {_window(node)}, {_activation(node)}}};",
        *_quantization(node, label),
        *_constants(node, label, filters, sizes),
    ]
    buffer = -(-filters[0].size // 8) * 32  # two columns of 16 bits, or with Helium four of 8, whole registers each
    return _called(label, "arm_convolve_wrapper_s8", constants, buffer, source, made)


def depthwise(node: Node, label: str) -> Piece | None:
    """A depthwise convolution."""
    source, weights, made = parts(node)
    channels, outputs = source.shape[3], weights.shape[3]
    if channels == 1:
        return conv(node, label)
    sizes = [(1, *source.shape[1:]), weights.shape, (1, *made.shape[1:])]
    many = f".ch_mult = {outputs // channels}"
    constants = [
        f"static const cmsis_nn_dw_conv_params {label}_params = "
        f"{{{_offsets(node)}, {many}, {_window(node)}, {_activation(node)}}};",
        *_quantization(node, label),
        *_constants(node, label, weights.data, sizes),
    ]
    taps = weights.shape[1] * weights.shape[2]
    buffer = 4 * taps * max(-(-outputs // 2), BLOCK)  # all channels in 16 bits, or with Helium a block of four pixels
    return _called(label, "arm_depthwise_conv_wrapper_s8", constants, buffer, source, made)


def dense(node: Node, label: str) -> Piece | None:
    """A fully connected layer; with a multiplier for each output it is a convolution of one pixel each."""
    source, weights, made = parts(node)
    outputs, inputs = weights.shape
    rows = source.elements // inputs
    if inputs >= WIDEST or rows >= WIDEST:
        return None
    if len(weights.scales) > 1:
        sizes = [(1, 1, rows, inputs), (outputs, 1, 1, inputs), (1, 1, rows, outputs)]
        still = ".stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1}"
        constants = [
            f"static const cmsis_nn_conv_params {label}_params = {{{_offsets(node)}, {still}, {_activation(node)}}};",
            *_quantization(node, label),
            *_constants(node, label, weights.data, sizes),
        ]
        return _called(label, "arm_convolve_wrapper_s8", constants, 0, source, made, whole=True)
    (multiplier, shift), *_ = output_factors(node)
    constants = [
        f"static const cmsis_nn_fc_params {label}_params = "
        f"{{{_offsets(node)}, .filter_offset = 0, {_activation(node)}}};",
        f"static const cmsis_nn_per_tensor_quant_params {label}_quantization = {{{multiplier}, {shift}}};",
        *_constants(node, label, weights.data, [(rows, 1, 1, inputs), (inputs, 1, 1, outputs), (rows, 1, 1, outputs)]),
    ]
    name = "arm_fully_connected_s8"
    return _called(label, name, constants, 0, source, made, whole=True, asked=f"&{label}_filter")


def pool(node: Node, label: str) -> Piece | None:
    """Max or average pooling."""
    source, made, options = node.given(), node.outputs[0], node.options
    kernel = options.filterHeight, options.filterWidth
    sizes = [(1, *source.shape[1:]), (1, *kernel, 1), (1, *made.shape[1:])]
    top, left = pads(node, kernel)
    still = f".stride = {{{options.strideW}, {options.strideH}}}, .padding = {{{left}, {top}}}"
    constants = [
        f"static const cmsis_nn_pool_params {label}_params = {{{still}, {_activation(node)}}};",
        *_sizes(label, sizes),
    ]
    given = f"&{label}_params, &{label}_input, {{x0}}, &{label}_filter, &{label}_output, {{y0}}"
    if node.kind == "MAX_POOL_2D":
        calls = ["const cmsis_nn_context context = {{0, 0}};"]
        calls += _each(source, made, f"arm_max_pool_s8(&context, {given})")
        return Piece(calls, constants, fails=BUFFER)
    channels, width = source.shape[3], made.shape[2]
    calls = _guarded(f"arm_avgpool_s8_get_buffer_size({width}, {channels})", 4 * channels)
    calls += _each(source, made, f"arm_avgpool_s8(&context, {given})")
    return Piece(calls, constants, scratch=4 * channels, fails=BUFFER)


WRITERS = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool),
}


def _called(
    label: str,
    function: str,
    constants: list[str],
    buffer: int,
    source: Value,
    made: Value,
    whole: bool = False,
    asked: str = "",
) -> Piece:
    """A layer with weights.

    Args:
      buffer: bytes that it may need.
      whole: whether one call computes all rows, not one image.
      asked: what its `…_get_buffer_size` takes.
    """
    asked = asked or ", ".join(f"&{label}_{word}" for word in ("params", "input", "filter", "output"))
    calls = _guarded(f"{function}_get_buffer_size({asked})", buffer)
    given = [f"&{label}_{word}" for word in ("params", "quantization", "input")]
    given += ["{x0}", f"&{label}_filter", f"{label}_weights", f"&{label}_biases", f"{label}_bias"]
    call = f"{function}(&context, {', '.join(given)}, &{label}_output, {{y0}})"
    calls += [f"return {call} != ARM_CMSIS_NN_SUCCESS;"] if whole else _each(source, made, call)
    return Piece(calls, constants, scratch=buffer, fails=BUFFER)


def _guarded(asked: str, buffer: int) -> list[str]:
    """Gives it its buffer, and refuses where it wants a larger one."""
    place = "{scratch}" if buffer else "0"
    return [f"const cmsis_nn_context context = {{{{{place}, {buffer}}}}};", f"if ({asked} > {buffer}) return 1;"]


def _each(source: Value, made: Value, call: str) -> list[str]:
    """A call for each image of a batch."""
    batch = source.shape[0]
    if batch == 1:
        return [f"return {call} != ARM_CMSIS_NN_SUCCESS;"]
    x, y = source.elements // batch, made.elements // batch
    call = call.replace("{x0}", f"{{x0}} + image * {x}").replace("{y0}", f"{{y0}} + image * {y}")
    return [
        f"for (int32_t image = 0; image < {batch}; image++) {{{{",
        f"  if ({call} != ARM_CMSIS_NN_SUCCESS) return 1;",
        "}}",
        "return 0;",
    ]


def _offsets(node: Node) -> str:
    source, made = node.given(), node.outputs[0]
    return f".input_offset = {-source.zero}, .output_offset = {made.zero}"


def _activation(node: Node) -> str:
    low, high = activation_range(node)
    return f".activation = {{{low}, {high}}}"


def _window(node: Node) -> str:
    """Stride, padding and dilation; CMSIS-NN has the width first."""
    options, weights = node.options, node.given(1)
    top, left = pads(node, weights.shape[1:3])
    return (
        f".stride = {{{options.strideW}, {options.strideH}}}, .padding = {{{left}, {top}}}, "
        f".dilation = {{{options.dilationWFactor}, {options.dilationHFactor}}}"
    )


def _quantization(node: Node, label: str) -> list[str]:
    """Of each output channel. CMSIS-NN's type has pointers to what is not constant, but only reads there."""
    factors = output_factors(node)
    return [
        array(f"{label}_multiplier", "int32_t", [m for m, _ in factors]),
        array(f"{label}_shift", "int32_t", [s for _, s in factors]),
        f"static const cmsis_nn_per_channel_quant_params {label}_quantization = "
        f"{{(int32_t *){label}_multiplier, (int32_t *){label}_shift}};",
    ]


def _constants(node: Node, label: str, weights: np.ndarray, sizes: Sequence[Sequence[int]]) -> list[str]:
    """Weights, biases and sizes."""
    outputs = sizes[2][3]
    bias = biases(node, outputs)
    return [
        array(f"{label}_weights", "int8_t", weights.ravel()),
        array(f"{label}_bias", "int32_t", bias),
        f"static const cmsis_nn_dims {label}_biases = {{1, 1, 1, {outputs}}};",
        *_sizes(label, sizes),
    ]


def _sizes(label: str, sizes: Sequence[Sequence[int]]) -> list[str]:
    return [
        f"static const cmsis_nn_dims {label}_{word} = {{{', '.join(str(int(n)) for n in size)}}};"
        for word, size in zip(("input", "filter", "output"), sizes, strict=True)
    ]
