"""What `ai-edge-quantizer` 0.10 leaves wrong in the files that it writes, put right.

Nothing says a word of these, and the answers are wrong or a runtime refuses the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.flatbuffer.edit import constants, move_inside, objects, packed
from edgekit.flatbuffer.linear import linear_layers
from edgekit.flatbuffer.read import _schema

if TYPE_CHECKING:
    import numpy as np

LIMIT = 2**31 - 1
"""Where biases are clipped, those of 64 bits too."""


def repaired(quantized: bytes, source: bytes) -> bytes:
    """The same model with its weights inside of the FlatBuffer, one type for all outputs of a split, and whole biases.

    Args:
      quantized: what `ai-edge-quantizer` made of `source`.
      source: the float `.tflite`.
    """
    model = objects(quantized)
    move_inside(model, quantized)
    _type_unread_outputs(model)
    _restore_biases(model, source)
    return packed(model)


def _type_unread_outputs(model: Any) -> None:
    """An output that nothing reads stays float beside integer ones, for which XNNPACK refuses the operator."""
    graph = model.subgraphs[0]
    read = {int(i) for operator in graph.operators for i in operator.inputs} | {int(i) for i in graph.outputs}
    for operator in graph.operators:
        others = [graph.tensors[i] for i in operator.outputs if i in read]
        for i in operator.outputs:
            if i not in read and others:
                graph.tensors[i].type, graph.tensors[i].quantization = others[0].type, others[0].quantization


def _restore_biases(model: Any, source: bytes) -> None:
    """A bias that is far above what its channel's weights add does not fit into 32 bits and is clipped, which moves the
    outputs by any amount. A larger scale for the weights makes room, as TensorFlow's older quantizer does it."""
    import numpy as np

    types, values = _schema().TensorType, constants(source)
    layers = {layer.name: layer for layer in linear_layers(source) if layer.bias >= 0}
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        layer = layers.get(tensors[operator.outputs[0]].name.decode()) if len(operator.outputs) else None
        if layer is None or tensors[operator.inputs[2]].type not in (types.INT32, types.INT64):
            continue
        x, weights, bias = (tensors[i] for i in operator.inputs[:3])
        step, scales = float(x.quantization.scale[0]), np.asarray(weights.quantization.scale, np.float64)
        size = np.abs(values[layer.bias].astype(np.float64))
        clipped = size >= LIMIT * step * scales
        if not clipped.any():
            continue
        scales = np.where(clipped, 2 * size / (LIMIT * step), scales)
        if len(weights.quantization.scale) == 1:
            scales = scales.max(keepdims=True)
        scales = scales.astype(np.float32)
        four = weights.type == types.INT4
        weights.quantization.scale, bias.quantization.scale = scales, scales * np.float32(step)
        model.buffers[weights.buffer].data = _weights(values[layer.weights], scales, layer.axis, 4 if four else 8)
        whole = np.round(values[layer.bias] / bias.quantization.scale.astype(np.float64))
        wide = np.int32 if bias.type == types.INT32 else np.int64
        model.buffers[bias.buffer].data = whole.astype(wide).view(np.uint8)


def _weights(real: np.ndarray, scales: np.ndarray, axis: int, bits: int) -> np.ndarray:
    """Weights as they are stored: symmetric, two to a byte if they have four bits, the first one below.

    Args:
      real: (outputs, …), or another `axis` for the outputs.
      scales: one, or one for each output.
    """
    import numpy as np

    shape = [1] * real.ndim
    shape[axis] = -1
    most = 2 ** (bits - 1) - 1
    stored = np.clip(np.rint(real / scales.reshape(shape)), -most, most).astype(np.int8).ravel().view(np.uint8)
    if bits == 8:
        return stored
    stored = np.append(stored, np.zeros(stored.size % 2, np.uint8)) & 15
    return stored[::2] | stored[1::2] << 4
