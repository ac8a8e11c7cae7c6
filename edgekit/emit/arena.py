"""How much RAM to reserve on the device, given what was measured on the build host."""

from __future__ import annotations

from edgekit.flatbuffer.macs import elements
from edgekit.flatbuffer.read import Graph

LEAST = 1024
SHARE = 20
"""One part in so many: 5 %."""


def arena_with_margin(graph: Graph, measured_bytes: int) -> int:
    """Bytes of an arena that suffices on the device: what was measured, plus a margin, in multiples of 16.

    The host has 64-bit pointers and runs reference kernels. On a 32-bit device TFLM's structures are smaller (a CNN of
    30,032 B on the host took 29,044 B on a Cortex-M4F), but optimized kernels ask for scratch memory in the same arena
    (CMSIS-NN: 64 B more for that CNN, 656 B or 1.2 % more for ResNet8), which grows with the widest convolution.
    So the margin is the largest of 1 KiB, 5 % of the measured arena, and the scratch that CMSIS-NN may ask for at once.
    Measure on the device and set the exact size where RAM is short.
    """
    margin = max(LEAST, measured_bytes // SHARE, scratch_bytes(graph))
    return (measured_bytes + margin + 15) // 16 * 16


def scratch_bytes(graph: Graph) -> int:
    """The most scratch memory that one operator of the model takes with CMSIS-NN, DSP or MVE extension.

    Source: CMSIS-NN, Source/ConvolutionFunctions/: `arm_convolve_get_buffer_sizes_s8.c` (four patches as int8 or two as
    int16, in whole vectors of 16) and `arm_depthwise_conv_get_buffer_sizes_s8.c` (a patch as int16; with MVE, 4 blocks
    of 124 channels). A fully connected layer may keep a sum for each unit; an int32 each is counted to be safe.
    """
    most = 0
    for operator in graph.operators:
        if operator.custom or len(operator.inputs) < 2 or operator.inputs[1] < 0:
            continue
        weights = graph.tensors[operator.inputs[1]].shape
        if operator.name == "CONV_2D" and len(weights) == 4:
            most = max(most, 4 * ((elements(weights[1:]) + 15) // 16 * 16))
        elif operator.name == "DEPTHWISE_CONV_2D" and len(weights) == 4:
            most = max(most, 2 * elements(weights[1:]), 4 * 124 * elements(weights[1:3]))
        elif operator.name == "FULLY_CONNECTED" and weights:
            most = max(most, 4 * elements(weights[:1]))
    return most
