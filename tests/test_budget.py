import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.firmware.hardware import Hardware
from edgekit.measure.firmware import changed
from edgekit.measure.judge import judge, verdict
from edgekit.measure.limits import Budget, Waiver
from edgekit.records.baseline import Before, Release
from edgekit.types import BudgetLine, Measurement
from edgekit.units import Bytes, Count, Hertz, Nanoseconds, Percent, Ratio

LIMITS = st.floats(0, 1e9)


def judged(budget, *measurements, shipped="litert"):
    return judge(budget, measurements, shipped)


def size(value, **more):
    return Measurement("model_size", value, "B", **more)


@given(limit=LIMITS, value=LIMITS)
def test_an_upper_limit_passes_up_to_the_limit_itself(limit, value):
    [line] = judged(Budget(model_size=Bytes(limit)), size(value))
    assert (line.verdict == "pass") == (value <= limit)
    assert (line.limit, line.value, line.unit) == (limit, value, "B")
    assert line.headroom >= 0 or line.verdict == "fail"


@given(limit=LIMITS, value=LIMITS)
@pytest.mark.parametrize("name", ["accuracy", "speedup"])
def test_a_lower_limit_passes_from_the_limit_on(name, limit, value):
    kind, unit = (Percent, "%") if name == "accuracy" else (Ratio, "x")
    [line] = judged(Budget(**{name: kind(limit)}), Measurement(name, value, unit, runtime="litert 2.3"))
    assert (line.verdict == "pass") == (value >= limit)
    assert line.headroom >= 0 or line.verdict == "fail"


@pytest.mark.parametrize("device", ["vela 5.2", "qemu 7.2"])
def test_what_is_simulated_of_the_device_counts_before_the_build_host(device):
    here = Measurement("latency_p90", 5.0, "ns", runtime="tflm 0")
    there = Measurement("latency_p90", 900.0, "ns", "estimated", device, low=800.0, high=1000.0)
    budget = Budget(latency=Nanoseconds(950.0))
    [line] = judged(budget, here, there, shipped="tflm")
    assert (line.value, line.verdict) == (900.0, "inconclusive")
    missing = Measurement("latency_p90", None, "ns", "simulated", "qemu", reason="not measured: no gcc")
    assert judged(budget, here, missing, shipped="tflm")[0].verdict == "inconclusive"
    assert judged(budget, here, shipped="tflm")[0].value == 5.0


def test_a_simulated_latency_is_held_against_that_of_the_baseline():
    old, new = (Measurement("latency_p90", value, "ns", "estimated", "qemu 7.2") for value in (100.0, 104.0))
    for limit, word in (("+5 %", "pass"), ("+3 %", "fail")):
        [line] = judge(Budget(latency=Nanoseconds.parse(limit)), [new], "tflm", [old])
        assert (line.verdict, line.value) == (word, 104.0)


def of_core(instructions):
    """What a simulated core says, with the interval that an estimate of time has there."""
    low, usual, high = (instructions * cycles for cycles in (1.27, 1.36, 1.51))
    return [
        Measurement("instructions", instructions, "1", "simulated", "qemu 7.2"),
        Measurement("latency_p90", usual, "ns", "estimated", "qemu 7.2", low=low, high=high),
    ]


@pytest.mark.parametrize(
    ("after", "limit", "word"),
    [
        (1000, "+5 %", "pass"),
        (1000, "+0 %", "pass"),
        (1049, "+5 %", "pass"),
        (1051, "+5 %", "fail"),
        (900, "+0 %", "pass"),
    ],
)
def test_on_the_same_core_instructions_say_what_a_release_changed(after, limit, word):
    old, new, hardware = of_core(1000), of_core(after), Hardware(cpu="cortex-m4f")
    budget = Budget(latency=Nanoseconds.parse(limit))
    [line] = judge(budget, [*new, *changed(new, old)], "tflm", old, hardware)
    assert (line.verdict, line.unit, line.low) == (word, "%", None) and "instructions: 1,000 →" in line.reason
    [line] = judge(budget, new, "tflm", old, hardware)  # another core, of whose cycles nothing is known
    assert line.verdict == ("pass" if after <= 900 else "inconclusive")


@pytest.mark.parametrize(("then", "same"), [("80 MHz", True), ("100 MHz", False)])
def test_the_same_core_has_the_same_clock(then, same):
    hardware = Hardware(cpu="cortex-m4f", clock=Hertz.parse("80 MHz"), ram=Bytes(1))
    settings = {"hardware": {"cpu": "cortex-m4f", "clock": float(Hertz.parse(then)), "ram": 2.0}}
    before = Before("v1", Release(None, settings, {}), None)
    assert before.same_core(hardware) is same and not before.same_core(Hardware(cpu="cortex-m7"))


@pytest.mark.parametrize(("value", "headroom"), [(75, 25), (100, 0), (150, -50), (0, 100)])
def test_headroom_is_the_share_of_the_limit_that_is_left(value, headroom):
    assert judged(Budget(model_size=Bytes(100)), size(value))[0].headroom == headroom


def test_headroom_of_a_lower_limit():
    [line] = judged(Budget(accuracy=Percent(80)), Measurement("accuracy", 88, "%"))
    assert line.headroom == 10


