"""What changed between two builds, and in which order a reader sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.changes import FOLDED, Side, against_baseline, changes, measured_together, side, valued
from edgekit.report.markdown import markdown
from edgekit.report.types import BaselineEntry, ModelEntry, Report, TargetEntry
from edgekit.types import Artifact, BudgetLine, Machine, Measurement

QEMU, HOST = "qemu 7.2", "litert 2.3"


def figures(*measurements):
    return {m.name: m for m in measurements}


def line(name, limit, verdict="pass", unit="B", **more):
    return BudgetLine(name, limit, limit, unit, 0.0, verdict, "measured", **more)


def found(before, after, old=None, new=None, together=None):
    return {c.name: c for c in changes(Side(before, old), Side(after, new), together or {})}


def one(a, b, *lines, together=None):
    """The change of one figure, whose limits are the same before and after."""
    (change,) = found(figures(a) if a else {}, figures(b) if b else {}, lines, lines, together).values()
    return change


@pytest.mark.parametrize(
    ("name", "unit", "before", "after", "effect", "by"),
    [
        ("model_size", "B", 40_960, 42_189, "worse", "+1.2 KiB, +3.0 %"),
        ("model_size", "B", 42_189, 40_960, "better", "-1.2 KiB, -2.9 %"),
        ("model_size", "B", 40_960, 40_960, "same", ""),
        ("model_size", "B", 1_000_000, 1_000_004, "worse", "+4 B"),
        ("flash", "B", 0, 1024, "worse", "+1.0 KiB"),
        ("instructions", "1", 1_000, 100_000, "worse", "+99,000, 100 times"),
        ("npu_cycles", "1", 200, 100, "better", "-100, -50 %"),
        ("npu_coverage", "%", 100, 90, "worse", "-10.00 points"),
        ("accuracy", "%", 98.001, 98.002, "better", "under +0.01 points"),
        ("sqnr", "dB", 30, 20, "worse", "-10 dB"),
        ("parameters", "1", 200, 100, "changed", "-100, -50 %"),
        ("metric", "", 0.5, 0.4, "changed", "-0.1"),
        ("metric.left", "", 0.5, 0.4, "changed", "-0.1"),
    ],
)
def test_a_figure_has_a_direction_and_a_difference(name, unit, before, after, effect, by):
    change = one(Measurement(name, before, unit), Measurement(name, after, unit))
    assert (change.effect, change.by) == (effect, by)


@pytest.mark.parametrize(
    ("limit", "effect"), [("metric_min", "worse"), ("metric_max", "better"), ("metric_loss", "changed")]
)
def test_the_limit_says_which_way_a_metric_is_better(limit, effect):
    sides = figures(Measurement("metric", 0.5, "")), figures(Measurement("metric", 0.4, ""))
    assert found(*sides, [line(limit, 1, unit="")], [line(limit, 1, unit="")])["metric"].effect == effect


def test_what_one_side_lacks_is_not_measured_and_never_within_the_intervals():
    for pair in ((Measurement("flash", 10, "B"), None), (None, Measurement("flash", 10, "B"))):
        change = one(*pair, line("flash", 20))
        assert change.effect == "lacking" and change.note == "" and change.by == ""
        assert "not measured" in {valued(change.before, None, "B")[0], valued(change.after, None, "B")[0]}
    failed = one(Measurement("flash", 10, "B"), Measurement("flash", None, "B", reason="failed"))
    assert failed.effect == "lacking"


def test_intervals_that_touch_are_no_change_and_exact_figures_are():
    a, b = (Measurement("accuracy", v, "%", low=v - 1, high=v + 1) for v in (98, 97))
    assert (one(a, b).effect, one(a, b).note, one(a, b).by) == ("within", "within the intervals", "-1.00 points")
    far = Measurement("accuracy", 95, "%", low=94, high=96)
    assert one(a, far).effect == "worse"


def test_a_time_of_the_build_host_is_compared_in_the_same_rounds_only():
    a, b = (Measurement("latency_p90", v, "ns", runtime=HOST, low=v - 1, high=v + 1) for v in (100, 300))
    assert one(a, b).effect == "untimed" and one(a, b).by == ""
    change = Measurement("latency_p90_change", -4, "%", runtime=HOST, low=-5, high=-3)
    held = one(a, b, together={"latency_p90": change})
    assert (held.effect, held.by, held.by_interval, held.note) == ("better", "-4.0 %", "-5.0 … -3.0", "same rounds")


def test_a_time_of_the_device_is_exact_whatever_an_estimate_leaves_open():
    a, b = (Measurement("latency_p90", v, "ns", "estimated", QEMU, low=v - 50, high=v + 50) for v in (100, 101))
    change = Measurement("latency_p90_change", -4, "%", runtime=HOST, low=-5, high=-3)
    assert one(a, b, together={"latency_p90": change}).effect == "worse"
    assert one(a, a).effect == "same"


def test_the_order_is_verdicts_then_worse_then_better_and_the_rest_is_folded():
    before = figures(
        Measurement("macs", 10, "1"),
        Measurement("model_size", 10, "B"),
        Measurement("flash", 10, "B"),
        Measurement("ram", 10, "B"),
        Measurement("nonzero", 10, "1"),
        Measurement("arena", 10, "B"),
        Measurement("churn", 1, "points", low=0, high=3),
    )
    after = before | figures(
        Measurement("macs", 11, "1"),
        Measurement("model_size", 9, "B"),
        Measurement("flash", 20, "B"),
        Measurement("ram", 9, "B"),
        Measurement("nonzero", 9, "1"),
        Measurement("churn", 2, "points", low=0, high=3),
    )
    old = [line("flash", 15), line("ram", 30), line("churn", 5, unit="%"), line("arena", 90)]
    new = [line("flash", 15, "fail"), line("ram", 30), line("churn", 5, unit="%"), line("arena", 95)]
    ordered = changes(Side(before, old), Side(after, new), {})
    assert [c.name for c in ordered if c.place < FOLDED] == ["flash", "arena", "macs", "ram", "model_size", "churn"]
    assert ordered[0].verdicts == ("pass", "fail") and ordered[1].limits == ("≤ 90 B", "≤ 95 B")


def test_a_limit_that_went_or_was_softened_is_judged_anew():
    size = figures(Measurement("model_size", 10, "B"))
    gone = found(size, size, [line("model_size", 9, "fail")], [])["model_size"]
    assert gone.place == 0 and gone.limits == ("≤ 9 B", "")
    soft = found(size, size, [line("model_size", 9, "fail")], [line("model_size", 9, "fail", level="warn")])[
        "model_size"
    ]
    assert soft.place == 0 and soft.verdicts == ("fail", "fail (warning only)")


def test_a_limit_without_a_figure_is_a_line_of_its_own():
    change = found({}, {}, [line("latency", 9, "inconclusive", "ns")], [line("latency", 9, "fail", "ns")])[
        "latency_p90"
    ]
    assert (change.before, change.after, change.verdicts) == (None, None, ("inconclusive", "fail"))


@given(st.permutations(["model_size", "flash", "ram", "macs", "arena", "extra"]))
def test_the_order_does_not_depend_on_that_of_the_measurements(names):
    before, after = ({n: Measurement(n, len(n) + more, "B") for n in names} for more in (0, 1))
    ordered = [change.name for change in changes(Side(before), Side(after), {})]
    assert (ordered[0], ordered[-1]) == ("model_size", "extra")


def test_a_baseline_stands_for_the_build_before():
    then = [Measurement("accuracy", 98, "%", runtime=HOST, low=97, high=99), Measurement("model_size", 10, "B")]
    now = [
        Measurement("accuracy", 97.5, "%", runtime=HOST, low=96.5, high=98.5),
        Measurement("accuracy_drop_change", 0.5, "points", runtime=HOST, low=0.1, high=0.9),
        Measurement("model_size", 12, "B"),
    ]
    report = Report(
        schema="edgekit.report/1",
        model=ModelEntry("m", "m.keras", "0" * 64, 1, 1),
        target=TargetEntry("phone", "1" * 64),
        artifacts=[Artifact("tflite", "model.tflite", 10, "2" * 64)],
        stages=[],
        measurements=now,
        budget=[line("model_size", 11, "fail")],
        verdict="fail",
        notes=[],
        threads=1,
        rungs=[],
        machine=Machine("cpu", 2, "Linux", "CPython"),
        baseline=BaselineEntry("v1", "3" * 64, then),
        shipped="litert",
    )
    size, accuracy = against_baseline(report)
    assert (size.name, size.by, size.limits, size.verdicts) == (
        "model_size",
        "+2 B, +20 %",
        ("≤ 11 B",) * 2,
        ("fail",) * 2,
    )
    assert (accuracy.effect, accuracy.by, accuracy.by_interval) == ("worse", "-0.50 points", "-0.90 … -0.10")
    assert measured_together(report).keys() == {"accuracy", "accuracy_drop"}
    assert side(report).figures.keys() == {"accuracy", "model_size"}
    page = markdown(report)
    assert "## Since the baseline v1" in page and "+2 B, +20 %" in page and "-0.50 points (-0.90 … -0.10)" in page
