"""The law of narrowing on generated graphs."""

import graphs_probe as probe
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([5, 88, 61, 13, 10, 91, 10, 73, 37, 15, 87, 5])  # a gate of one channel, on channels whose constant is not 0
@given(choices=st.lists(st.integers(0, 99), min_size=9, max_size=36))
def test_a_narrowed_graph_answers_as_the_larger_one_with_the_channels_at_zero(process, choices):
    found = process.call(probe.compared, choices, returns=dict[str, float])
    assert found["error"] <= 1e-4 * max(1, found["signal"])
    assert found["after"] == found["predicted"] <= found["before"]
