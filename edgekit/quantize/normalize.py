"""Inputs whose features differ so much in size that one scale of int8 loses some: normalized before quantization.

A pressure of 101325 Pa and a share of 0.5 do not fit into one int8 tensor. Such an input stays float32 in what ships,
which first computes `(x - subtract) * multiply` for each feature and then quantizes: it takes what the model took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edgekit.flatbuffer.edit import constants, main_graph, objects, packed, with_constants, with_own_biases
from edgekit.flatbuffer.linear import Linear, fused_activations, linear_layers
from edgekit.flatbuffer.read import Graph, parse_graph
from edgekit.flatbuffer.schema import accessors
from edgekit.quantize.casts import add_constant, code_of, with_used_codes
from edgekit.quantize.ranges import STEPS

if TYPE_CHECKING:
    import numpy as np

LOST = 16
"""A feature whose values lie within fewer of the 255 steps has lost four of eight bits."""
AFFINE = ("SUB", "ADD", "MUL", "DIV")
RESHAPING = {"RESHAPE", "EXPAND_DIMS", "SQUEEZE"}


class Head(Struct, frozen=True):
    """The normalization of an input of C features: its last dimension."""

    input: int
    """Which of the model's inputs, from 0."""
    name: str
    subtract: tuple[float, ...]
    """(C,)"""
    multiply: tuple[float, ...]
    """(C,)"""
    lost: int
    """How many of the features had fewer than `LOST` steps."""
    own: bool
    """Whether it is the model's own, or derived from calibration."""


class NormalizedModel(Struct, frozen=True):
    """A model behind the normalization of its inputs."""

    model: bytes
    """What is left: a float `.tflite` that takes normalized features."""
    heads: tuple[Head, ...]
    note: str
    """For the report; "" where nothing was lost."""


def normalized(model: bytes, samples: list[np.ndarray], allowed: bool = True) -> NormalizedModel:
    """Splits a float `.tflite` into the normalization of inputs that int8 would lose features of, and the rest.

    Where the model normalizes by itself (Normalization, BatchNormalization, Rescaling), its own operators are taken.
    Otherwise mean and deviation come from calibration, and the layers that read the input get weights w / multiply and
    biases b + w subtract, with which they compute the same: w x + b = (w / multiply) (x - subtract) multiply + b'.

    Args:
      model: with batch size 1.
      samples: calibration set, for each input (N, *shape without batch), as the model takes it.
      allowed: whether inputs may stay float32; otherwise the note names those that lose features.
    """
    import numpy as np

    heads: list[Head] = []
    notes: list[str] = []
    specs = parse_graph(model, "the float model").inputs
    for number, lost in lost_features(model, samples).items():
        spec, rows = specs[number], samples[number].reshape(-1, samples[number].shape[-1]).astype(np.float64)
        found = (_own(model, number) or _derived(model, number, rows)) if allowed else None
        if found is None or _lost((rows - found[1]) * found[2]) >= lost:
            notes.append(
                f"{lost} of the {rows.shape[1]} features of input {spec.name!r} have fewer than {LOST} of int8's 256 "
                "steps, because one scale covers all: "
                + ("put a Normalization layer first in the model" if allowed else "recipe.quantize.normalize is off")
            )
            continue
        model, subtract, multiply, own = found
        heads.append(Head(number, spec.name, tuple(map(float, subtract)), tuple(map(float, multiply)), lost, own))
        by = "by the model's own normalization" if own else "by mean and deviation from calibration"
        notes.append(
            f"input {spec.name!r} stays float32, to be fed as the Keras model is: {lost} of its {rows.shape[1]} "
            f"features would have fewer than {LOST} of int8's 256 steps, so model.tflite normalizes each ({by}) and "
            "then quantizes; standalone C takes int8, which NAME_quantize.h makes of the same features"
        )
    return NormalizedModel(model, tuple(heads), "; ".join(notes))


