"""An operator of standalone C that edgekit does not have: what it must be, how far its numbers go, and its C.

The example of docs/contributing.md. Inside the package this file would lie in `edgekit/ccode/operators/`, the kernel
beside it in `edgekit/ccode/kernels/`.
"""

from pathlib import Path

from edgekit.ccode.contract import Operator
from edgekit.ccode.fixed_point import quantized_multiplier
from edgekit.ccode.graph import Node
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import rescaled, stored
from edgekit.ccode.shapes import like

KERNEL = str(Path(__file__).with_suffix(""))
"""Inside the package its name is enough: `relu_0_to_1`."""


def relu_0_to_1(node: Node, label: str, style: Style) -> Piece:
    """What lies outside 0 … 1 becomes 0 or 1.  Source: `QuantizedReluX` in tflite/kernels/activations.cc of LiteRT."""
    source, made = node.given(), node.outputs[0]
    most = min(127, made.zero + round(1 / made.scale))
    numbers = [source.zero, *quantized_multiplier(source.scale / made.scale), made.zero, max(-128, made.zero), most]
    call = f"relu_0_to_1({{x0}}, {{y0}}, {source.elements}, {label}_numbers);"
    return Piece([call], [array(f"{label}_numbers", "int32_t", numbers)], [KERNEL], in_place=True)


def ranges(node: Node) -> None:
    """What its factor makes of anything that its input can store has 32 bits."""
    source, made = node.given(), node.outputs[0]
    rescaled(node, stored(source), quantized_multiplier(source.scale / made.scale), made.zero)


OPERATORS = {"RELU_0_TO_1": Operator("x", like, relu_0_to_1, ranges=ranges)}
