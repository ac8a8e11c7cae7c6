import numpy as np
import pytest

from edgekit.flatbuffer.edit import constants, ranges, with_constants, with_own_biases, with_ranges, with_relu
from edgekit.flatbuffer.linear import fused_activations, linear_layers
from edgekit.flatbuffer.read import parse_graph

X, KERNEL, BIAS, HIDDEN, SECOND, SAME_BIAS, Y = range(7)


@pytest.fixture(scope="module")
def model() -> bytes:
    """Two fully connected layers of 2 to 2; their biases are two tensors on one buffer; ranges for what is computed."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    data = [None, np.float32([[1, 2], [3, 4]]), np.float32([5, 6]), np.float32([[7, 8], [9, 10]])]
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], []
    for values in data:
        buffer = schema.BufferT()
        buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
    graph.tensors, graph.operators = [], []
    for name, shape, buffer in zip(
        "x w b h v c y".split(), "12 22 2 12 22 2 12".split(), (0, 1, 2, 0, 3, 2, 0), strict=True
    ):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, np.array([*map(int, shape)], np.int32), buffer
        if not buffer:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.min, tensor.quantization.max = np.float32([-1]), np.float32([1])
        graph.tensors.append(tensor)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    model.operatorCodes = [code]
    for inputs, output in (((X, KERNEL, BIAS), HIDDEN), ((HIDDEN, SECOND, SAME_BIAS), Y)):
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        operator.builtinOptions = schema.FullyConnectedOptionsT()
        operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        graph.operators.append(operator)
    graph.inputs, graph.outputs = np.array([X], np.int32), np.array([Y], np.int32)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_constants_are_read_in_their_shape(model):
    found = constants(model)
    assert sorted(found) == [KERNEL, BIAS, SECOND, SAME_BIAS]
    assert found[KERNEL].tolist() == [[1, 2], [3, 4]]
    assert found[KERNEL].dtype == np.float32


def test_one_constant_changes_and_nothing_else(model):
    changed = with_constants(model, {KERNEL: np.float32([[0, 0], [0, 11]])})
    assert constants(changed)[KERNEL].tolist() == [[0, 0], [0, 11]]
    before, after = np.frombuffer(model, np.uint8), np.frombuffer(changed, np.uint8)
    assert len(before) == len(after)
    places = np.flatnonzero(before != after)
    assert places.max() - places.min() < 16  # within the kernel's own bytes


def test_a_shared_buffer_stays_for_the_other_tensor(model):
    changed = with_constants(model, {BIAS: np.float32([0, 1])})
    assert constants(changed)[BIAS].tolist() == [0, 1]
    assert constants(changed)[SAME_BIAS].tolist() == [5, 6]
    assert parse_graph(changed, "changed").operators == parse_graph(model, "model").operators


def test_two_tensors_on_one_buffer_can_both_change(model):
    changed = constants(with_constants(model, {BIAS: np.float32([0, 1]), SAME_BIAS: np.float32([2, 3])}))
    assert (changed[BIAS].tolist(), changed[SAME_BIAS].tolist()) == ([0, 1], [2, 3])


def test_data_stays_aligned_when_the_file_is_written_anew(model):
    changed = with_constants(model, {BIAS: np.float32([0, 1])})
    start = np.frombuffer(changed, np.uint8).ctypes.data
    assert {(value.ctypes.data - start) % 16 for value in constants(changed).values()} == {0}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({X: np.float32([[1, 2]])}, "tensor 0 is not constant"),
        ({99: np.float32([1])}, "tensor 99 is not constant"),
        ({BIAS: np.float32([[1, 2]])}, "tensor 2 is float32"),
        ({BIAS: np.array([1, 2])}, "not int64"),
    ],
)
def test_what_does_not_fit_is_refused(model, values, reason):
    with pytest.raises(ValueError, match=reason):
        with_constants(model, values)


def test_ranges_are_read_and_rewritten(model):
    changed = with_ranges(model, {HIDDEN: (-3.0, 0.5)})
    assert ranges(changed) == {X: (-1, 1), HIDDEN: (-3, 0.5), Y: (-1, 1)}
    assert constants(changed)[KERNEL].tolist() == constants(model)[KERNEL].tolist()
    with pytest.raises(ValueError, match="tensor 1 has no range"):
        with_ranges(model, {KERNEL: (0.0, 1.0)})


def test_a_vector_that_two_operators_read_becomes_two(model):
    def share(objects, schema):
        objects.subgraphs[0].operators[1].inputs = np.array([HIDDEN, SECOND, BIAS], np.int32)

    from test_read import edited

    shared = edited(model, share)
    first, second = linear_layers(with_own_biases(shared))
    assert first.bias != second.bias
    assert constants(with_own_biases(shared))[second.bias].tolist() == [5, 6]
    assert with_own_biases(model) == model


def test_an_upper_limit_is_taken_away_from_one_operator(model):
    assert fused_activations(with_relu(model, {1})) == {0: "RELU6", 1: "RELU"}
    assert [layer.activation for layer in linear_layers(model)] == ["RELU6", "RELU6"]