def lost_features(model: bytes, samples: list[np.ndarray]) -> dict[int, int]:
    """For each float input of a `.tflite` with features that one scale of int8 loses: how many."""
    import numpy as np

    specs = parse_graph(model, "the float model").inputs
    counts = {
        number: _lost(x.reshape(-1, x.shape[-1]).astype(np.float64))
        for number, (spec, x) in enumerate(zip(specs, samples, strict=True))
        if spec.dtype == "float32" and x.ndim > 1 and x.shape[-1] > 1
    }
    return {number: count for number, count in counts.items() if count}


def behind(heads: tuple[Head, ...], samples: list[np.ndarray]) -> list[np.ndarray]:
    """Samples as the rest of the model takes them, computed in float32 as by SUB and MUL."""
    import numpy as np

    arrays = list(samples)
    for head in heads:
        subtract, multiply = np.asarray(head.subtract, np.float32), np.asarray(head.multiply, np.float32)
        arrays[head.input] = (arrays[head.input].astype(np.float32) - subtract) * multiply
    return arrays


def with_heads(content: bytes, heads: tuple[Head, ...]) -> bytes:
    """A `.tflite`, quantized or float, that normalizes its inputs first."""
    if not heads:
        return content
    import numpy as np

    schema, model = accessors(), objects(content)
    main, first = model.subgraphs[0], []
    for head in heads:
        inner = int(main.inputs[head.input])
        chain = [_tensor(model, inner, f"{head.name}/{part}") for part in ("features", "centred", "normalized")]
        if main.tensors[inner].type == schema.TensorType.FLOAT32:
            chain[2] = inner
        for kind, source, target, values in zip(
            ("SUB", "MUL"), chain, chain[1:], (head.subtract, head.multiply), strict=False
        ):
            operator, options = schema.OperatorT(), getattr(schema, f"{kind.title()}OptionsT")()
            operator.opcodeIndex = code_of(model, kind)
            operator.inputs = [
                source,
                add_constant(model, np.asarray(values, np.float32), f"{head.name}/{kind.lower()}"),
            ]
            operator.outputs = [target]
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind.title()}Options")
            operator.builtinOptions = options
            first.append(operator)
        if chain[2] != inner:
            operator = schema.OperatorT()
            operator.opcodeIndex = code_of(model, "QUANTIZE")
            operator.inputs, operator.outputs = [chain[2]], [inner]
            operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
            operator.builtinOptions = schema.QuantizeOptionsT()
            first.append(operator)
        main.inputs = [chain[0] if place == head.input else i for place, i in enumerate(map(int, main.inputs))]
        main.tensors[chain[0]].name, main.tensors[inner].name = (
            main.tensors[inner].name,
            main.tensors[inner].name + b"/quantized",
        )
        for signature in model.signatureDefs or []:
            for end in signature.inputs:
                if end.tensorIndex == inner and not signature.subgraphIndex:
                    end.tensorIndex = chain[0]
    main.operators = [*first, *main.operators]
    return packed(model)


