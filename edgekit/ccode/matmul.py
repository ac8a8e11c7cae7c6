"""Products of matrices that are computed."""

from __future__ import annotations

from edgekit.ccode.fixed_point import quantized_multiplier
from edgekit.ccode.graph import Node
from edgekit.ccode.movement import operand
from edgekit.ccode.piece import Piece, Style, array

DIMENSIONS = 5


def matmul(node: Node, label: str, style: Style) -> Piece:
    """Batches of products.  Source: TFLM, tensorflow/lite/micro/kernels/batch_matmul.cc."""
    import numpy as np

    made, sides, constants, views = node.outputs[0], list[str](), list[str](), []
    one, other = node.given(), node.given(1)
    batch = made.shape[:-2]
    for place, (value, turned) in enumerate(((one, node.options.adjX), (other, node.options.adjY))):
        view = np.zeros(value.shape, value.dtype)
        view = view.swapaxes(-1, -2) if turned else view
        views.append(np.broadcast_to(view, (*batch, *view.shape[-2:])))
        name, declared = operand(value, place, label)
        sides.append(name)
        constants += declared
    lead, depth = DIMENSIONS - len(made.shape), views[0].shape[-1]
    (*x_batch, x_row, x_depth), (*y_batch, y_depth, y_column) = ([0] * lead + list(view.strides) for view in views)
    multiplier, shift = quantized_multiplier(one.scale * other.scale / made.scale)
    tables = {
        "size": [*[1] * lead, *made.shape, depth],
        "x_step": [*x_batch, x_row, 0, x_depth],
        "y_step": [*y_batch, 0, y_column, y_depth],
        "numbers": [one.zero, other.zero, multiplier, shift, made.zero],
    }
    constants += [array(f"{label}_{name}", "int32_t", values) for name, values in tables.items()]
    settings = ", ".join(f"{label}_{name}" for name in tables)
    return Piece([f"matmul({', '.join(sides)}, {{y0}}, {settings}, {{scratch}});"], constants, ["matmul"], 2 * depth)
