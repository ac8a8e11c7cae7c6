"""Masks of attention, whose -1e9 takes all 256 steps of an int8 tensor: made as large as a softmax can tell.

A softmax gives a value that lies so far below the largest of its row the probability zero, however far it is. So two
things can change without a change of any output: the constant, in the float graph, and the lower end of the range that
the masked scores are quantized with, where int8 saturates.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from edgekit.flatbuffer.edit import constants, objects, packed, with_constants
from edgekit.flatbuffer.read import Graph, Operator, parse_graph
from edgekit.flatbuffer.schema import accessors
from edgekit.quantize.activations import activations
from edgekit.quantize.casts import add_constant, code_of

if TYPE_CHECKING:
    import numpy as np

UNDERFLOW = 104.0
"""exp(-104) is zero in float32, whose smallest number is 2^-149 = exp(-103.3)."""
MASKING = 100.0
"""A constant of this size before a softmax is a mask."""
CHECKED = 32
"""Calibration samples on which the outputs must stay as they are, to the bit."""
MOVING = set("RESHAPE TRANSPOSE EXPAND_DIMS SQUEEZE BROADCAST_TO TILE SLICE STRIDED_SLICE CONCATENATION PACK".split())
CHOOSING = {"SELECT", "SELECT_V2"}
JOINING = {"ADD", "SUB", "MAXIMUM", "MINIMUM"}
SCALING = {"MUL", "DIV"}
NO_SCORES = set("CAST EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_NOT LOGICAL_AND LOGICAL_OR".split())
"""What makes masks from inputs, and no scores."""


class MaskedModel(Struct, frozen=True):
    """A softmax with a mask."""

    input: int
    """The tensor that it reads."""
    constants: dict[int, float]
    """The huge constants by tensor, each with the factor by which it is multiplied on its way."""
    scores: dict[int, float]
    """The tensors that hold masked scores, with the factor on their way."""
    plain: tuple[int, ...]
    """The tensors that become masked: scores, and masks that are computed."""


def masked(model: bytes) -> list[MaskedModel]:
    """The softmaxes of a float `.tflite` that read a sum, a choice or a product with a huge constant."""
    graph, fixed = parse_graph(model, "the float model"), constants(model)
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    return [
        found
        for operator in graph.operators
        if operator.name == "SOFTMAX" and (found := _walk(operator, graph, makers, fixed)).constants
    ]


def _walk(softmax: Operator, graph: Graph, makers: dict[int, Operator], fixed: dict[int, np.ndarray]) -> MaskedModel:
    """From a softmax back to what is added, chosen and multiplied."""
    huge: dict[int, float] = {}
    scores: dict[int, float] = {}
    seen: set[int] = set()

    def visit(tensor: int, factor: float) -> tuple[bool, bool]:
        """Whether there is a huge constant behind a tensor, and whether there are scores."""
        seen.add(id(maker := makers.get(tensor)))
        if tensor in fixed:
            if fixed[tensor].dtype == "float32" and fixed[tensor].size and abs(fixed[tensor]).max() >= MASKING:
                huge[tensor] = min(factor, huge.get(tensor, factor))
                return True, False
            return False, False
        if maker is None or maker.name in NO_SCORES or maker.name not in MOVING | CHOOSING | JOINING | SCALING:
            return False, maker is not None and maker.name not in NO_SCORES
        inputs = maker.inputs[1:] if maker.name in CHOOSING else maker.inputs
        if maker.name in MOVING - {"CONCATENATION", "PACK"} or maker.name == "DIV":
            inputs = inputs[:1]
        below = [visit(i, factor * (_scale(maker, i, fixed) if maker.name in SCALING else 1.0)) for i in inputs]
        mask, score = (any(part) for part in zip(*below, strict=True))
        if mask and score:
            scores[tensor] = factor
        return mask, score

    visit(softmax.inputs[0], 1.0)
    seen.add(id(softmax))
    readers: dict[int, list[Operator]] = {}
    for operator in graph.operators:
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator)

    def private(tensor: int) -> bool:
        """Whether a tensor is read on the way to a softmax only."""
        return all(
            reader.name == "SOFTMAX" or (id(reader) in seen and private(reader.outputs[0]))
            for reader in readers.get(tensor, ())
        )

    joined = {i for tensor in scores for i in makers[tensor].inputs if i in makers and i not in scores}
    return MaskedModel(softmax.inputs[0], {i: f for i, f in huge.items() if private(i)}, scores, tuple(joined))


def _scale(operator: Operator, tensor: int, fixed: dict[int, np.ndarray]) -> float:
    """By how much a product or quotient scales one of its operands at least, where the other one is a constant."""
    import numpy as np

    other = operator.inputs[1] if tensor == operator.inputs[0] else operator.inputs[0]
    if other not in fixed or not fixed[other].size or not (size := float(np.abs(fixed[other]).min())):
        return 1.0
    return 1 / float(np.abs(fixed[other]).max()) if operator.name == "DIV" else min(size, MASKING)


def bounded(model: bytes, samples: list[np.ndarray]) -> tuple[bytes, str]:
    """A float `.tflite` whose masks are no larger than it takes, and a note that names them; "" where there are none.

    With the scores s between low and high, a mask of -(high - low + 104) puts the masked ones at low - 104 at most,
    which is 104 below the largest one of their row: exp(-104) is zero in float32, as exp(-1e9) is. Where all of a row
    is masked that does not hold: beside -1e9 nothing is left of the scores, so that all are equal, and beside -132 they
    are not, before int8 saturates (`scores`). So the outputs are compared to the bit, as they are or with the masked
    scores saturated, before anything is kept.

    Args:
      model: float, with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.
    """
    import numpy as np

    found, fixed = masked(model), constants(model)
    if not found:
        return model, ""
    limits = [_limits(version, found, samples) for version in (model, _unmasked(model, found))]
    values: dict[int, np.ndarray] = {}
    floors = {mask.input: min(ends[mask.input][0] for ends in limits) - UNDERFLOW for mask in found}
    for mask in found:
        low, high = (pick(ends[mask.input][i] for ends in limits) for i, pick in enumerate((min, max)))
        enough = max(high, 0.0) - low + UNDERFLOW
        for index, factor in mask.constants.items():
            most = np.float32(max(enough / factor, values[index].max() if index in values else 0))
            values[index] = np.clip(fixed[index], -most, most)
    values = {index: value for index, value in values.items() if (value != fixed[index]).any()}
    if not values:
        return model, ""
    changed = with_constants(model, values)
    graph = parse_graph(model, "the float model")
    names = ", ".join(sorted({graph.tensors[i].name.split(";")[0] for m in found for i in m.scores}))[:200]
    largest = max(float(np.abs(fixed[index]).max()) for index in values)
    some = [x[:CHECKED] for x in samples]
    same = _same_outputs(model, changed, some)
    if not same and not _same_outputs(model, _saturated(changed, floors), some):
        return model, (
            f"a mask of {largest:.3g} before a softmax ({names}) could not be made smaller, for some rows are masked "
            "whole: int8 has no steps left for the scores; mask with a constant of -100, or leave one value unmasked"
        )
    smallest = max(float(np.abs(value).max()) for value in values.values())
    where = "" if same else ", once rows that are masked whole saturate as they do in int8"
    return changed, (
        f"masks before a softmax ({names}) are {-smallest:.4g} instead of {-largest:.3g}, "
        f"with which no step of int8 was left for the scores; the float outputs are the same to the bit{where}"
    )


def _saturated(model: bytes, floors: dict[int, float]) -> bytes:
    """A float `.tflite` in which what a softmax reads is at least so much, by the tensor."""
    import copy

    import numpy as np

    schema, changed = accessors(), objects(model)
    main, made = changed.subgraphs[0], []
    for operator, known in zip(main.operators, parse_graph(model, "the float model").operators, strict=False):
        if known.name == "SOFTMAX" and (source := known.inputs[0]) in floors:
            tensor, floor = copy.copy(main.tensors[source]), np.asarray(floors[source], np.float32)
            tensor.name += b"/saturated"
            main.tensors.append(tensor)
            raised, index = schema.OperatorT(), len(main.tensors) - 1
            raised.opcodeIndex = code_of(changed, "MAXIMUM")
            raised.inputs, raised.outputs = [source, add_constant(changed, floor, "floor")], [index]
            raised.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
            raised.builtinOptions = schema.MaximumMinimumOptionsT()
            operator.inputs = [index]
            made.append(raised)
        made.append(operator)
    main.operators = made
    return packed(changed)


def scores(
    model: bytes, samples: list[np.ndarray], known: dict[int, tuple[float, float]], bits: int
) -> dict[int, tuple[float, float]]:
    """Ranges for masked scores: down to where a softmax rounds to zero, so that the steps go to those that count.

    What becomes masked is looked at again: TensorFlow's calibrator reads a tensor late, and where ADD writes its result
    over one of its inputs, to save memory, it takes the result for the input.

    Args:
      known: the range of each tensor, as calibration found it.
      bits: of the activations.

    Returns:
      for each tensor of masked scores the range [low - ln(n 2^(bits + 1)), high] with low the smallest score that is
      not masked: what saturates there, n values together, gets less than half a step of probability.
    """
    found = masked(model)
    whole = _limits(_unmasked(model, found), found, samples) if found else {}
    limits = _limits(model, found, samples, {index: low for index, (low, _) in whole.items()}) if found else {}
    graph, cut = parse_graph(model, "the float model"), dict(known)
    cut |= _seen(model, samples, {i for mask in found for i in mask.plain} & known.keys())
    for mask in found:
        floor = limits[mask.input][0] - math.log(graph.tensors[mask.input].shape[-1] * 2 ** (bits + 1))
        for tensor, factor in mask.scores.items():
            if tensor in known:
                cut[tensor] = (max(known[tensor][0], min(floor / factor, 0.0)), known[tensor][1])
    return cut


def _unmasked(model: bytes, found: list[MaskedModel]) -> bytes:
    """A float `.tflite` whose masks are zero."""
    import numpy as np

    fixed = constants(model)
    return with_constants(
        model, {i: np.where(np.abs(fixed[i]) >= MASKING, np.float32(0), fixed[i]) for m in found for i in m.constants}
    )


def _limits(
    model: bytes, found: list[MaskedModel], samples: list[np.ndarray], least: dict[int, float] | None = None
) -> dict[int, tuple[float, float]]:
    """The smallest and the largest value that a softmax does not round to zero, by the tensor that it reads.

    Args:
      least: a score without a mask, by tensor: a row without any value as large is masked whole, and not counted.
    """
    import numpy as np

    ends: dict[int, tuple[float, float]] = {}
    for values in activations(model, samples, [mask.input for mask in found]):
        for index, value in values.items():
            largest = value.max(axis=-1, keepdims=True)
            counts = (value > largest - UNDERFLOW) & (np.abs(value) < 1e8)
            counting = value[counts & (largest >= least[index])] if least else value[counts]
            if counting.size:
                low, high = ends.get(index, (np.inf, -np.inf))
                ends[index] = min(low, float(counting.min())), max(high, float(counting.max()))
    return {mask.input: ends.get(mask.input, (0.0, 0.0)) for mask in found}


def _seen(model: bytes, samples: list[np.ndarray], tensors: set[int]) -> dict[int, tuple[float, float]]:
    """The smallest and the largest value of some tensors of a float `.tflite`, by index."""
    found: dict[int, tuple[float, float]] = {}
    for values in activations(model, samples, tensors) if tensors else ():
        for index, value in values.items():
            low, high = found.get(index, (math.inf, -math.inf))
            found[index] = min(low, float(value.min())), max(high, float(value.max()))
    return found


def _same_outputs(one: bytes, other: bytes, samples: list[np.ndarray]) -> bool:
    import numpy as np

    from edgekit.flatbuffer.edit import main_graph

    ends = main_graph(one)[1].OutputsAsNumpy().tolist()
    runs = zip(activations(one, samples, ends), activations(other, samples, ends), strict=True)
    return all(np.array_equal(a[i], b[i], equal_nan=True) for a, b in runs for i in ends)