def _tensor(model: Any, like: int, name: str) -> int:
    """A new float32 tensor of the shape of another."""
    import copy

    main = model.subgraphs[0]
    tensor = copy.copy(main.tensors[like])
    tensor.type, tensor.quantization, tensor.buffer = accessors().TensorType.FLOAT32, None, 0
    tensor.name = name.encode()
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def _lost(rows: np.ndarray) -> int:
    """How many features (N, C) vary, but within fewer than `LOST` steps of the scale that covers all."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    step = (max(high.max(), 0.0) - min(low.min(), 0.0)) / STEPS
    return int(((high > low) & (high - low < LOST * step)).sum()) if step > 0 else 0


def _own(model: bytes, number: int) -> tuple[bytes, np.ndarray, np.ndarray, bool] | None:
    """The rest of a model behind the sums and products with constants that its input goes through first."""
    import numpy as np

    graph, fixed, fused = parse_graph(model, "the float model"), constants(model), fused_activations(model)
    tensor = start = int(main_graph(model)[1].InputsAsNumpy()[number])
    size = graph.tensors[start].shape[-1]
    slope, offset, taken = np.ones(size), np.zeros(size), []
    while len(readers := [n for n, o in enumerate(graph.operators) if tensor in o.inputs]) == 1:
        operator = graph.operators[readers[0]]
        if operator.name not in AFFINE or fused.get(readers[0], "NONE") != "NONE":
            break
        left, right = operator.inputs
        other = right if left == tensor else left
        value = fixed.get(other)
        last = value is not None and (value.size == 1 or (value.size == size and value.shape[-1] == size))
        if value is None or not last or (operator.name == "DIV" and other == left):
            break
        value = np.ravel(value).astype(np.float64)
        if operator.name == "MUL":
            slope, offset = slope * value, offset * value
        elif operator.name == "DIV":
            slope, offset = slope / value, offset / value
        elif operator.name == "ADD":
            offset = offset + value
        else:
            sign = 1 if other == right else -1
            slope, offset = slope * sign, sign * (offset - value)
        taken.append(readers[0])
        tensor = operator.outputs[0]
    if not taken or tensor in main_graph(model)[1].OutputsAsNumpy() or not np.all(np.isfinite(slope) & (slope != 0)):
        return None
    left_over = objects(model)
    main = left_over.subgraphs[0]
    main.operators = [operator for place, operator in enumerate(main.operators) if place not in taken]
    main.inputs = [tensor if place == number else i for place, i in enumerate(map(int, main.inputs))]
    main.tensors[tensor].name, main.tensors[start].name = main.tensors[start].name, main.tensors[tensor].name
    for signature in left_over.signatureDefs or []:
        for end in signature.inputs:
            end.tensorIndex = tensor if end.tensorIndex == start else end.tensorIndex
    return with_used_codes(left_over), -offset / slope, slope, True


def _derived(model: bytes, number: int, rows: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray, bool] | None:
    """The same model for normalized features; None where what reads the input cannot take the normalization over."""
    import numpy as np

    model = with_own_biases(model)
    layers = _first_layers(model, number)
    if not layers:
        return None
    deviation = rows.std(axis=0)
    deviation[deviation == 0] = 1.0
    mean, fixed = rows.mean(axis=0), constants(model)
    values: dict[int, np.ndarray] = {}
    for layer in layers:
        weights = fixed[layer.weights].astype(np.float64)
        spread = weights.reshape(*weights.shape[:-1], -1, len(mean))  # a dense layer may read several steps in a row
        values[layer.weights] = (spread * deviation).reshape(weights.shape).astype(np.float32)
        moved = (spread * mean).reshape(len(weights), -1).sum(axis=1)
        values[layer.bias] = (fixed[layer.bias] + moved).astype(np.float32)
    return with_constants(model, values), mean, 1 / deviation, False


def _first_layers(model: bytes, number: int) -> list[Linear]:
    """The layers that read an input, if all that read it are dense or convolutions without zeros around, with weights
    and biases of their own, and its features stay the last dimension on the way."""
    graph, fixed = parse_graph(model, "the float model"), constants(model)
    start = int(main_graph(model)[1].InputsAsNumpy()[number])
    linear = {layer.operator: layer for layer in linear_layers(model)}
    features, found, left = graph.tensors[start].shape[-1], [], [start]
    readers = _readers(graph)
    while left:
        tensor = left.pop()
        for place in readers.get(tensor, []):
            operator, layer = graph.operators[place], linear.get(place)
            if operator.name in RESHAPING and graph.tensors[operator.outputs[0]].shape[-1] % features == 0:
                left.append(operator.outputs[0])
                continue
            if layer is None or layer.kind == "depthwise" or layer.input != tensor or layer.bias < 0:
                return []
            pads = layer.same and any(n > 1 for n in graph.tensors[layer.weights].shape[1:3])
            shared = any(len(readers[i]) > 1 or fixed[i].dtype != "float32" for i in (layer.weights, layer.bias))
            if pads or shared or graph.tensors[layer.weights].shape[-1] % features:
                return []
            found.append(layer)
    return found


def _readers(graph: Graph) -> dict[int, list[int]]:
    """Which operators read a tensor, by their place."""
    readers: dict[int, list[int]] = {}
    for place, operator in enumerate(graph.operators):
        for index in operator.inputs:
            readers.setdefault(index, []).append(place)
    return readers
