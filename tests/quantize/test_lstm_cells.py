"""LSTMs answer in int8 as they do in float, however large their cells are."""

import lstm_probe as probe


def test_cells_of_every_size_are_computed(process):
    found = process.call(probe.noise, returns=dict[str, float])
    assert all(sqnr > 20 for sqnr in found.values()), found