def test_a_limit_of_zero_holds_for_zero_alone():
    limits = Budget(churn=Percent(0))
    assert judged(limits, Measurement("churn", 0, "points"))[0].verdict == "pass"
    assert judged(limits, Measurement("churn", 0.1, "points"))[0].verdict == "fail"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(80, 99, "pass"), (80, 100, "pass"), (90, 101, "inconclusive"), (100, 110, "inconclusive"), (101, 110, "fail")],
)
def test_an_interval_that_holds_the_limit_decides_nothing(low, high, word):
    [line] = judged(Budget(model_size=Bytes(100)), size((low + high) / 2, low=low, high=high))
    assert (line.verdict, line.low, line.high) == (word, low, high)


@pytest.mark.parametrize(("low", "high", "word"), [(90, 95, "pass"), (89, 95, "inconclusive"), (80, 89, "fail")])
def test_so_it_is_with_a_lower_limit(low, high, word):
    [line] = judged(Budget(accuracy=Percent(90)), Measurement("accuracy", 89.5, "%", low=low, high=high))
    assert line.verdict == word


def relative(text, kind=Bytes):
    return kind.parse(text)


@pytest.mark.parametrize(
    ("limit", "value", "word"),
    [("+0 B", 100, "pass"), ("+0 B", 101, "fail"), ("+5 %", 105, "pass"), ("+5 %", 106, "fail")],
)
def test_a_limit_with_a_sign_is_against_the_baseline(limit, value, word):
    [line] = judge(Budget(model_size=relative(limit)), [size(value)], "litert", [size(100)])
    assert line.verdict == word and "baseline 100" in line.reason


def test_times_are_held_against_the_baseline_in_the_same_rounds():
    change = Measurement("latency_p90_change", 4, "%", runtime="litert 2.3", low=3, high=4.9)
    limits = Budget(latency=relative("+5 %", Nanoseconds))
    [line] = judge(limits, [change], "litert", [Measurement("latency_p90", 1, "ns", runtime="litert 2.3")])
    assert (line.verdict, line.value, line.unit) == ("pass", 4, "%")


def test_without_a_baseline_a_relative_limit_is_skipped():
    [line] = judged(Budget(model_size=relative("+0 B")), size(10))
    assert line.verdict == "skipped" and "--baseline" in line.reason


def test_levels_and_waivers():
    waiver = Waiver(name="model_size", reason="new sensor", until=datetime.date(2999, 1, 31))
    broken = {"model_size": Bytes(1), "macs": Count(1)}
    found = [size(100), Measurement("macs", 9, "1")]

    def said(**more):
        lines = judged(Budget(**broken, **more), *found)
        return verdict(lines, found, "litert"), lines

    assert said()[0] == "fail"
    word, lines = said(levels={"macs": "warn"}, waivers=(waiver,))
    assert word == "pass" and [line.verdict for line in lines] == ["fail", "fail"]
    assert lines[0].waived == "new sensor (until 2999-01-31)" and lines[1].level == "warn"
    word, lines = said(levels={"macs": "off", "model_size": "off"})
    assert (word, lines) == ("pass", [])


def test_only_the_runtime_that_ships_counts():
    slow, fast = (
        Measurement("latency_p90", v, "ns", runtime=r) for v, r in ((900, "tflite-runtime 2.14"), (5, "litert 2.3"))
    )
    limits = Budget(latency=Nanoseconds(100))
    assert judged(limits, slow, fast)[0].verdict == "pass"
    [line] = judged(limits, slow, fast, shipped="tflite-runtime")
    assert line.verdict == "fail" and line.source == "measured tflite-runtime 2.14"


def test_only_the_file_that_ships_counts():
    [line] = judged(Budget(model_size=Bytes(100)), size(500, artifact="float"), size(50))
    assert (line.value, line.verdict) == (50, "pass")


def test_latency_is_the_90th_percentile():
    times = [
        Measurement(f"latency_{p}", v, "ns", runtime="litert 2.3") for p, v in (("p50", 1), ("p90", 2), ("p99", 3))
    ]
    lines = judged(Budget(latency=Nanoseconds(9), latency_p50=Nanoseconds(9), latency_p99=Nanoseconds(9)), *times)
    assert {line.name: line.value for line in lines} == {"latency": 2, "latency_p50": 1, "latency_p99": 3}


def test_a_failed_measurement_breaks_its_budget_and_says_why():
    failed = Measurement("latency_p90", None, "ns", runtime="litert 2.3", reason="failed: it hung")
    [line] = judged(Budget(latency=Nanoseconds(100)), failed)
    assert (line.verdict, line.value, line.reason) == ("fail", None, "failed: it hung")


def test_what_was_skipped_is_no_pass():
    [line] = judged(Budget(accuracy=Percent(90)), Measurement("accuracy", None, "%", reason="skipped: random data"))
    assert (line.verdict, line.reason) == ("skipped", "skipped: random data")


def test_a_limit_that_is_not_set_is_not_judged():
    assert judged(Budget(), size(10**9)) == []


@given(st.permutations(["pass", "skipped", "inconclusive", "fail"]), st.integers(0, 4))
def test_the_verdict_is_the_worst_line(words, count):
    chosen = words[:count]
    lines = [BudgetLine("x", 1, 1, "B", 0, word, "") for word in chosen]
    worst = "fail" if "fail" in chosen else "inconclusive" if {"skipped", "inconclusive"} & {*chosen} else "pass"
    assert verdict(lines, (), "litert") == worst


@pytest.mark.parametrize(("runtime", "said"), [("litert 2.3", "fail"), ("tflite-runtime 2.14", "pass")])
def test_a_model_that_does_not_run_where_it_ships_fails_whatever_the_budget(runtime, said):
    failed = Measurement("latency_p90", None, "ns", runtime=runtime, reason="failed: refused")
    assert verdict([], [failed], "litert") == said
