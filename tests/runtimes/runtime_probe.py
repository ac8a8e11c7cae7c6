"""What the tests of runtimes call in worker processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit import runtimes
from edgekit.runtimes.values import quantize, random_inputs, run
from edgekit.types import TensorSpec


def answers(runtime: str, path: str, samples: list[list[float]], reset: bool) -> list[list[float]]:
    """The first output for each sample of real values; without `reset`, the state runs on from sample to sample."""
    session = runtimes.open_session(runtime, path)
    if not reset:
        session.reset = lambda: None
    shape = session.inputs[0].shape
    return [run(session, [np.array(sample).reshape(shape)])[0].ravel().tolist() for sample in samples]


def specs(runtime: str, path: str) -> list[tuple[TensorSpec, ...]]:
    session = runtimes.open_session(runtime, path)
    return [session.inputs, session.outputs]


def run_shape(runtime: str, path: str, shape: list[int]) -> None:
    run(runtimes.open_session(runtime, path), [np.zeros(shape)])


def quantized(runtime: str, path: str, values: list[float]) -> list[list[int]]:
    """The same values through the model, which is one QUANTIZE operator, and through edgekit's `quantize`."""
    session = runtimes.open_session(runtime, path)
    real = np.array([values], np.float32)
    session.set_inputs([real])
    session.invoke()
    return [session.get_outputs()[0][0].tolist(), quantize(real, session.outputs[0])[0].tolist()]


def arena_edge(path: str) -> list[int]:
    """(smallest arena, recorded arena, 1 if the model runs in the smallest, 1 if it runs in 16 bytes less)."""
    session = runtimes.open_session("tflm", path)
    smallest, used = session.arena_bytes(), session.arena_used_bytes()
    inputs = random_inputs(session.inputs, seed=7)
    expected = session._answer(inputs)
    fits = [int(session._runs_in(inputs, expected, size)) for size in (smallest, smallest - 16)]
    return [smallest, used, *fits]


def write_unknown_operator(source: str, path: str) -> None:
    """A model whose first operator is one that no runtime knows."""
    model = _read(source)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = 32  # CUSTOM
    code.customCode = "NoSuchOperator"
    _write(model, path)


def write_quantize(path: str, count: int, scale: float, zero_point: int) -> None:
    """A model of one QUANTIZE operator, (1, count) float32 to int8."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 1
    model.operatorCodes = [code]
    real, stored = schema.TensorT(), schema.TensorT()
    real.name, real.type = "real", schema.TensorType.FLOAT32
    stored.name, stored.type = "stored", schema.TensorType.INT8
    real.shape = stored.shape = [1, count]
    stored.quantization = schema.QuantizationParametersT()
    stored.quantization.scale, stored.quantization.zeroPoint = [scale], [zero_point]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [real, stored], [operator], [0], [1]
    model.subgraphs = [graph]
    _write(model, path)


def _read(path):
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(Path(path).read_bytes()))


def _write(model, path):
    import flatbuffers

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    Path(path).write_bytes(builder.Output())
