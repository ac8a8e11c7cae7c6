import pytest
import rebuild_probe

LEFT_IN_FLOAT = {"conv3d": "CONV_3D"}
"""What TensorFlow Lite has no int8 form of: a build refuses it, naming the operator and its layer."""
NOT_REBUILT = {"grouped_attention"}
"""What goes on as a graph, frozen by Keras 3 itself."""


@pytest.fixture(scope="module")
def found(process):
    """For each model: its form, why it cannot be trained, how far its outputs are off, and what stays in float."""
    return process.call(rebuild_probe.read_all, returns=dict[str, list[str]])


def test_the_outputs_are_those_of_keras_3(found):
    assert len(found) > 30
    for name, (form, _, distance, *_) in found.items():
        if name not in NOT_REBUILT:
            assert form == "keras" and float(distance) <= 1e-5, (name, form, distance)


def test_what_cannot_be_rebuilt_goes_on_and_says_why(found):
    for name in NOT_REBUILT:
        assert found[name][0] == "float" and "Keras 2" in found[name][1]


def test_the_layers_cost_what_the_graph_does(found):
    # The products of a graph's 3-D convolutions are not counted, and those with the first state, which is zero, are not
    # in an unrolled RNN: of a SimpleRNN(5), a GRU(5) and an LSTM(4) over (10, 6).
    # What is computed twice from the same, as in `nested`, is once in the graph.
    expected = {"conv3d": 4**3 * 4 * 27 * 2, "nested": 3 * 256, "rnn": 10 * (5 * (6 + 5) + 15 * (5 + 5) + 16 * (5 + 4))}
    assert int(found["rnn"][-1]) == expected["rnn"] - 5 * 5 - 15 * 5 - 16 * 4
    for name, (*_, layers, graph) in found.items():
        assert int(layers) == expected.get(name, int(graph)), name


def test_what_is_not_integer_is_named(found):
    for name, (_, _, _, floats, *_) in found.items():
        kinds = {part.split(" ")[0] for part in floats.split(", ") if part}
        assert kinds == ({LEFT_IN_FLOAT[name]} if name in LEFT_IN_FLOAT else set()), (name, floats)
