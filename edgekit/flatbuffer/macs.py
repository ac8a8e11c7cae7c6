"""How many multiply-accumulates one operator takes.

Only products with weights, or of two matrices, are counted: what the field calls a model's MACs. Additions,
activations, pooling and the element-wise products inside an LSTM's cell are not. Padding is counted as if it were
data, as in other tools.

Source: the loops of TensorFlow Lite's reference kernels, `tensorflow/lite/kernels/internal/reference/`: conv.h,
depthwiseconv_uint8.h, fully_connected.h, transpose_conv.h, batch_matmul.h; and the order of an LSTM's inputs in
`tensorflow/lite/kernels/`: lstm_shared.h, bidirectional_sequence_lstm.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Shape = tuple[int, ...]

# Positions of the matrices (and diagonal "peephole" weights) among an LSTM's inputs; biases and states lie between.
_LSTM = (*range(1, 12), 16)
_LSTM_BASIC = (2,)
_LSTM_FORWARD = _LSTM
_LSTM_BACKWARD = (*range(18, 29), 33)
_LSTM_AUXILIARY = range(40, 48)


def macs(name: str, inputs: Sequence[Shape | None], output: Shape, adjoint: bool = False) -> int:
    """Multiply-accumulates of one execution of an operator.

    | operator | formula |
    |---|---|
    | CONV_2D | elements of the output x kernel height x width x channels that a filter reads |
    | DEPTHWISE_CONV_2D | elements of the output x kernel height x width |
    | TRANSPOSE_CONV | elements of the input x kernel height x width x output channels |
    | FULLY_CONNECTED | elements of the output x inputs of a unit |
    | BATCH_MATMUL | elements of the output x length of the inner dimension |
    | LSTM variants | samples x steps x elements of all weight matrices |

    Args:
      name: as in the schema, such as `CONV_2D`.
      inputs: shapes in the operator's order; None for an optional input that is absent.
      output: shape of the first output.
      adjoint: BATCH_MATMUL reads its left matrix transposed.

    Returns:
      0 for any other operator, and for one whose inputs are not as the kernels want them.
    """
    shapes = [shape or () for shape in inputs]

    def rank(position: int) -> int:
        return len(shapes[position]) if position < len(shapes) else 0

    if name == "CONV_2D" and rank(1) == 4:
        return elements(output) * elements(shapes[1][1:])
    if name == "DEPTHWISE_CONV_2D" and rank(1) == 4:
        return elements(output) * elements(shapes[1][1:3])
    if name == "TRANSPOSE_CONV" and rank(1) == 4 and rank(2) == 4:
        return elements(shapes[2]) * elements(shapes[1][:3])
    if name == "FULLY_CONNECTED" and rank(1) >= 1:
        return elements(output) * elements(shapes[1][-1:])
    if name == "BATCH_MATMUL" and rank(0) >= 2:
        return elements(output) * elements((shapes[0][-2 if adjoint else -1],))
    if name in ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM") and rank(0) >= 2:
        return elements(shapes[0][:-1]) * _weights(shapes, _matrices(name, len(shapes)))
    return 0


def elements(shape: Iterable[int]) -> int:
    """How many elements a tensor of this shape has; an unknown dimension (-1) counts as 1."""
    product = 1
    for dimension in shape:
        product *= 1 if dimension < 0 else dimension
    return product


def _matrices(name: str, inputs: int) -> Iterable[int]:
    if name == "BIDIRECTIONAL_SEQUENCE_LSTM":
        return (*_LSTM_FORWARD, *_LSTM_BACKWARD, *_LSTM_AUXILIARY)
    return _LSTM_BASIC if inputs == 5 else _LSTM


def _weights(shapes: Sequence[Shape], positions: Iterable[int]) -> int:
    return sum(elements(shapes[i]) for i in positions if i < len(shapes) and shapes[i])
