"""Limits that follow from measurements hold, and leave the room that they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.firmware.hardware import Hardware
from edgekit.measure.headroom import COSTS, FREE, proposed, rounded_up
from edgekit.measure.judge import judge
from edgekit.measure.limits import Budget
from edgekit.types import Measurement
from edgekit.units import Bytes, Count, Hertz, Nanoseconds

DEVICE = Hardware(cpu="cortex-m4f", clock=Hertz(80e6), ram=Bytes(256 * 1024), flash=Bytes(1 << 20))


def share(name, low, value, high):
    return Measurement(name, value, "%" if name == "accuracy" else "points", runtime="tflm 1", low=low, high=high)


def limits(*measurements, hardware=DEVICE, **more):
    return {limit.name: limit for limit in proposed(measurements, "tflm", hardware, **more)}


def verdicts(found, measurements, hardware=DEVICE):
    budget = Budget(**{name: kind_of(name).parse(limit.limit) for name, limit in found.items()})
    return {line.name: line.verdict for line in judge(budget, measurements, "tflm", (), hardware)}


def kind_of(name):
    from edgekit.measure.headroom import QUALITY

    return (COSTS | QUALITY)[name]


@given(st.sampled_from([Bytes, Count, Nanoseconds]), st.integers(1, 10**12))
def test_a_rounded_quantity_is_read_back_and_is_not_below_nor_far_above(kind, value):
    read = float(kind.parse(rounded_up(value, kind)))
    assert value <= read * (1 + 1e-12) and read <= 1.1 * value + 1


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (906, Bytes, "910 B"),
        (1007, Bytes, "0.99 KiB"),
        (1025, Bytes, "1.1 KiB"),
        (996, Count, "1 k"),
        (0, Bytes, "0 B"),
    ],
)
def test_a_rounded_quantity_has_few_digits(value, kind, text):
    assert rounded_up(value, kind) == text


@given(st.integers(1, 2 * 10**5), st.integers(1, 10**9))
def test_of_a_cost_a_tenth_of_the_limit_is_free(size, count):
    measured = [Measurement("model_size", size, "B"), Measurement("macs", count, "1")]
    found = limits(*measured)
    for m in measured:
        limit = float(kind_of(m.name).parse(found[m.name].limit))
        assert m.value <= (1 - FREE) * limit * (1 + 1e-9)
    assert set(verdicts(found, measured).values()) == {"pass"}


@given(st.floats(0, 100), st.floats(0, 30), st.floats(0, 30))
def test_shares_hold_with_their_intervals(value, below, above):
    ends = max(0.0, value - below), min(100.0, value + above)
    measured = [share("accuracy", ends[0], value, ends[1]), share("churn", ends[0], value, ends[1])]
    found = limits(*measured)
    assert set(verdicts(found, measured).values()) == {"pass"}


def test_a_share_s_limit_is_twice_as_far_as_the_end_of_its_interval():
    found = limits(share("accuracy", 95.0, 97.0, 98.0), share("accuracy_drop", -0.5, 0.5, 1.5))
    assert (found["accuracy"].limit, found["accuracy_drop"].limit) == ("93 %", "2.5 %")


def test_what_was_not_measured_has_no_limit():
    of_host = Measurement("latency_p90", 5e6, "ns", runtime="tflm 1", low=4e6, high=6e6)
    skipped = Measurement("accuracy", None, "%", reason="skipped: random data")
    assert limits(of_host, skipped) == {}


def test_a_time_of_the_device_is_limited_beyond_the_end_of_its_interval():
    of_device = Measurement("latency_p90", 50e6, "ns", "estimated", "qemu 7.2", low=40e6, high=63e6)
    assert limits(of_device)["latency"].limit == "70 ms"


@pytest.mark.parametrize(("size", "fits"), [(250 * 1024, True), (300 * 1024, False)])
def test_no_limit_is_beyond_the_memory_of_the_device(size, fits):
    measured = Measurement("arena", size, "B", runtime="tflm 1")
    found = limits(measured)["arena"]
    assert (found.limit, found.fits) == ("256 KiB", fits)
    assert verdicts({"arena": found}, [measured]) == {"arena": "pass" if fits else "fail"}


def test_of_several_outputs_the_worst_one_counts():
    first, second = share("accuracy", 95.0, 97.0, 98.0), share("accuracy.side", 60.0, 70.0, 78.0)
    found = limits(first, second)
    assert found["accuracy"].limit == "50 %"
    assert set(verdicts(found, [first, second]).values()) == {"pass"}


@pytest.mark.parametrize(("lower", "name", "limit"), [(True, "metric_max", "0.4"), (False, "metric_min", "0.2")])
def test_a_metric_is_limited_on_its_bad_side(lower, name, limit):
    metric = Measurement("metric", 0.3, "", runtime="tflm 1", low=0.25, high=0.35)
    found = limits(metric, lower_is_better=lower)
    assert {key: one.limit for key, one in found.items()} == {name: limit}
