"""What is proposed beside the sampler: near the best, and within what the costs of other shapes let expect."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.solve.proposals import foreseen, neighbour
from edgekit.solve.space import ChannelGroup, Parameter

WIDTHS = [
    Parameter("a", "count", 2, 32, (), (ChannelGroup(("a",), 32, 900),)),
    Parameter("b", "count", 3, 64, (), (ChannelGroup(("b",), 64, 900),)),
]
PARAMETERS = [
    *WIDTHS,
    Parameter("band", "number", 0.05, 1.0),
    Parameter("sparsity", "number", 0.0, 0.9),
    Parameter("rate", "number", 5e-4, 5e-3),
    Parameter("clusters", "one of", options=("none", 32, 16)),
]
START = {"a": 16, "b": 30, "band": 0.5, "sparsity": 0.4, "rate": 1e-3, "clusters": 32}


def law(a, b):
    """Bytes of two convolutions and a dense layer, and of what does not depend on them."""
    return 2600 + 9 * a + 9 * a * b + 49 * b


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(deadline=None)
def test_a_neighbour_stays_inside_the_space_and_differs(seed, steps):
    rng, chosen = random.Random(seed), START
    for _ in range(steps):
        chosen = neighbour(chosen, PARAMETERS, rng)
        for p in PARAMETERS:
            if p.kind == "one of":
                assert chosen[p.name] in p.options
            else:
                assert p.low <= chosen[p.name] <= p.high
            assert isinstance(chosen[p.name], int) == (p.kind == "count") or p.kind == "one of"
    moved = [neighbour(START, WIDTHS, random.Random(n)) for n in range(50)]
    assert all(m["a"] != 16 or m["b"] != 30 for m in moved)


def test_too_few_shapes_foresee_nothing():
    known = [({"a": n, "b": n}, law(n, n)) for n in range(3, 8)]
    assert foreseen(known, {"a": 5, "b": 9}, WIDTHS) is None
    assert foreseen([*known, ({"a": 9, "b": 5}, float("inf"))], {"a": 5, "b": 9}, WIDTHS) is None
    assert foreseen(known, {}, []) is None


def test_a_known_shape_costs_about_what_it_costs():
    rng = random.Random(3)
    known = [({"a": a, "b": b}, law(a, b)) for a, b in ((rng.randint(2, 32), rng.randint(3, 64)) for _ in range(40))]
    for choices, cost in known:
        assert foreseen(known, choices, WIDTHS) == pytest.approx(cost, rel=0.05)


def test_a_shape_between_known_ones_is_foreseen_within_a_tenth():
    rng = random.Random(4)
    known = [({"a": a, "b": b}, law(a, b)) for a, b in ((rng.randint(2, 32), rng.randint(3, 64)) for _ in range(40))]
    for _ in range(100):
        a, b = rng.randint(4, 28), rng.randint(6, 56)
        assert foreseen(known, {"a": a, "b": b}, WIDTHS) == pytest.approx(law(a, b), rel=0.1)
