"""Operators that compute the same whatever the input, replaced by what they compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.flatbuffer.bounds import guarded
from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.flatbuffer.read import Graph
from edgekit.flatbuffer.schema import accessors, kind_of, tensor_dtypes

if TYPE_CHECKING:
    import numpy as np

FOLDED = frozenset(
    "ABS ADD ADD_N ARG_MAX ARG_MIN BATCH_MATMUL BROADCAST_ARGS BROADCAST_TO CAST CEIL CONCATENATION COS "
    "DEPTH_TO_SPACE DIV ELU EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND "
    "GREATER GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC "
    "MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE RANGE REDUCE_ALL "
    "REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_N1_TO_1 RESHAPE REVERSE_V2 ROUND RSQRT SELECT "
    "SELECT_V2 SIGN SIN SLICE SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB "
    "SUM TANH TILE TRANSPOSE UNPACK ZEROS_LIKE".split()
)
"""What is a function of its inputs alone, and takes a time that their size bounds. DEQUANTIZE and DENSIFY are not among
them: weights are stored small on purpose."""
ANYWAY = 64
"""Bytes that a result may have although it is larger than what it is made of: sizes and axes."""


class Unfolded(ModelError):
    """What is not computed stays an operator."""


def folded(content: bytes, run: Callable[[bytes], list[np.ndarray]], fixed: bool = False) -> bytes:
    """The same model without operators of its main graph that read constants only, or the shape of a tensor.

    Args:
      content: a file that `edgekit.flatbuffer.read` accepts.
      run: the outputs of a model without inputs.
      fixed: whether open dimensions are those that the file has; else the shape of a tensor that has some is not known.

    Raises:
      ModelError: the file is damaged.
      Unfolded: what is computed has not the shape that the file says.
    """
    import numpy as np

    with guarded(len(content)):
        model = objects(content)
        move_inside(model, content)
        graph = model.subgraphs[0]
        found = _constant(model, fixed)
        if not found:
            return content
        gone = set(map(id, found))
        for operator in found:
            if kind_of(model, operator) == "SHAPE":
                of, made = (graph.tensors[int(index)] for index in (operator.inputs[0], operator.outputs[0]))
                _store(model, made, np.asarray(_shape(of), tensor_dtypes()[made.type]))
        left = [operator for operator in found if kind_of(model, operator) != "SHAPE"]
        tensors = [int(index) for operator in left for index in operator.outputs]
        whole = graph.inputs, graph.outputs, graph.operators, model.signatureDefs
        graph.inputs, graph.outputs, graph.operators, model.signatureDefs = [], tensors, left, None
        alone = packed(model) if left else b""
    values = run(alone) if left else []
    with guarded(len(content)):
        graph.inputs, graph.outputs, graph.operators, model.signatureDefs = whole
        for index, value in zip(tensors, values, strict=True):
            _store(model, graph.tensors[index], value)
        graph.operators = [operator for operator in graph.operators if id(operator) not in gone]
        return packed(model)


def foldable(graph: Graph, fixed: bool = False) -> bool:
    """Whether `folded` may find something: cheap to know of a file that was read."""
    data = {tensor.index for tensor in graph.tensors if tensor.bytes}
    open_ones = set() if fixed else {tensor.index for tensor in graph.tensors if -1 in tensor.shape_signature}
    return any(
        not open_ones & set(operator.inputs)
        if operator.name == "SHAPE"
        else operator.name in FOLDED and operator.inputs and all(i < 0 or i in data for i in operator.inputs)
        for operator in graph.operators
        if operator.subgraph == 0
    )


def _constant(model: Any, fixed: bool) -> list[Any]:
    """The operators, in their order, that read nothing but constants, shapes, and what such operators make."""
    graph = model.subgraphs[0]
    ends = {int(i) for i in (*graph.inputs, *graph.outputs)}
    known = {i for i, t in enumerate(graph.tensors) if model.buffers[t.buffer].data is not None and not t.isVariable}
    found = []
    for operator in graph.operators or []:
        kind = kind_of(model, operator)
        reads, makes = ([int(i) for i in of] for of in (operator.inputs, operator.outputs))
        if not reads or not makes or ends & set(makes):
            continue
        if kind == "SHAPE":
            constant = _settled(graph.tensors[reads[0]], fixed) and _whole(graph.tensors[makes[0]], graph, reads[0])
        else:
            constant = kind in FOLDED and all(i < 0 or i in known for i in reads)
        if constant and _size(graph, makes) <= max(ANYWAY, _size(graph, [i for i in reads if i >= 0])):
            found.append(operator)
            known |= set(makes)
    return found


def _shape(tensor: Any) -> list[int]:
    return [] if tensor.shape is None else [int(n) for n in tensor.shape]


def _settled(tensor: Any, fixed: bool) -> bool:
    """Whether a tensor's shape is that of the file."""
    signature = [] if tensor.shapeSignature is None else [int(n) for n in tensor.shapeSignature]
    return fixed or -1 not in signature


def _whole(made: Any, graph: Any, source: int) -> bool:
    """Whether SHAPE makes what the file says that it makes."""
    integers = tensor_dtypes().get(made.type) in ("int32", "int64")
    return integers and _shape(made) == [len(_shape(graph.tensors[source]))]


def _store(model: Any, tensor: Any, value: np.ndarray) -> None:
    """Makes a tensor a constant.

    Raises:
      Unfolded: it is of another size.
    """
    import numpy as np

    if list(value.shape) != _shape(tensor) or value.dtype.name != tensor_dtypes().get(tensor.type):
        raise Unfolded(f"computed as {value.dtype.name} {list(value.shape)}; in the file its shape is {_shape(tensor)}")
    buffer = accessors().BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    tensor.shapeSignature = None


def _size(graph: Any, indices: list[int]) -> int:
    """Bytes of tensors."""
    import numpy as np

    total = 0
    for index in indices:
        tensor = graph.tensors[index]
        total += math.prod(_shape(tensor)) * np.dtype(tensor_dtypes().get(tensor.type, "float64")).itemsize
    return total
