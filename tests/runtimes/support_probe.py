"""Run in a worker: does a runtime open a model that holds an operator's code?"""

from pathlib import Path


def write(path: str, name: str, version: int) -> None:
    """A model with one operator's code and one operator of it, which reads and makes nothing."""
    from edgekit.flatbuffer.edit import packed
    from edgekit.flatbuffer.schema import accessors

    s = accessors()
    code, operator = s.OperatorCodeT(), s.OperatorT()
    code.builtinCode, code.version = getattr(s.BuiltinOperator, name), version
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    graph, model = s.SubGraphT(), s.ModelT()
    tensor = s.TensorT()
    tensor.name, tensor.shape, tensor.buffer = b"model/block/add", [1], 0
    operator.inputs, operator.outputs = [], [0]
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [], [0], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [s.BufferT()]
    Path(path).write_bytes(packed(model))


def opens(runtime: str, path: str, name: str, version: int) -> bool:
    """Whether it does."""
    from edgekit.errors import ModelError
    from edgekit.runtimes import open_session

    write(path, name, version)
    try:
        open_session(runtime, path)
    except ModelError as problem:
        return "Didn't find op" not in str(problem) and "out of range" not in str(problem)
    return True
