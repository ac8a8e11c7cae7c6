"""Operators bear the names of the Keras layers that they were made of."""

import pytest

from edgekit.flatbuffer.names import known_layer
from edgekit.flatbuffer.read import Graph, Operator, Tensor

LAYERS = frozenset(["conv2d_3", "re_lu_3", "batch_norm", "attention", "block", "conv", "stage/one", "head"])
FUSED = "model/re_lu_3/Relu;model/batch_norm/FusedBatchNormV3;model/conv2d_3/BiasAdd/resource;model/conv2d_3/Conv2D"


def tensor(index: int, name: str, constant: bool = False) -> Tensor:
    return Tensor(index, name, (3, 3), (), "int8", (), (), 0, 9 if constant else 0)


def layer_of(made: str, weights: str = "", layers: frozenset[str] = LAYERS) -> str:
    tensors = (tensor(0, "in"), tensor(1, weights, True), tensor(2, made))
    operator = Operator("CONV_2D", 1, False, (0, 1) if weights else (0,), (2,), 0)
    graph = Graph("", 3, (), (), tensors, (operator,), 1, (), 0, "", 0, 0)
    return known_layer(operator, graph, layers)


@pytest.mark.parametrize(
    ("made", "weights", "layer"),
    [
        (FUSED, "model/conv2d_3/Conv2D", "conv2d_3"),
        (FUSED, "tfl.pseudo_qconst7", "conv2d_3"),
        ("model/re_lu_3/Relu", "", "re_lu_3"),
        ("model/attention/query/einsum/Einsum", "", "attention"),
        ("outer/block/conv/Conv2D", "", "block/conv"),
        ("outer/stage/one/Conv2D", "", "stage/one"),
        ("head", "", "head"),
        ("head:0", "", "head"),
        ("functional/student_conv/convolution", "", "student_conv"),
        ("tfl.unidirectional_sequence_lstm1/hidden", "", "CONV_2D"),
        ("", "", "CONV_2D"),
    ],
)
def test_the_layer_is_the_users(made, weights, layer):
    assert layer_of(made, weights) == layer


def test_of_a_file_without_layers_the_plainest_name_is_taken_as_it_is():
    assert layer_of("model/a/Relu;model/a/BiasAdd/ReadVariableOp", "model/a/Conv2D", frozenset()) == "model/a/Relu"
