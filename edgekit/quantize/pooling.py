"""The largest value over whole axes as a pooling, which `ai-edge-quantizer` has an integer form of."""

from __future__ import annotations

from typing import Any

from edgekit.flatbuffer.edit import constants, objects
from edgekit.flatbuffer.read import Graph, Operator, parse_graph
from edgekit.flatbuffer.schema import accessors
from edgekit.quantize.casts import add_constant, code_of, with_used_codes


def with_pooling(content: bytes) -> bytes:
    """The same float `.tflite`, in which REDUCE_MAX over steps, rows or columns is MAX_POOL_2D: GlobalMaxPooling1D and
    GlobalMaxPooling2D are. The answers are the same to the bit, and the ranges of the tensors stay.

    Args:
      content: with or without the range of each tensor.
    """
    import numpy as np

    graph, fixed = parse_graph(content, "the float model"), constants(content)
    windows = {n: found for n, op in enumerate(graph.operators) if (found := _window(op, graph, fixed))}
    if not windows:
        return content
    schema, model = accessors(), objects(content)
    main, made = model.subgraphs[0], []
    for number, operator in enumerate(main.operators):
        if number not in windows:
            made.append(operator)
            continue
        shape, (rows, columns) = windows[number]
        source, out = int(operator.inputs[0]), int(operator.outputs[0])
        before = _like(main, source, shape, main.tensors[out].name + b"/rows")
        largest = [shape[0], shape[1] // rows, shape[2] // columns, shape[3]]
        after = _like(main, out, largest, main.tensors[out].name + b"/largest")
        pooling, options = schema.OperatorT(), schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.filterHeight, options.filterWidth = options.strideH, options.strideW = rows, columns
        pooling.opcodeIndex, pooling.inputs, pooling.outputs = code_of(model, "MAX_POOL_2D"), [before], [after]
        pooling.builtinOptionsType, pooling.builtinOptions = schema.BuiltinOptions.Pool2DOptions, options
        reshapes = []
        for given, made_of in ((source, before), (after, out)):
            reshape, wanted = schema.OperatorT(), np.asarray(main.tensors[made_of].shape, np.int32)
            constant = add_constant(model, wanted, "shape")
            reshape.opcodeIndex, reshape.inputs, reshape.outputs = (
                code_of(model, "RESHAPE"),
                [given, constant],
                [made_of],
            )
            reshape.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
            reshape.builtinOptions = schema.ReshapeOptionsT()
            reshape.builtinOptions.newShape = wanted
            reshapes.append(reshape)
        made += [reshapes[0], pooling, reshapes[1]]
    main.operators = made
    return with_used_codes(model)


def _window(operator: Operator, graph: Graph, fixed: dict[int, Any]) -> tuple[list[int], tuple[int, int]] | None:
    """What an operator's input is as rows and columns of channels, and how many of each become one."""
    if operator.name != "REDUCE_MAX" or operator.subgraph or operator.inputs[1] not in fixed:
        return None
    source = graph.tensors[operator.inputs[0]]
    rank = len(source.shape)
    axes = {int(axis) % rank for axis in fixed[operator.inputs[1]].ravel()} if rank in (3, 4) else set()
    if source.dtype != "float32" or not axes or not axes <= set(range(1, rank - 1)):
        return None
    shape = list(source.shape) if rank == 4 else [source.shape[0], source.shape[1], 1, source.shape[2]]
    return shape, (shape[1] if 1 in axes else 1, shape[2] if 2 in axes else 1)


def _like(main: Any, index: int, shape: list[int], name: bytes) -> int:
    """A new tensor with the range of another."""
    import copy

    tensor = copy.copy(main.tensors[index])
    tensor.name, tensor.shape, tensor.shapeSignature, tensor.buffer = name, shape, None, 0
    main.tensors.append(tensor)
    return len(main.tensors) - 1
