"""What `ai-edge-quantizer` 0.10 leaves wrong in the files that it writes, put right.

Nothing says a word of these, and the answers are wrong or a runtime refuses the file: docs/decisions/schemes.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.flatbuffer.edit import constants, move_inside, objects, packed
from edgekit.flatbuffer.linear import linear_layers
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    import numpy as np

LARGEST = {8: 2**30, 4: 2**26}
"""What a stored bias may be at most, by the bits of the weights: half of what 32 bits hold, and a sixteenth of that
where the weights have four, which XNNPACK multiplies by 16."""


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
    """An output that nothing reads stays float beside quantized ones, for which XNNPACK refuses the operator."""
    graph = model.subgraphs[0]
    read = {int(i) for operator in graph.operators for i in operator.inputs} | {int(i) for i in graph.outputs}
    for operator in graph.operators:
        tensors = {i: graph.tensors[i] for i in operator.outputs}
        others = [t for i, t in tensors.items() if i in read and _has_scale(t)]
        for i, tensor in tensors.items():
            if i not in read and others and tensor.type == accessors().TensorType.FLOAT32:
                tensor.type, tensor.quantization = others[0].type, others[0].quantization


def _has_scale(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _restore_biases(model: Any, source: bytes) -> None:
    """A bias that is far above what its channel's weights add does not fit into 32 bits and is clipped, which moves the
    outputs by any amount. A larger scale for the weights makes room, as TensorFlow's older quantizer does it."""
    import numpy as np

    values, tensors = constants(source), model.subgraphs[0].tensors
    layers = {layer.name: layer for layer in linear_layers(source) if layer.bias >= 0}
    found, changed = [], set()
    for operator in model.subgraphs[0].operators:
        layer = layers.get(tensors[operator.outputs[0]].name.decode()) if len(operator.outputs) else None
        if layer is None or not _has_scale(tensors[operator.inputs[2]]):
            continue
        x, weights = (tensors[i].quantization for i in operator.inputs[:2])
        bits = 4 if tensors[operator.inputs[1]].type == accessors().TensorType.INT4 else 8
        least = np.abs(values[layer.bias].astype(np.float64)) / (LARGEST[bits] * x.scale[0])
        if np.any(least > weights.scale):
            wide = np.maximum(weights.scale, least if len(weights.scale) > 1 else least.max())
            weights.scale = wide.astype(np.float32)
            changed.add(operator.inputs[1])
        found.append((operator, layer, bits))
    for operator, layer, bits in found:
        if operator.inputs[1] in changed:
            x, weights, bias = (tensors[i] for i in operator.inputs[:3])
            bias.quantization.scale = scales = weights.quantization.scale * x.quantization.scale[0]
            stored = _stored(values[layer.weights], weights.quantization.scale, layer.axis, bits)
            model.buffers[weights.buffer].data = stored
            whole = np.rint(values[layer.bias] / scales.astype(np.float64))
            wide = np.int64 if bias.type == accessors().TensorType.INT64 else np.int32
            model.buffers[bias.buffer].data = whole.astype(wide).view(np.uint8)


def _stored(real: np.ndarray, scales: np.ndarray, axis: int, bits: int) -> np.ndarray:
    """Weights as bytes: symmetric, two to a byte if they have four bits, the first one below.

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
