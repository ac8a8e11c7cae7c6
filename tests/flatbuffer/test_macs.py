from edgekit.flatbuffer.macs import elements, macs


def test_convolution_counts_what_each_output_reads() -> None:
    assert macs("CONV_2D", [(1, 28, 28, 1), (32, 3, 3, 1), (32,)], (1, 26, 26, 32)) == 26 * 26 * 32 * 9


def test_grouped_convolution_reads_its_groups_channels_only() -> None:
    assert macs("CONV_2D", [(1, 8, 8, 16), (32, 3, 3, 4)], (1, 8, 8, 32)) == 8 * 8 * 32 * 3 * 3 * 4


def test_depthwise_convolution_reads_one_channel() -> None:
    assert macs("DEPTHWISE_CONV_2D", [(1, 8, 8, 16), (1, 3, 3, 16)], (1, 8, 8, 16)) == 8 * 8 * 16 * 9


def test_transposed_convolution_spreads_each_input() -> None:
    inputs = [(4,), (8, 3, 3, 16), (1, 5, 5, 16)]
    assert macs("TRANSPOSE_CONV", inputs, (1, 10, 10, 8)) == 5 * 5 * 16 * 3 * 3 * 8


def test_matrix_product_takes_the_inner_dimension() -> None:
    assert macs("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], (2, 3, 5)) == 2 * 3 * 4 * 5
    assert macs("BATCH_MATMUL", [(2, 4, 3), (2, 4, 5)], (2, 3, 5), adjoint=True) == 2 * 3 * 4 * 5


def test_lstm_multiplies_its_matrices_at_every_step() -> None:
    matrices = [(20, 28)] * 4 + [(20, 20)] * 4
    inputs = [(1, 7, 28), *matrices, None, None, None, *[(20,)] * 4, None, None, (1, 20), (1, 20)]
    assert macs("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 7, 20)) == 7 * 4 * 20 * (28 + 20)


def test_lstm_without_an_input_gate_has_three_gates() -> None:
    matrices = [None, *[(20, 28)] * 3, None, *[(20, 20)] * 3]
    inputs = [(1, 7, 28), *matrices, None, None, None, None, *[(20,)] * 3, None, None, (1, 20), (1, 20)]
    assert macs("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 7, 20)) == 7 * 3 * 20 * (28 + 20)


def test_bidirectional_lstm_does_both_ways() -> None:
    one_way = [(20, 28)] * 4 + [(20, 20)] * 4 + [None] * 3 + [(20,)] * 4 + [None] * 2
    inputs = [(1, 7, 28), *one_way, *one_way, *[(1, 20)] * 4, None, *[None] * 8]
    assert len(inputs) == 48
    assert macs("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 7, 40)) == 2 * 7 * 4 * 20 * (28 + 20)


def test_basic_lstm_has_one_matrix() -> None:
    assert macs("LSTM", [(1, 28), (1, 20), (80, 48), (80,), (1, 20)], (1, 20)) == 80 * 48


def test_other_operators_and_odd_inputs_cost_nothing() -> None:
    assert macs("ADD", [(1, 8), (1, 8)], (1, 8)) == 0
    assert macs("CONV_2D", [], (1, 8)) == 0
    assert macs("BATCH_MATMUL", [None, None], ()) == 0


def test_an_open_dimension_counts_once() -> None:
    assert elements((-1, 3, 4)) == 12
    assert elements(()) == 1
