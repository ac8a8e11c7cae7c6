"""Scales of an LSTM that TensorFlow's quantizer chooses, and its kernels compute wrongly with."""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.edit import objects, packed
from edgekit.flatbuffer.read import Graph, Operator, parse_graph
from edgekit.flatbuffer.schema import accessors
from edgekit.quantize.casts import code_of

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
STATE, CELL, HIDDEN = 18, 19, 4
"""Where an LSTM has its states among its inputs, and the hidden state's scale among its intermediates."""
FINEST, COARSEST = 2.0**-15, 2.0**-9
"""Scales of an int16 cell, which is then up to 1 or 64, for which TensorFlow Lite has a tanh."""


def sound(content: bytes) -> bytes:
    """The same quantized `.tflite` with scales that the kernels of LSTMs take."""
    return with_one_scale(with_cell_scale(content))


def with_cell_scale(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which the cell of each LSTM has a scale that there is a tanh for.

    The quantizer takes the next power of two above the largest value: of a cell that stays below 0.5, as behind a
    RepeatVector or in an LSTM that learned little, that is finer than any tanh in the kernels, which then leave the
    hidden state unwritten (`PortableApplyTanh` in TensorFlow Lite, 0 to 6 integer bits).
    """
    graph = parse_graph(content, "the quantized model")
    cells = [op.inputs[CELL] for op in graph.operators if _quantized(op, graph)]
    if not cells:
        return content
    model, changed = objects(content), False
    for cell in cells:
        quantization = model.subgraphs[0].tensors[cell].quantization
        if quantization is None or quantization.scale is None or len(quantization.scale) != 1:
            continue
        scale = min(max(float(quantization.scale[0]), FINEST), COARSEST)
        changed |= scale != float(quantization.scale[0])
        quantization.scale = [scale]
    return packed(model) if changed else content


def with_one_scale(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which output, state and hidden state of each LSTM have one scale.

    The kernels compute the hidden state once, and store it as the output and as the state of the next step. Where a
    concatenation behind the output asks for a scale (Bidirectional does so), the quantizer gives the output that one
    and leaves the other two, and the answers are wrong by a constant. Here all three get the range that holds the state
    and the hidden state, and QUANTIZE makes of the output what is asked for.
    """
    import copy

    graph = parse_graph(content, "the quantized model")
    if not any(_quantized(op, graph) for op in graph.operators):
        return content
    schema, model = accessors(), objects(content)
    main, made, changed = model.subgraphs[0], [], False
    for operator, known in zip(main.operators, graph.operators, strict=False):
        made.append(operator)
        if not _quantized(known, graph) or operator.intermediates is None:
            continue
        out = int(operator.outputs[0])
        same = [int(operator.inputs[STATE]), int(operator.intermediates[HIDDEN])]
        kinds = [main.tensors[index].quantization for index in (out, *same)]
        if any(k is None or k.scale is None or len(k.scale) != 1 for k in kinds) or len({_pair(k) for k in kinds}) == 1:
            continue
        tensor = copy.copy(main.tensors[out])
        tensor.quantization = quantization = schema.QuantizationParametersT()
        ends = [(scale * (end - zero)) for scale, zero in map(_pair, kinds[1:]) for end in (-128, 127)]
        quantization.scale = [(max(ends) - min(ends)) / 255]
        quantization.zeroPoint = [round(-128 - min(ends) / quantization.scale[0])]
        tensor.name = main.tensors[out].name + b"/hidden"
        main.tensors.append(tensor)
        for index in same:
            main.tensors[index].quantization = quantization
        again, changed = schema.OperatorT(), True
        again.opcodeIndex = code_of(model, "QUANTIZE")
        again.inputs, again.outputs = [len(main.tensors) - 1], [out]
        again.builtinOptionsType, again.builtinOptions = (
            schema.BuiltinOptions.QuantizeOptions,
            schema.QuantizeOptionsT(),
        )
        operator.outputs = [len(main.tensors) - 1]
        made.append(again)
    main.operators = made
    return packed(model) if changed else content


def _quantized(operator: Operator, graph: Graph) -> bool:
    return operator.name == LSTM and graph.tensors[operator.outputs[0]].dtype == "int8" and not operator.subgraph


def _pair(quantization: Any) -> tuple[float, int]:
    """Scale and zero point."""
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])
