import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.budget import judge, verdict
from edgekit.target import Budget
from edgekit.types import BudgetLine, Measurement
from edgekit.units import Bytes, Nanoseconds, Percent, Ratio

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
    worst = next((w for w in ("fail", "inconclusive") if w in chosen), "pass")
    assert verdict(lines, (), "litert") == worst


@pytest.mark.parametrize(("runtime", "said"), [("litert 2.3", "fail"), ("tflite-runtime 2.14", "pass")])
def test_a_model_that_does_not_run_where_it_ships_fails_whatever_the_budget(runtime, said):
    failed = Measurement("latency_p90", None, "ns", runtime=runtime, reason="failed: refused")
    assert verdict([], [failed], "litert") == said
