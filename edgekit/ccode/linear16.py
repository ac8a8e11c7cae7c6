"""Convolutions and dense layers of values of 16 bits with weights of 8: their sums and constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from edgekit.ccode.fixed_point import INT32_MAX
from edgekit.ccode.graph import Node
from edgekit.ccode.linear import activation_range, biases, output_factors
from edgekit.ccode.piece import array

if TYPE_CHECKING:
    import numpy as np

BLOCK = 508
"""Products of 16 and 8 bits whose sum has 32 bits, whatever they are; a multiple of 4."""
SUM_BITS = 47
"""Of a sum, beside its sign, with which TFLM computes."""


class Sums(Struct):
    """How the sums of a layer's outputs are kept, and become what is stored."""

    wide: bool
    """Whether some need more than 32 bits, a factor of a half or more, or two roundings."""
    block: int
    multipliers: list[int]
    shifts: list[int]
    """To the right, beyond 32; none where all are 0."""
    twice: bool
    """Whether they are rounded twice, by 32 bits of the multiplier."""
    bias: np.ndarray


def sums_of(node: Node, rows: np.ndarray) -> Sums | None:
    """Decides by the weights (outputs, inputs) how many bits a layer's sums can have; None where its values have 8.

    Source: `MultiplyByQuantizedMultiplier` in tensorflow/lite/kernels/internal/common.cc: with a bias of 64 bits, or
    none, it takes 16 bits of the multiplier.
    """
    import numpy as np

    if node.given().dtype == "int8":
        return None
    given = node.inputs[2] if len(node.inputs) > 2 else None
    if given is not None and given.dtype == "int32" and node.kind not in ("CONV_2D", "FULLY_CONNECTED"):
        raise node.refusal("its bias is int32, which TFLM takes for int64")
    bias = biases(node, len(rows))
    twice = given is not None and given.dtype == "int32"
    products = 2**15 * np.abs(rows.astype(np.int64)).sum(axis=1)
    most = max(int(p) + abs(int(b)) for p, b in zip(products, bias, strict=True))
    bits = 31 if twice else SUM_BITS
    if most >= 2**bits:
        raise node.refusal(f"its sums may have more than {bits + 1} bits, which TFLM does not heed")
    factors = output_factors(node)
    block = rows.shape[1] + rows.shape[1] % 2 if products.max() <= INT32_MAX else BLOCK
    if twice:
        return Sums(True, block, [m for m, _ in factors], [-s - 32 for _, s in factors], True, bias)
    if any(shift > 7 for _, shift in factors):
        raise node.refusal("its output's scale is more than 128 times too small for its sums")
    short = [min((m + 2**15) >> 16, 2**15 - 1) for m, _ in factors]
    beyond = [-17 - shift for _, shift in factors]
    if most <= INT32_MAX and all(not m or by >= -16 for m, by in zip(short, beyond, strict=True)):
        ready = [m << max(0, -by) if m else 0 for m, by in zip(short, beyond, strict=True)]
        more = [max(0, by) for by in beyond]
        return Sums(False, block, ready, more if any(more) else [], False, bias)
    return Sums(True, block, short, beyond, False, bias)


def linear16(node: Node, name: str, layout: np.ndarray, shape: tuple[int, ...], sums: Sums, own: slice) -> list[str]:
    """The constants of a layer.

    Args:
      layout: weights as the kernel reads them.
      shape: how many outputs, and inputs for each.
      own: which of the layer's outputs they are.
    """
    low, high = activation_range(node)
    constants = [
        array(f"{name}_weights", "int8_t", layout),
        array(f"{name}_bias", "sum16", sums.bias[own]),
        array(f"{name}_multiplier", "int32_t", sums.multipliers[own]),
    ]
    if sums.shifts:
        constants.append(array(f"{name}_shift", "int8_t", sums.shifts[own]))
    return [
        *constants,
        f"static const linear16 {name} = {{{name}_weights, {name}_bias, {name}_multiplier, "
        f"{f'{name}_shift' if sums.shifts else 0}, {int(sums.twice)}, {shape[1]}, {sums.block}, {shape[0]}, "
        f"{low}, {high}}};",
    ]


def pairs16(rows: np.ndarray) -> np.ndarray:
    """Weights (outputs, inputs) as the kernels read them: two outputs side by side, an even number of inputs."""
    import numpy as np

    outputs, inputs = rows.shape
    padded = np.zeros((outputs + outputs % 2, inputs + inputs % 2), np.int8)
    padded[:outputs, :inputs] = rows
    return padded.reshape(len(padded) // 2, 2, -1).transpose(0, 2, 1).ravel()


def kernels16(sums: Sums) -> list[str]:
    """What every layer needs."""
    return ["sum64", "linear16", "finish16_any"] if sums.wide else ["sum32", "linear16", "finish16"]
