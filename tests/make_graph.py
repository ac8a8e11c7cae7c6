"""Builds int8 and int16 graphs operator by operator, as `.tflite` files, without a converter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgekit.flatbuffer.detection import DETECTION
from edgekit.flatbuffer.edit import packed
from edgekit.flatbuffer.schema import accessors

NP = {
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "FLOAT32": np.float32,
}


class Graph:
    """A graph that grows; a tensor is its number."""

    def __init__(self) -> None:
        s = self.s = accessors()
        self.model, self.graph = s.ModelT(), s.SubGraphT()
        self.model.version, self.model.description = 3, b"made by hand"
        self.model.operatorCodes, self.model.subgraphs, self.model.buffers = [], [self.graph], [s.BufferT()]
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.graph.name = b"main"

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] = 0.1,
        zero: int = 0,
        dtype: str = "INT8",
        axis: int = 0,
    ) -> int:
        """A tensor without data."""
        tensor = self.s.TensorT()
        tensor.shape, tensor.type, tensor.buffer = np.asarray(shape, np.int32), getattr(self.s.TensorType, dtype), 0
        tensor.name = b"t%d" % len(self.graph.tensors)
        if np.any(scale):
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = self.s.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = np.full(len(scales), zero, np.int64)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def input(self, shape: Sequence[int], scale: float = 0.1, zero: int = 0, dtype: str = "INT8") -> int:
        """An input of the graph."""
        self.graph.inputs.append(self.tensor(shape, scale, zero, dtype))
        return self.graph.inputs[-1]

    def constant(self, values: np.ndarray, scale: float | Sequence[float] = 0.0, axis: int = 0, zero: int = 0) -> int:
        """A tensor with data, of the array's type."""
        dtype = next(name for name, kind in NP.items() if values.dtype == kind)
        index = self.tensor(values.shape, scale, zero, dtype, axis)
        buffer = self.s.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        self.graph.tensors[index].buffer = len(self.model.buffers) - 1
        return index

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **fields: Any
    ) -> int:
        """Any operator; returns its first output."""
        code = self.s.OperatorCodeT()
        code.builtinCode, code.version = getattr(self.s.BuiltinOperator, kind), 1
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        self.model.operatorCodes.append(code)
        operator = self.s.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options:
            operator.builtinOptions = getattr(self.s, f"{options}T")()
            operator.builtinOptionsType = getattr(self.s.BuiltinOptions, options)
            for name, value in fields.items():
                setattr(operator.builtinOptions, name, value)
        self.graph.operators.append(operator)
        return outputs[0]

    def shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self.graph.tensors[tensor].shape]

    def quantization(self, tensor: int) -> tuple[float, int]:
        found = self.graph.tensors[tensor].quantization
        return float(found.scale[0]), int(found.zeroPoint[0])

    def dtype(self, tensor: int) -> str:
        """As `NP` has it."""
        return next(name for name in NP if getattr(self.s.TensorType, name) == self.graph.tensors[tensor].type)

    def _bias(self, x: int, bias: np.ndarray) -> np.ndarray:
        """As it is stored: in int32 beside int8."""
        return bias.astype(np.int32) if self.dtype(x) == "INT8" else bias

    def _activation(self, name: str) -> int:
        return getattr(self.s.ActivationFunctionType, name)

    def _window(self, size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
        reach = (kernel - 1) * dilation + 1
        return -(-size // stride) if padding == "SAME" else -(-(size - reach + 1) // stride)

    def conv(
        self,
        x: int,
        weights: np.ndarray,
        bias: np.ndarray | None,
        scale: float = 0.1,
        zero: int = 0,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "NONE",
        scales: Sequence[float] | float = 0.02,
        dilation: int = 1,
        depthwise: bool = False,
    ) -> int:
        """Convolution of weights (outputs, height, width, inputs), or depthwise of (1, height, width, outputs)."""
        axis = 3 if depthwise else 0
        per_channel = np.broadcast_to(np.asarray(scales, np.float32), weights.shape[axis])
        given = self.quantization(x)[0]
        inputs = [x, self.constant(weights, per_channel, axis)]
        if bias is not None:
            inputs.append(self.constant(self._bias(x, bias), per_channel * np.float32(given)))
        batch, height, width, _ = self.shape(x)
        size = [
            self._window(n, k, stride, padding, dilation)
            for n, k in zip((height, width), weights.shape[1:3], strict=True)
        ]
        out = self.tensor([batch, *size, weights.shape[axis]], scale, zero, self.dtype(x))
        fields = {
            "padding": getattr(self.s.Padding, padding),
            "strideH": stride,
            "strideW": stride,
            "dilationHFactor": dilation,
            "dilationWFactor": dilation,
            "fusedActivationFunction": self._activation(activation),
        }
        if depthwise:
            fields["depthMultiplier"] = weights.shape[3] // self.shape(x)[3]
            return self.operator("DEPTHWISE_CONV_2D", inputs, [out], "DepthwiseConv2DOptions", **fields)
        return self.operator("CONV_2D", inputs, [out], "Conv2DOptions", **fields)

    def dense(
        self,
        x: int,
        weights: np.ndarray,
        bias: np.ndarray | None,
        scale: float = 0.1,
        zero: int = 0,
        activation: str = "NONE",
        scales: Sequence[float] | float = 0.02,
    ) -> int:
        """Fully connected, weights (outputs, inputs)."""
        w = self.constant(weights, scales)
        inputs = [x, w]
        if bias is not None:
            inputs.append(self.constant(self._bias(x, bias), np.asarray(scales) * self.quantization(x)[0]))
        rows = int(np.prod(self.shape(x))) // weights.shape[1]
        out = self.tensor([rows, len(weights)], scale, zero, self.dtype(x))
        options = {"fusedActivationFunction": self._activation(activation)}
        return self.operator("FULLY_CONNECTED", inputs, [out], "FullyConnectedOptions", **options)

    def lstm(
        self,
        x: int,
        weights: Sequence[np.ndarray],
        biases: Sequence[np.ndarray],
        scale: float = 1 / 128,
        zero: int = 0,
        cell_scale: float = 2.0**-11,
        scales: Sequence[float] = (0.01,) * 8,
        clip: float = 0.0,
        time_major: bool = False,
    ) -> int:
        """An LSTM over a sequence; its states and its output are of the input's type.

        Args:
          weights: eight matrices (units, inputs or units): of the input, forget, cell and output gate, for the input,
            then for the state.
          biases: four vectors.
        """
        first, second, _ = self.shape(x)
        types = self.s.TensorType
        units, dtype = len(biases[0]), "INT8" if self.graph.tensors[x].type == types.INT8 else "INT16"
        batch = second if time_major else first
        states = [self.tensor([batch, units], scale, zero, dtype), self.tensor([batch, units], cell_scale, 0, "INT16")]
        for state in states:
            self.graph.tensors[state].isVariable = True
        matrices = [self.constant(w, s) for w, s in zip(weights, scales, strict=True)]
        vectors = [self.constant(b, s) for b, s in zip(biases, scales[:4], strict=True)]
        inputs = [x, *matrices, -1, -1, -1, *vectors, -1, -1, *states, -1, -1, -1, -1]
        out = self.tensor([first, second, units], scale, zero, dtype)
        options = "UnidirectionalSequenceLSTMOptions"
        fields = {"fusedActivationFunction": self._activation("TANH"), "cellClip": clip, "timeMajor": time_major}
        return self.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [out], options, **fields)

    def pool(
        self,
        x: int,
        kind: str = "MAX",
        size: int = 2,
        stride: int = 2,
        padding: str = "VALID",
        activation: str = "NONE",
    ) -> int:
        """Max or average pooling."""
        batch, height, width, channels = self.shape(x)
        places = [self._window(n, size, stride, padding) for n in (height, width)]
        out = self.tensor([batch, *places, channels], *self.quantization(x), self.dtype(x))
        return self.operator(
            f"{kind}_POOL_2D",
            [x],
            [out],
            "Pool2DOptions",
            padding=getattr(self.s.Padding, padding),
            strideH=stride,
            strideW=stride,
            filterHeight=size,
            filterWidth=size,
            fusedActivationFunction=self._activation(activation),
        )

    def add(self, a: int, b: int, scale: float = 0.1, zero: int = 0, activation: str = "NONE") -> int:
        """Sum of two tensors of one shape."""
        out = self.tensor(self.shape(a), scale, zero, self.dtype(a))
        options = {"fusedActivationFunction": self._activation(activation)}
        return self.operator("ADD", [a, b], [out], "AddOptions", **options)

    def concat(self, parts: Sequence[int], axis: int = -1) -> int:
        """Tensors of one scale side by side."""
        shape = self.shape(parts[0])
        shape[axis] = sum(self.shape(p)[axis] for p in parts)
        out = self.tensor(shape, *self.quantization(parts[0]), self.dtype(parts[0]))
        return self.operator("CONCATENATION", parts, [out], "ConcatenationOptions", axis=axis % len(shape))

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """The same values in another shape."""
        out = self.tensor(shape, *self.quantization(x), self.dtype(x))
        wanted = self.constant(np.asarray(shape, np.int32))
        return self.operator("RESHAPE", [x, wanted], [out], "ReshapeOptions", newShape=np.asarray(shape, np.int32))

    def unary(self, kind: str, x: int, scale: float, zero: int, options: str = "", **fields: Any) -> int:
        """An operator of one input that leaves the shape."""
        out = self.tensor(self.shape(x), scale, zero, self.dtype(x))
        return self.operator(kind, [x], [out], options, **fields)

    def finish(self, *outputs: int) -> bytes:
        """The file."""
        self.graph.outputs = list(outputs)
        return packed(self.model)


def detector(quantized: bool = False) -> bytes:
    """A detector of eight anchors and three classes, int8 up to the operator, or behind it too."""
    rng, g = np.random.default_rng(0), Graph()
    x = g.input([1, 2, 4, 3], 0.02, -128)
    heads = []
    for name, channels in (("boxes", 4), ("scores", 3)):
        weights = rng.integers(-127, 128, (channels, 3, 3, 3)).astype(np.int8)
        h = g.reshape(g.conv(x, weights, np.arange(channels), 0.05, 3), [1, 8, channels])
        h = g.unary("LOGISTIC", h, 1 / 256, -128) if name == "scores" else h
        wide = g.tensor([1, 8, channels], 0.0, 0, "FLOAT32")
        heads.append(g.operator("DEQUANTIZE", [h], [wide], "DequantizeOptions"))
    anchors = g.constant(rng.random((8, 4)).astype(np.float32))
    outputs = [g.tensor(shape, 0.0, 0, "FLOAT32") for shape in ([1, 5, 4], [1, 5], [1, 5], [1])]
    g.operator("CUSTOM", [*heads, anchors], outputs)
    g.model.operatorCodes[-1].customCode = DETECTION.encode()
    if quantized:
        outputs = [g.operator("QUANTIZE", [y], [g.tensor(g.shape(y), 0.01, -128)], "QuantizeOptions") for y in outputs]
    return g.finish(*outputs)
