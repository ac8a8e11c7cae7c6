"""Long short-term memory: its factors as TFLM prepares them, its weights laid out as the kernel reads them.

Source: TFLM, tensorflow/lite/micro/kernels/lstm_eval_common.cc and lstm_eval.h.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgekit.ccode.contract import Operator
from edgekit.ccode.fixed_point import INT32_MAX, quantized_multiplier
from edgekit.ccode.graph import Node, Shape, Value
from edgekit.ccode.piece import Piece, Style, array
from edgekit.ccode.ranges import rescaled
from edgekit.flatbuffer.schema import accessors

if TYPE_CHECKING:
    import numpy as np

GATES = 4
"""Input, forget, cell and output gate, in the order of the operator's inputs."""
FROM_INPUT, FROM_STATE, BIAS, STATE, CELL = 1, 5, 12, 18, 19
"""Where among the operator's inputs the weights, biases and states start."""
VARIANTS = {"peepholes": (9, 10, 11), "a projection": (16, 17), "layer normalization": (20, 21, 22, 23)}
GATE_SCALE, UNIT_SCALE = 2.0**-12, 2.0**-15
"""Of the sums that go into a gate's function, and of what comes out."""


def lstm(node: Node, label: str, style: Style) -> Piece:
    """An LSTM over a sequence, with its state in the arena."""
    import numpy as np

    source, state, cell = _ends(node)
    inputs, units = source.shape[2], state.shape[-1]
    batch, steps = source.shape[1::-1] if node.options.timeMajor else source.shape[:2]
    sides = [_side(node, FROM_INPUT, inputs, units), _side(node, FROM_STATE, units, units)]
    biases = np.stack([_bias(node, BIAS + gate, units) for gate in range(GATES)], axis=1)
    sums = [-v.zero * rows.sum(axis=2, dtype=np.int64) for v, rows in zip((source, state), sides, strict=True)]
    sums[0] += biases
    most = [
        np.abs(start) + 128 * np.abs(rows.astype(np.int64)).sum(axis=2) for start, rows in zip(sums, sides, strict=True)
    ]
    if max(most[0].max(), most[1].max()) > INT32_MAX:
        raise node.refusal("its sums do not fit into 32 bits")
    factors = [_factor(node, FROM_INPUT + gate, source) for gate in range(GATES)]
    factors += [_factor(node, FROM_STATE + gate, state) for gate in range(GATES)]
    factors += [quantized_multiplier(UNIT_SCALE * UNIT_SCALE / of.scale) for of in (cell, state)]
    bounds = [*most[0].max(axis=0), *most[1].max(axis=0), 2**30 - 1, 2**30 - 1]
    for bound, factor in zip(map(int, bounds), factors, strict=True):
        rescaled(node, (-bound, bound), factor, state.zero)
    small = all(bound << max(shift, 0) < 2**30 for bound, (_, shift) in zip(map(int, bounds), factors, strict=True))
    listed = [_braces((m, 2 << min(max(s, 0), 29), 1 << -s >> 1 if s < 0 else 0, -s)) for m, s in factors]
    step = batch if node.options.timeMajor else 1
    numbers = [
        _braces(listed[:8]),
        listed[8],
        _braces(_tanh(node, cell)),
        listed[9],
        *map(str, (state.zero, _clip(node, cell), inputs, units, steps, step * inputs, step * units)),
    ]
    weights = np.concatenate([_beside(rows, style.kernels) for rows in sides], axis=1)
    constants = [
        array(f"{label}_weights", "int8_t", weights.ravel()),
        array(f"{label}_bias", "int32_t", np.concatenate(sums, axis=1).ravel()),
        f"static const lstm {label} = {{{label}_weights, {label}_bias, {', '.join(numbers)}}};",
    ]
    inside = units == inputs or (units < inputs and step == 1)  # what is written is never ahead of what is read
    widened = 8 * (-(-inputs // 4) - (-units // 4)) if style.kernels == "dsp" else (inputs + units) * inside
    room = "{scratch}" if widened else "0"
    call = f"lstm_steps(&{label}, {{x0}}, {{x{STATE}}}, {{x{CELL}}}, {{y0}}, {room});"
    if batch > 1:
        x, y = (inputs, units) if node.options.timeMajor else (steps * inputs, steps * units)
        call = (
            f"for (int32_t sample = 0; sample < {batch}; sample++) lstm_steps(&{label}, {{x0}} + sample * {x}, "
            f"{{x{STATE}}} + sample * {units}, {{x{CELL}}} + sample * {units}, {{y0}} + sample * {y}, {room});"
        )
    kernels = ["lstm_scale" if small else "lstm_scale_any", "lstm_gates", f"lstm_{style.kernels}", "lstm"]
    return Piece([call], constants, kernels, widened, in_place=inside)


def _ends(node: Node) -> tuple[Value, Value, Value]:
    """Input, hidden state and cell state of an LSTM that TFLM would take."""
    if len(node.inputs) != 24:
        raise node.refusal(f"it has {len(node.inputs)} inputs, not 24")
    for variant, places in VARIANTS.items():
        if any(node.inputs[place] is not None for place in places):
            raise node.refusal(f"it has {variant}, which TFLM does not execute")
    if node.options.fusedActivationFunction != accessors().ActivationFunctionType.TANH:
        raise node.refusal("its activation is not tanh")
    source, state, cell = (node.inputs[place] for place in (0, STATE, CELL))
    if source is None or state is None or cell is None or not (state.state and cell.state):
        raise node.refusal("its states are not variable tensors")
    node.require(cell.zero == 0, "its cell has a zero point that is not 0")
    if (source.dtype, state.dtype, cell.dtype, node.outputs[0].dtype) != ("int8", "int8", "int16", "int8"):
        raise node.refusal("C code is written for input, state and output of int8, and a cell of int16")
    if len(source.shape) != 3 or len(state.shape) != 2:
        raise node.refusal("its input has not three dimensions, or its state not two")
    samples = source.shape[1 if node.options.timeMajor else 0]
    if not state.elements == cell.elements == samples * state.shape[1]:
        raise node.refusal("its states or its output have not the sizes that its input asks for")
    return source, state, cell


def lstm_shape(node: Node) -> list[Shape]:
    """The shape of what it makes: of each step and sample as many values as its state has."""
    source, state, _ = _ends(node)
    return [(*source.shape[:2], state.shape[1])]


def _braces(numbers: Iterable[object]) -> str:
    return f"{{{', '.join(map(str, numbers))}}}"


def _side(node: Node, first: int, inputs: int, units: int) -> np.ndarray:
    """Weights (units, gates, inputs) of the input or the state."""
    import numpy as np

    gates = node.inputs[first : first + GATES]
    for gate in gates:
        if gate is None or gate.data is None or gate.dtype != "int8" or gate.shape != (units, inputs):
            raise node.refusal(f"its weights are not constants of int8, {units} x {inputs}")
        if len(gate.scales) != 1 or gate.zero:
            raise node.refusal("its weights have a scale for each unit, or a zero point that is not 0")
    return np.stack([gate.data for gate in gates if gate is not None], axis=1)


def _bias(node: Node, place: int, units: int) -> np.ndarray:
    import numpy as np

    bias = node.inputs[place]
    if bias is None or bias.data is None or bias.dtype != "int32" or bias.shape != (units,):
        raise node.refusal(f"its biases are not {units} constants of int32")
    return bias.data.astype(np.int64)


def _factor(node: Node, place: int, value: Value) -> tuple[int, int]:
    """What the sums of one gate are multiplied with."""
    weights = node.inputs[place]
    assert weights
    return quantized_multiplier(value.scale * weights.scale / GATE_SCALE)


def _tanh(node: Node, cell: Value) -> tuple[int, int]:
    """What the cell is multiplied with on its way into tanh, and the shift to the right."""
    left = 12 + round(math.log2(cell.scale))
    if not -30 <= left <= 14:
        raise node.refusal(f"the scale of its cell, {cell.scale}, is out of range")
    return (3 << left, 0) if left >= 0 else (3, -left)


def _clip(node: Node, cell: Value) -> int:
    """The most that the cell may hold, as stored."""
    clip = node.options.cellClip
    return int(min(clip / cell.scale, 32767)) if clip > 0 else 32768


def _beside(rows: np.ndarray, kernels: str) -> np.ndarray:
    """Weights (units, gates, inputs) as the kernels read them, a row for each unit: gates side by side, one by one for
    the portable kernels, in fours of inputs for those with DSP instructions."""
    import numpy as np

    units, gates, inputs = rows.shape
    if kernels == "portable":
        return rows.transpose(0, 2, 1).reshape(units, -1)
    padded = np.pad(rows, ((0, 0), (0, 0), (0, -inputs % 4)))
    return padded.reshape(units, gates, -1, 4).transpose(0, 2, 1, 3).reshape(units, -1)


OPERATORS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Operator(
        "", lstm_shape, lstm, lstm, options="UnidirectionalSequenceLSTM", mixed=True, states=(STATE, CELL)
    )
}
