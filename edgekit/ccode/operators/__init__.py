"""The operators that can be written as C: a file for each family, which says what they must be and writes them.

To add one: a file beside these with its `OPERATORS`, its kernel in `edgekit/ccode/kernels/`, and its name below.
"""

from __future__ import annotations

from itertools import zip_longest

from msgspec.structs import replace

from edgekit.ccode import cmsis
from edgekit.ccode.contract import CONSTANT, Operator, check
from edgekit.ccode.graph import Node
from edgekit.ccode.operators import (
    binary,
    conv,
    cut,
    dense,
    join,
    lstm,
    matmul,
    pad,
    pool,
    quantize,
    rearrange,
    reduce,
    reshape,
    resize,
    softmax,
    transpose_conv,
    unary,
)
from edgekit.ccode.piece import Piece, Style

FAMILIES = (
    *(conv, transpose_conv, dense, matmul, pool, lstm, unary, binary, softmax, reduce, quantize, resize),
    *(reshape, join, cut, rearrange, pad),
)
OPERATORS: dict[str, Operator] = {name: of for family in FAMILIES for name, of in family.OPERATORS.items()}
"""By their names in the schema."""


def piece(node: Node, style: Style) -> Piece:
    """What an operator is in C.

    Raises:
      ModelError: it cannot be written; says why.
    """
    of = OPERATORS.get(node.kind)
    if of is None:
        raise node.refusal("C code is not written for this operator; let an interpreter run the model, or replace it")
    read = [v for v, letter in zip_longest(node.inputs, of.inputs.replace("?", "")) if letter != "i"]
    computed = [v for v in (*read, *node.outputs) if v is not None and v.data is None]
    wide = [value for value in computed if value.dtype == "int16"]
    if wide and (of.write16 is None or (len(wide) < len(computed) and not of.mixed)):
        said = "int8" if of.write16 is None else "int8, or for int16 throughout"
        raise node.refusal(f"tensor {wide[0].name!r} is int16; C code for this operator is written for {said}")
    check(node, of)
    label = f"op{node.number}"
    made = cmsis.piece(node, label) if style.kernels == "cmsis-nn" and not wide else None
    if style.kernels == "cmsis-nn":
        style = replace(style, kernels="dsp")  # for what CMSIS-NN does not compute, or not as TFLM does
    made = made or (of.write16 if wide and of.write16 else of.write)(node, label, style)
    for place, given in enumerate(node.inputs):
        if given is not None and given.data is not None and any(f"{{x{place}}}" in call for call in made.calls):
            raise node.refusal(CONSTANT.format(place))
    return made
