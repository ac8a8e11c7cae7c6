"""LSTMs answer in int8 as they do in float, however large their cells are, and what stands between them is portable."""

import lstm_probe as probe
import pytest


def test_cells_of_every_size_are_computed(process):
    found = process.call(probe.noise, returns=dict[str, float])
    assert all(sqnr > 20 for sqnr in found.values()), found


@pytest.mark.parametrize(
    ("shape", "times", "gathers"),
    [((1, 3), (12, 1), True), ((2, 3), (1, 4), True), ((5,), (3,), True), ((2, 3), (2, 2), False)],
)
def test_a_repetition_along_one_axis_is_a_gather(process, shape, times, gathers):
    operators, same = process.call(probe.repeated, list(shape), list(times), returns=tuple[list[str], bool])
    assert same and ("GATHER" in operators, "TILE" in operators) == (gathers, not gathers)
