"""The scale of an LSTM's hidden state, of which TensorFlow's quantizer can make three."""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.edit import objects, packed
from edgekit.flatbuffer.read import _schema, parse
from edgekit.quantize.casts import code_of

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
STATE, HIDDEN = 18, 4
"""Where an LSTM has its output state among its inputs, and the hidden state's scale among its intermediates."""


def with_one_scale(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which output, state and hidden state of each LSTM have one scale.

    The kernels compute the hidden state once, and store it as the output and as the state of the next step. Where a
    concatenation behind the output asks for a scale (Bidirectional does so), the quantizer gives the output that one
    and leaves the other two, and the answers are wrong by a constant. Here all three get the range that holds the state
    and the hidden state, and QUANTIZE makes of the output what is asked for.
    """
    import copy

    graph = parse(content, "the quantized model")
    if not any(op.name == LSTM and graph.tensors[op.outputs[0]].dtype == "int8" for op in graph.operators):
        return content
    schema, model = _schema(), objects(content)
    main, made, changed = model.subgraphs[0], [], False
    for operator, known in zip(main.operators, graph.operators, strict=False):
        made.append(operator)
        if known.name != LSTM or graph.tensors[known.outputs[0]].dtype != "int8" or operator.intermediates is None:
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


def _pair(quantization: Any) -> tuple[float, int]:
    """Scale and zero point."""
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])
