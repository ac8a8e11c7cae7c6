"""What TFLM makes of each of the 256 stored values, for functions of one value: asked of TFLM itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgekit.ccode.graph import Node
from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import move_inside, objects, packed


def table(content: bytes, node: Node) -> list[int]:
    """The function as a table, of stored values -128 to 127.

    Args:
      content: the model; a copy of it with nothing but this operator is run, in a process for TFLM.

    Raises:
      ModelError: TFLM does not execute it.
    """
    import numpy as np

    from edgekit.runtimes import open_session

    model = objects(content)
    move_inside(model, content)
    graph = model.subgraphs[0]
    operator = graph.operators[node.number]
    source, made = int(operator.inputs[0]), int(operator.outputs[0])
    for index in (source, made):
        tensor = graph.tensors[index]
        tensor.shape, tensor.shapeSignature, tensor.buffer = np.asarray([1, 256], np.int32), None, 0
    graph.operators, graph.inputs, graph.outputs, model.signatureDefs = [operator], [source], [made], None
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "one.tflite"
        place.write_bytes(packed(model))
        try:
            session = open_session("tflm", str(place))
            session.set_inputs([np.arange(-128, 128, dtype=np.int8).reshape(1, 256)])
            session.invoke()
        except ModelError as problem:
            raise node.refusal(f"TFLM does not execute it ({problem})") from None
    return [int(v) for v in session.get_outputs()[0].ravel()]
