"""Integers and truth values that become numbers of int8, without floating point in between.

TensorFlow's quantizer leaves CAST as it is: from int32 or bool to float32, which QUANTIZE then makes int8.
"""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.edit import objects, packed
from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.schema import accessors

COMPARISONS = {"EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"}


def without_casts(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which integers are quantized and truth values choose between two constants.

    An int32 n is the real number n: QUANTIZE takes it with the scale 1. A truth value is 0 or 1, whose int8 form is
    known: SELECT_V2 takes one or the other.
    """
    import numpy as np

    graph = parse_graph(content, "the quantized model")
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
    schema, model = accessors(), objects(content)
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
            values = (np.asarray(value, np.int8) for value in (one, out.zero_points[0]))
            choices = [add_constant(model, value, out.name, like=int(operator.outputs[0])) for value in values]
            operator.inputs = [source, *choices]
            operator.opcodeIndex = code_of(model, "SELECT_V2")
            operator.builtinOptionsType = schema.BuiltinOptions.SelectV2Options
            operator.builtinOptions = schema.SelectV2OptionsT()
    main.operators = [operator for number, operator in enumerate(main.operators) if number not in casts]
    return packed(model)


def with_portable_masks(content: bytes) -> bytes:
    """The same `.tflite`, in which masks are computed by operators that every runtime has, and squares by one that has
    an int8 form.

    TFLM's UNPACK knows no truth values, which an unrolled recurrent layer takes apart step by step: STRIDED_SLICE does.
    It has no REDUCE_ANY, of which Masking makes use: any(x) = not all(not x). And x² is x · x.
    """
    import numpy as np

    graph = parse_graph(content, "the float model")
    kinds = {(op.name, graph.tensors[op.inputs[0]].dtype) for op in graph.operators if op.inputs and not op.subgraph}
    if not kinds & {("UNPACK", "bool"), ("REDUCE_ANY", "bool"), ("SQUARE", "float32")}:
        return content
    schema, model = accessors(), objects(content)
    main, made = model.subgraphs[0], []
    for operator, known in zip(main.operators, graph.operators, strict=False):
        source = graph.tensors[known.inputs[0]] if known.inputs else None
        if known.name == "SQUARE" and source is not None and source.dtype == "float32":
            operator.opcodeIndex, operator.inputs = code_of(model, "MUL"), [source.index, source.index]
            operator.builtinOptionsType, operator.builtinOptions = (
                schema.BuiltinOptions.MulOptions,
                schema.MulOptionsT(),
            )
        if known.name == "REDUCE_ANY" and source is not None:
            out = int(operator.outputs[0])
            none = [_copy(main, source.index, b"/none"), _copy(main, out, b"/none")]
            first, last = schema.OperatorT(), schema.OperatorT()
            for negation, ends in ((first, (source.index, none[0])), (last, (none[1], out))):
                negation.opcodeIndex = code_of(model, "LOGICAL_NOT")
                negation.inputs, negation.outputs = [ends[0]], [ends[1]]
                negation.builtinOptionsType = schema.BuiltinOptions.LogicalNotOptions
                negation.builtinOptions = schema.LogicalNotOptionsT()
            operator.opcodeIndex = code_of(model, "REDUCE_ALL")
            operator.inputs, operator.outputs = [none[0], *operator.inputs[1:]], [none[1]]
            made += [first, operator, last]
            continue
        if known.name != "UNPACK" or source is None or source.dtype != "bool":
            made.append(operator)
            continue
        axis, rank = operator.builtinOptions.axis % len(source.shape), len(source.shape)
        strides = add_constant(model, np.ones(rank, np.int32), "strides")
        for step, target in enumerate(operator.outputs):
            begin, end = np.zeros(rank, np.int32), np.asarray(source.shape, np.int32)
            begin[axis], end[axis] = step, step + 1
            slicing, options = schema.OperatorT(), schema.StridedSliceOptionsT()
            options.shrinkAxisMask = 1 << axis
            slicing.opcodeIndex = code_of(model, "STRIDED_SLICE")
            places = [add_constant(model, values, f"{source.name}/{step}") for values in (begin, end)]
            slicing.inputs, slicing.outputs = [source.index, *places, strides], [target]
            slicing.builtinOptionsType = schema.BuiltinOptions.StridedSliceOptions
            slicing.builtinOptions = options
            made.append(slicing)
    main.operators = made
    return with_used_codes(model)


def with_integer_forms(content: bytes) -> bytes:
    """The same quantized `.tflite`, in which operators compute in int8 that TensorFlow's quantizer leaves in floating
    point, though every runtime has them: ELU, SPLIT with an output that nobody reads, and comparisons.

    A comparison takes each side with its own scale, and a constant in the steps of the other side: `x != 0` is then
    "not the step of zero".
    """
    import numpy as np

    graph = parse_graph(content, "the quantized model")
    makers = {op.outputs[0]: op for op in graph.operators if op.name == "DEQUANTIZE"}
    readers: dict[int, list[Any]] = {}
    for op in graph.operators:
        for index in op.inputs:
            readers.setdefault(index, []).append(op)
    model, changed = objects(content), False
    main = model.subgraphs[0]

    def stored(index: int) -> int | None:
        """The int8 tensor that a float one was made of."""
        maker = makers.get(index)
        return maker.inputs[0] if maker and graph.tensors[maker.inputs[0]].dtype == "int8" else None

    for operator, known in zip(main.operators, graph.operators, strict=False):
        if known.name == "ELU" and (source := stored(known.inputs[0])) is not None:
            after = readers.get(known.outputs[0], [])
            if len(after) == 1 and after[0].name == "QUANTIZE":
                operator.inputs, operator.outputs, changed = [source], [after[0].outputs[0]], True
                main.operators[graph.operators.index(after[0])] = None
        elif known.name == "SPLIT" and (source := stored(known.inputs[1])) is not None:
            after = [readers.get(index, []) for index in known.outputs]
            scale = graph.tensors[source].scales, graph.tensors[source].zero_points
            made = [graph.tensors[each[0].outputs[0]] for each in after if each and each[0].name == "QUANTIZE"]
            if len(made) < sum(map(len, after)) or any((t.scales, t.zero_points) != scale for t in made):
                continue
            operator.inputs, changed = [known.inputs[0], source], True
            operator.outputs = [each[0].outputs[0] if each else i for i, each in zip(known.outputs, after, strict=True)]
            for index, each in zip(known.outputs, after, strict=True):
                if each:
                    main.operators[graph.operators.index(each[0])] = None
                else:  # without a reader it had no range, for which the quantizer left all in floating point
                    main.tensors[index].type = main.tensors[source].type
                    main.tensors[index].quantization = main.tensors[source].quantization
        elif known.name in COMPARISONS and graph.tensors[known.inputs[0]].dtype == "float32":
            sides = [stored(index) for index in known.inputs]
            like = next((side for side in sides if side is not None), None)
            for place, (index, side) in enumerate(zip(known.inputs, sides, strict=True)):
                buffer = model.buffers[main.tensors[index].buffer].data
                if side is None and like is not None and buffer is not None and len(buffer):
                    of = graph.tensors[like]
                    value = np.asarray(buffer, np.uint8).view(np.float32).reshape(graph.tensors[index].shape)
                    steps = np.clip(np.round(value / of.scales[0]) + of.zero_points[0], -128, 127).astype(np.int8)
                    sides[place] = add_constant(model, steps, of.name, like=like)
            if None not in sides:
                operator.inputs, changed = sides, True
                operator.opcodeIndex = code_of(model, known.name, 2)
    if not changed:
        return content
    main.operators = [operator for operator in main.operators if operator is not None]
    ends = {int(index) for index in main.outputs}
    read = {int(index) for operator in main.operators for index in operator.inputs} | ends
    main.operators = [op for op in main.operators if any(int(index) in read for index in op.outputs)]
    return with_used_codes(model)


def _copy(main: Any, index: int, ending: bytes) -> int:
    """A new tensor like another."""
    import copy

    tensor = copy.copy(main.tensors[index])
    tensor.name += ending
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def with_used_codes(model: Any) -> bytes:
    """Objects of the schema as a file, without codes that no operator of theirs has: the calibrator refuses those."""
    used = sorted({operator.opcodeIndex for graph in model.subgraphs for operator in graph.operators})
    model.operatorCodes = [model.operatorCodes[code] for code in used]
    for graph in model.subgraphs:
        for operator in graph.operators:
            operator.opcodeIndex = used.index(operator.opcodeIndex)
    return packed(model)


def add_constant(model: Any, values: Any, name: str, like: int | None = None) -> int:
    """A new constant in the main graph.

    Args:
      model: objects of the schema.
      values: array of int8, int32 or float32.
      like: tensor whose scale it has.

    Returns:
      its index.
    """
    import copy

    import numpy as np

    schema, main = accessors(), model.subgraphs[0]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.asarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT() if like is None else copy.copy(main.tensors[like])
    tensor.type = getattr(schema.TensorType, values.dtype.name.upper())
    tensor.name = f"{name};{len(main.tensors)}".encode()
    tensor.shape, tensor.shapeSignature, tensor.buffer = list(values.shape), None, len(model.buffers) - 1
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def code_of(model: Any, name: str, version: int = 1) -> int:
    """The number of an operator's code in the file, to which it is added where it is missing."""
    builtin = getattr(accessors().BuiltinOperator, name)
    for number, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin and code.version == version:
            return number
    code = accessors().OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
