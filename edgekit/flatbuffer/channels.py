"""The channels of an int8 graph's tensors, the layers that make them, and the constants of both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.flatbuffer.schema import accessors, kind_of

if TYPE_CHECKING:
    import numpy as np

LAYERS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""Axis of the weights along which the output channels lie."""
ALIKE = {"MAX_POOL_2D", "AVERAGE_POOL_2D", "RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "QUANTIZE"}
"""Operators that make each channel of the same channel of their input."""


class TensorChannels(Struct):
    """What is known of the channels of one tensor, which lie along its last axis."""

    constant: list[int | None]
    """The stored value that a channel always has."""
    goes: list[bool]


class ChannelGraph:
    """The main graph with the knowledge of its channels."""

    def __init__(self, model: Any) -> None:
        self.model, self.main = model, model.subgraphs[0]
        self.kinds = [kind_of(model, op) for op in self.main.operators]
        self.ends = {int(i) for i in (*self.main.inputs, *self.main.outputs)}
        for signature in model.signatureDefs or []:
            self.ends |= {part.tensorIndex for part in (*(signature.inputs or []), *(signature.outputs or []))}
        self.makers = {int(i): n for n, op in enumerate(self.main.operators) for i in op.outputs}
        self.readers: dict[int, list[int]] = {}
        for number, operator in enumerate(self.main.operators):
            for index in operator.inputs:
                self.readers.setdefault(int(index), []).append(number)
        self.uses: dict[int, int] = {}
        for tensor in self.main.tensors:
            self.uses[tensor.buffer] = self.uses.get(tensor.buffer, 0) + 1
        self.channels: dict[int, TensorChannels] = {}
        self.read: dict[int, np.ndarray] = {}

    def maker_kind(self, tensor: int) -> str:
        return self.kinds[self.makers[tensor]] if tensor in self.makers else ""

    def parts(self, number: int) -> tuple[Any, str, list[int], int]:
        operator = self.main.operators[number]
        return operator, self.kinds[number], [int(i) for i in operator.inputs], int(operator.outputs[0])

    def reads(self, number: int) -> np.ndarray:
        """Which channels of its input a layer has weights for that are not zero."""
        if number not in self.read:
            layer = self.layer(number)
            assert layer is not None
            count = int(self.main.tensors[int(self.main.operators[number].inputs[0])].shape[-1])
            self.read[number] = layer[0].reshape(-1, count).any(axis=0)
        return self.read[number]

    def layer(self, number: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Weights int8 and bias int64 (outputs,) of a layer, None where it is none that can be changed."""
        import numpy as np

        _, kind, inputs, made = self.parts(number)
        source, out = self.main.tensors[inputs[0]], self.main.tensors[made]
        if not (int8(source) and int8(out)) or len(inputs) < 2:
            return None
        weights = self.array(inputs[1], np.int8)
        if weights is None or not self._alone(inputs[1]) or any(self._zero_points(inputs[1])):
            return None
        count = weights.shape[LAYERS[kind]]
        if len(inputs) < 3 or inputs[2] < 0:
            return None
        bias = self.array(inputs[2], np.int32)
        if bias is None or not self._alone(inputs[2]) or bias.size != count:
            return None
        if kind == "FULLY_CONNECTED" and weights.shape[1] % int(source.shape[-1]):
            return None
        return weights, bias.astype(np.int64).reshape(-1)

    def array(self, index: int, dtype: Any) -> np.ndarray | None:
        """The values of a constant tensor, None where it is none of that type."""
        import numpy as np

        tensor = self.main.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        wanted = {np.int8: "INT8", np.int32: "INT32"}[dtype]
        if data is None or tensor.sparsity is not None or tensor.type != getattr(accessors().TensorType, wanted):
            return None
        values = np.asarray(data, np.uint8).view(dtype)
        return values.reshape([int(n) for n in tensor.shape]) if values.size == math.prod(tensor.shape) else None

    def put(self, number: int, place: int, values: np.ndarray) -> None:
        """Gives an operator other constants, in a tensor and a buffer of its own."""
        import numpy as np

        tensor = self.main.tensors[int(self.main.operators[number].inputs[place])]
        if self.uses[tensor.buffer] > 1:
            self.model.buffers.append(accessors().BufferT())
            self.uses[tensor.buffer] -= 1
            tensor.buffer = len(self.model.buffers) - 1
            self.uses[tensor.buffer] = 1
        self.model.buffers[tensor.buffer].data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        tensor.shape, tensor.shapeSignature = np.asarray(values.shape, np.int32), None

    def _alone(self, index: int) -> bool:
        """Whether one operator reads a constant, and nothing else."""
        return len(self.readers.get(index, [])) == 1 and index not in self.ends

    def _zero_points(self, index: int) -> list[int]:
        quantization = self.main.tensors[index].quantization
        found = None if quantization is None else quantization.zeroPoint
        return [] if found is None else [int(z) for z in found]

    def weight_scales(self, number: int) -> list[float]:
        _, kind, inputs, _ = self.parts(number)
        tensor = self.main.tensors[inputs[1]]
        scales = [float(s) for s in tensor.quantization.scale]
        return scales if len(scales) > 1 else scales * int(tensor.shape[LAYERS[kind]])

    def multiplier(self, number: int) -> int:
        _, _, inputs, made = self.parts(number)
        return int(self.main.tensors[made].shape[-1]) // int(self.main.tensors[inputs[0]].shape[-1])

    def grouped(self, number: int) -> bool:
        _, kind, inputs, _ = self.parts(number)
        if kind != "CONV_2D":
            return False
        return int(self.main.tensors[inputs[0]].shape[-1]) != int(self.main.tensors[inputs[1]].shape[-1])

    def same_shape(self, inputs: list[int], made: int) -> bool:
        shapes = [[int(n) for n in self.main.tensors[i].shape] for i in (*inputs, made)]
        return shapes[0] == shapes[1] == shapes[2] and all(i in self.channels for i in inputs)

    def joins_channels(self, number: int) -> bool:
        """Whether a concatenation is along the last axis, of tensors of one scale."""
        operator, _, inputs, made = self.parts(number)
        out = self.main.tensors[made]
        options = operator.builtinOptions
        alike = all(scale_of(self.main.tensors[i]) == scale_of(out) for i in inputs)
        return alike and options.axis in (-1, len(out.shape) - 1) and not options.fusedActivationFunction

    def keeps_channels(self, source: int, made: int) -> bool:
        """Whether a reshape leaves the last axis, or joins all but the first one to a row of channels."""
        old, new = ([int(n) for n in self.main.tensors[i].shape] for i in (source, made))
        if scale_of(self.main.tensors[source]) != scale_of(self.main.tensors[made]) or source not in self.channels:
            return False
        return old[-1] == new[-1] or (len(new) == 2 and new[0] == old[0] and new[1] % old[-1] == 0)


def int8(tensor: Any) -> bool:
    """Whether a tensor holds int8 of one scale, and is no variable."""
    quantization = tensor.quantization
    one = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    return bool(one) and tensor.type == accessors().TensorType.INT8 and not tensor.isVariable


def scale_of(tensor: Any) -> tuple[float, int]:
    """Scale and zero point of an int8 tensor of one scale."""
    quantization = tensor.quantization
    if not int8(tensor):
        return 0.0, 0
    zeros = quantization.zeroPoint
    return float(quantization.scale[0]), int(zeros[0]) if zeros is not None and len(zeros) else 0


def padded(operator: Any, kind: str, weights: np.ndarray) -> bool:
    """Whether a layer may read zeros around its input."""
    height, width = weights.shape[1:3]
    same = operator.builtinOptions.padding == accessors().Padding.SAME
    return same and (height > 1 or width > 1)


def clamp(operator: Any, out: Any) -> tuple[int, int]:
    """The least and the most that a stored output may be, by the fused activation."""
    scale, zero = scale_of(out)
    types = accessors().ActivationFunctionType
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", types.NONE)
    limits = {types.RELU: (0.0, None), types.RELU6: (0.0, 6.0), types.RELU_N1_TO_1: (-1.0, 1.0)}
    low, high = limits.get(fused, (None, None))
    return (
        -128 if low is None else max(-128, zero + round(low / scale)),
        127 if high is None else min(127, zero + round(high / scale)),
    )
