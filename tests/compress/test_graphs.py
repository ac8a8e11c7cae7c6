"""The law of narrowing on generated graphs."""

import graphs_probe as probe
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

LAW = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
GRAPHS = st.lists(st.integers(0, 99), min_size=9, max_size=36)


def check(process, choices):
    found = process.call(probe.compared, choices, returns=dict[str, float])
    assert found["error"] <= 1e-4 * max(1, found["signal"])
    assert found["after"] == found["predicted"] <= found["before"]


@settings(max_examples=10, **LAW)
@example([5, 88, 61, 13, 10, 91, 10, 73, 37, 15, 87, 5])  # a gate of one channel, on channels whose constant is not 0
@given(choices=GRAPHS)
def test_a_narrowed_graph_answers_as_the_larger_one_with_the_channels_at_zero(process, choices):
    check(process, choices)


@pytest.mark.slow
@settings(max_examples=40, **LAW)
@given(choices=GRAPHS)
def test_so_do_many_more(process, choices):
    check(process, choices)
