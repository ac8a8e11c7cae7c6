"""What TFLM makes of each of the 256 stored values, for functions of one value: asked of TFLM itself."""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit.ccode.graph import Node
from edgekit.errors import ModelError
from edgekit.flatbuffer.bounds import guarded
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.schema import accessors


def tables(content: bytes) -> Callable[[Node], list[int]]:
    """What gives an operator of a model as a table, of stored values -128 to 127; in a process for TFLM.

    It raises ModelError where TFLM does not execute the operator. What is computed twice is asked once.

    Args:
      content: the file.
    """
    model = functools.cache(lambda: _objects(content))
    known: dict[tuple[Any, ...], list[int]] = {}

    def table(node: Node) -> list[int]:
        made, sides = node.outputs[0], [v for v in node.inputs if v is not None]
        settings = repr(vars(node.options)) if node.options is not None else ""
        constants = tuple(v.data.tobytes() for v in sides if v.data is not None)
        key = (node.kind, settings, constants, *((v.scale, v.zero) for v in (*sides, made)))
        if key not in known:
            known[key] = _asked(_alone(model(), node.number), node)
        return known[key]

    return table


def _objects(content: bytes) -> Any:
    """The file as objects of the schema."""
    with guarded(len(content)):
        model = objects(content)
        move_inside(model, content)
    return model


def _alone(model: Any, number: int) -> bytes:
    """A model of nothing but one operator, which takes all stored values at once."""
    import numpy as np

    model, graph = copy.copy(model), copy.copy(model.subgraphs[0])
    operator = copy.copy(graph.operators[number])
    source, made = int(operator.inputs[0]), int(operator.outputs[0])
    used = sorted({int(i) for i in (*operator.inputs, *operator.outputs) if i >= 0})
    graph.tensors, buffers = [copy.copy(graph.tensors[i]) for i in used], [accessors().BufferT()]
    for index, tensor in zip(used, graph.tensors, strict=True):
        tensor.name = None
        if index in (source, made):
            tensor.shape, tensor.shapeSignature, tensor.buffer = np.asarray([1, 256], np.int32), None, 0
        else:
            buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(buffers) - 1
    operator.inputs = [used.index(i) if i >= 0 else -1 for i in operator.inputs]
    operator.outputs = [used.index(i) for i in operator.outputs]
    graph.operators, graph.inputs, graph.outputs = [operator], [used.index(source)], [used.index(made)]
    model.operatorCodes, operator.opcodeIndex = [model.operatorCodes[operator.opcodeIndex]], 0
    model.subgraphs, model.buffers = [graph], buffers
    model.signatureDefs = model.metadata = model.metadataBuffer = None
    return packed(model)


def _asked(alone: bytes, node: Node) -> list[int]:
    import numpy as np

    from edgekit.runtimes import ORACLE, open_session

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "one.tflite"
        place.write_bytes(alone)
        try:
            session = open_session(ORACLE, str(place))
            session.set_inputs([np.arange(-128, 128, dtype=np.int8).reshape(1, 256)])
            session.invoke()
        except ModelError as problem:
            raise node.refusal(f"TFLM does not execute it ({problem})") from None
    return [int(v) for v in session.get_outputs()[0].ravel()]
