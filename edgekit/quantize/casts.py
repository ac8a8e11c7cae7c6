"""Integers and truth values that become numbers of int8, without floating point in between.

TensorFlow's quantizer leaves CAST as it is: from int32 or bool to float32, which QUANTIZE then makes int8.
"""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.edit import objects, packed
from edgekit.flatbuffer.read import _schema, parse


def without_casts(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which integers are quantized and truth values choose between two constants.

    An int32 n is the real number n: QUANTIZE takes it with the scale 1. A truth value is 0 or 1, whose int8 form is
    known: SELECT_V2 takes one or the other.
    """
    graph = parse(content, "the quantized model")
    readers: dict[int, list[int]] = {}
    for number, operator in enumerate(graph.operators):
        for index in operator.inputs:
            readers.setdefault(index, []).append(number)
    ends = {spec.name for spec in graph.outputs}
    casts = [
        number
        for number, operator in enumerate(graph.operators)
        if operator.name == "CAST"
        and graph.tensors[operator.inputs[0]].dtype in ("int32", "bool")
        and graph.tensors[operator.outputs[0]].dtype == "float32"
        and graph.tensors[operator.outputs[0]].name not in ends
        and all(
            graph.operators[reader].name == "QUANTIZE"
            and graph.tensors[graph.operators[reader].outputs[0]].dtype == "int8"
            for reader in readers.get(operator.outputs[0], ())
        )
    ]
    if not casts:
        return content
    schema, model = _schema(), objects(content)
    main = model.subgraphs[0]
    for number in casts:
        source = main.operators[number].inputs[0]
        for reader in readers.get(int(main.operators[number].outputs[0]), ()):
            operator = main.operators[reader]
            if graph.tensors[source].dtype == "int32":
                quantization = schema.QuantizationParametersT()
                quantization.scale, quantization.zeroPoint = [1.0], [0]
                main.tensors[source].quantization = quantization
                operator.inputs = [source]
                continue
            out = graph.tensors[int(operator.outputs[0])]
            one = max(-128, min(127, round(1 / out.scales[0]) + out.zero_points[0]))
            operator.inputs = [source, *(_constant(model, operator.outputs[0], v) for v in (one, out.zero_points[0]))]
            operator.opcodeIndex = _code(model, "SELECT_V2")
            operator.builtinOptionsType = schema.BuiltinOptions.SelectV2Options
            operator.builtinOptions = schema.SelectV2OptionsT()
    main.operators = [operator for number, operator in enumerate(main.operators) if number not in casts]
    return packed(model)


def _constant(model: Any, like: int, value: int) -> int:
    """A new scalar with the scale of another tensor."""
    import copy

    import numpy as np

    schema, main = _schema(), model.subgraphs[0]
    buffer = schema.BufferT()
    buffer.data = np.array([value], np.int8).view(np.uint8)
    model.buffers.append(buffer)
    tensor = copy.copy(main.tensors[like])
    tensor.name = b"%s;%d" % (tensor.name, len(main.tensors))
    tensor.shape, tensor.shapeSignature, tensor.buffer = [], None, len(model.buffers) - 1
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def _code(model: Any, name: str) -> int:
    """The number of an operator's code in the file, which is added where it is missing."""
    builtin = getattr(_schema().BuiltinOperator, name)
    for number, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return number
    code = _schema().OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
