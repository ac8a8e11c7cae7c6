"""Operators that compute the same whatever the input, replaced by what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.read import _builtins, _dtypes, _schema

if TYPE_CHECKING:
    import numpy as np

KEPT = {"DEQUANTIZE", "DENSIFY", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "VAR_HANDLE"}
"""Operators whose result is larger than what they read, as of weights that are stored small; or that is not the same
each time."""


def folded(content: bytes, run: Callable[[bytes], list[np.ndarray]]) -> bytes:
    """The same model without operators of its main graph that read constants only.

    Args:
      content: a file that `edgekit.flatbuffer.read` accepts.
      run: the outputs of a model without inputs.
    """
    model = objects(content)
    move_inside(model, content)
    found = _constant(model)
    if not found:
        return content
    tensors = [int(index) for operator in found for index in operator.outputs]
    graph = model.subgraphs[0]
    whole = graph.inputs, graph.outputs, graph.operators, model.signatureDefs
    graph.inputs, graph.outputs, graph.operators, model.signatureDefs = [], tensors, found, None
    values = run(packed(model))
    graph.inputs, graph.outputs, graph.operators, model.signatureDefs = whole
    import numpy as np

    for index, value in zip(tensors, values, strict=True):
        buffer = _schema().BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        model.buffers.append(buffer)
        graph.tensors[index].buffer = len(model.buffers) - 1
    graph.operators = [operator for operator in graph.operators if not any(operator is f for f in found)]
    return packed(model)


def _constant(model: Any) -> list[Any]:
    """The operators, in their order, that read nothing but constants and what such operators make."""
    graph = model.subgraphs[0]
    ends = {int(i) for i in (*graph.inputs, *graph.outputs)}
    known = {i for i, t in enumerate(graph.tensors) if model.buffers[t.buffer].data is not None and not t.isVariable}
    found = []
    for operator in graph.operators or []:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = _builtins().get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
        reads, makes = ([int(i) for i in of] for of in (operator.inputs, operator.outputs))
        if kind in KEPT or not kind or kind == "CUSTOM" or not reads or ends & set(makes):
            continue
        if all(i < 0 or i in known for i in reads) and _size(graph, makes) <= _size(
            graph, [i for i in reads if i >= 0]
        ):
            found.append(operator)
            known |= set(makes)
    return found


def _size(graph: Any, indices: list[int]) -> int:
    """Bytes of tensors."""
    import numpy as np

    total = 0
    for index in indices:
        tensor = graph.tensors[index]
        total += int(np.prod(tensor.shape, dtype=int)) * np.dtype(_dtypes().get(tensor.type, "float64")).itemsize
    return total
