"""Products of matrices that are computed."""

from __future__ import annotations

from edgekit.ccode.contract import Operator
from edgekit.ccode.copies import operand
from edgekit.ccode.graph import Node, Shape
from edgekit.ccode.operators.binary import product_factor
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import fits, products, rescaled, stored
from edgekit.ccode.shapes import repeated

DIMENSIONS = 5


def matmul_shape(node: Node) -> list[Shape]:
    """BATCH_MATMUL."""
    one, other = node.given().shape, node.given(1).shape
    node.require(min(len(one), len(other)) >= 2 and max(len(one), len(other)) <= 5, "an input has not 2 to 5 axes")
    rows, depth = one[:-3:-1] if node.options.adjX else one[-2:]
    deep, columns = other[:-3:-1] if node.options.adjY else other[-2:]
    node.require(depth == deep, f"its rows have {depth} values, and its columns {deep}")
    return [(*repeated(node, one[:-2], other[:-2]), rows, columns)]


def matmul_ranges(node: Node) -> None:
    """BATCH_MATMUL: a sum starts with all that the second zero point takes away."""
    one, other = node.given(), node.given(1)
    depth = one.shape[-2 if node.options.adjX else -1]
    most = max(map(abs, stored(one)))
    fits(node, depth * most * (abs(other.zero) + 128))
    low, high = products(stored(one), stored(other))
    rescaled(node, (depth * low, depth * high), product_factor(node), node.outputs[0].zero)


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
    multiplier, shift = product_factor(node)
    tables = {
        "size": [*[1] * lead, *made.shape, depth],
        "x_step": [*x_batch, x_row, 0, x_depth],
        "y_step": [*y_batch, 0, y_column, y_depth],
        "numbers": [one.zero, other.zero, multiplier, shift, made.zero],
    }
    constants += [array(f"{label}_{name}", "int32_t", values) for name, values in tables.items()]
    settings = ", ".join(f"{label}_{name}" for name in tables)
    return Piece([f"matmul({', '.join(sides)}, {{y0}}, {settings}, {{scratch}});"], constants, ["matmul"], 2 * depth)


OPERATORS = {"BATCH_MATMUL": Operator("xx", matmul_shape, matmul, options="BatchMatMul", ranges=matmul_ranges)}
