import random
import subprocess
import sys
from statistics import median

import pytest

from edgekit.engine.worker import Worker
from edgekit.measure.intervals import SHARES
from edgekit.measure.latency import timed
from edgekit.measure.timing import (
    Candidate,
    CandidateRuns,
    Comparison,
    Question,
    TimingRounds,
    _disturbances,
    _open,
    compared,
    interval,
    measurements,
    time_file,
    time_models,
)
from edgekit.types import Run, Timing

HERE, THERE = Candidate("model", "litert"), Candidate("float", "litert")
BRIEF = Timing(rounds=3, runs=5, seconds=0.01, warmup=0.01)


def run(nanoseconds, drift=0.0):
    return Run(10, [nanoseconds] * len(SHARES), 30, drift)


def outcome(here, there=()):
    return TimingRounds(
        [CandidateRuns(HERE, list(map(run, here))), CandidateRuns(THERE, list(map(run, there)))],
        0.0,
        [],
        {"litert": 100},
    )


def test_the_value_is_the_median_of_the_processes_and_the_interval_that_of_their_bootstrap():
    assert interval([5.0]) == (5, 5, 5)
    assert interval([3, 1, 2, 5, 4]) == (3, 1, 5)
    value, low, high = interval([100 + n for n in range(41)])
    assert value == 120 and 105 < low < 116 and 124 < high < 135


def test_the_interval_holds_the_true_median_about_as_often_as_it_says():
    rng = random.Random(1)
    hits = 0
    for _ in range(200):
        _, low, high = interval([rng.gauss(0, 1) for _ in range(11)])
        hits += low <= 0 <= high
    assert hits >= 180


def test_measurements_have_unit_runtime_interval_and_how_many_runs():
    found = {m.name: m for m in measurements(outcome([30, 10, 20]), HERE)}
    p50 = found["latency_p50"]
    assert (p50.value, p50.low, p50.high, p50.samples, p50.unit) == (20, 10, 30, 90, "ns")
    assert p50.runtime.startswith("litert ") and p50.reason == "median of 3 processes"
    assert (found["resident_memory"].value, found["resident_memory"].unit) == (100, "B")


def test_rounds_are_compared_not_medians():
    """A machine that slows down by half in the second round slows both."""
    slow = outcome([10, 20, 10], [30, 60, 30])
    [ratio] = compared(slow, Comparison("speedup", THERE, HERE))
    assert (ratio.value, ratio.low, ratio.high, ratio.unit) == (3, 3, 3, "x")
    [change] = compared(slow, Comparison("change", THERE, HERE, percent=True))
    assert (change.value, change.unit) == (200, "%")


@pytest.mark.parametrize(("limit", "undecided"), [(9, False), (10, True), (15, True), (20, True), (21, False)])
def test_a_limit_inside_the_interval_is_an_open_question(limit, undecided):
    assert _open(Question(HERE, "latency_p90", limit), [], outcome([10, 20, 15])) == undecided


def test_disturbances_are_told():
    calm = [CandidateRuns(HERE, [run(100), run(101), run(102)])]
    assert _disturbances(calm, 0.1) == []
    assert "other processes used 0.9 cores" in _disturbances(calm, 0.9)[0]
    assert "spread by 20 %" in _disturbances([CandidateRuns(HERE, [run(100), run(101), run(120)])], 0)[0]
    assert "+9 % slower" in _disturbances([CandidateRuns(HERE, [run(100, 0.09)] * 3)], 0)[0]


def test_an_open_question_gets_more_rounds_until_patience_ends(shared):
    model = str(shared / "models/tflite/hello_world_int8.tflite")

    def rounds(questions, patience):
        found = time_models({"model": model}, [HERE], [], questions, 1, BRIEF, patience, 60, lambda text, share: None)
        return found.runs(HERE)

    plain = rounds([], 5)
    assert len(plain) == 3
    decided = rounds([Question(HERE, "latency_p50", 1e12)], 5)
    assert len(decided) == 3
    # Times to load differ by far more than 1 %: one of these limits lies between them, however fast the machine is.
    middle = median(r.load_time for r in plain)
    contested = [Question(HERE, "load_time", middle * 1.01**n) for n in range(-110, 111)]
    assert len(rounds(contested, 3)) > 3


def test_what_does_not_run_drops_out_and_the_others_go_on(shared, tmp_path):
    good, bad = shared / "models/tflite/hello_world_int8.tflite", tmp_path / "m.tflite"
    bad.write_bytes(b"\0\0\0\0nothing")
    models = {"model": str(bad), "float": str(good)}
    found = time_models(models, [HERE, THERE], [], [], 1, BRIEF, 1, 60, lambda text, share: None)
    assert found.runs(HERE) == [] and len(found.runs(THERE)) == 3
    [failed] = measurements(found, HERE)
    assert failed.value is None and failed.reason.startswith("failed: ") and "TFL3" in failed.reason


def test_a_process_beside_is_noticed_and_our_own_are_not(shared):
    models = {"model": str(shared / "models/tflite/wake_word_int8.tflite")}
    timing = Timing(rounds=4, seconds=0.2)

    def others():
        return time_models(models, [HERE], [], [], 1, timing, 0, 60, lambda text, share: None).others

    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert others() > 0.5
    finally:
        beside.kill()
        beside.wait()


def ended(monkeypatch, times):
    """Ends the process of the next calls that time."""
    call, left = Worker.call, [None] * times

    def killing(worker, function, *arguments, **named):
        if function is timed and left:
            left.pop()
            return call(worker, "worker_probe:kill", 9, **named)
        return call(worker, function, *arguments, **named)

    monkeypatch.setattr(Worker, "call", killing)


@pytest.fixture
def models(shared):
    return {"model": str(shared / "models/tflite/wake_word_int8.tflite")}


def test_a_timing_process_that_was_ended_once_is_started_again(models, monkeypatch):
    ended(monkeypatch, 1)
    found = time_models(models, [HERE], [], [], 1, BRIEF, 0, 60, lambda text, share: None)
    assert found.passing == [] and [one.problem for one in found.timed] == [""] and len(found.runs(HERE)) == 3


def test_one_that_is_ended_again_and_again_leaves_no_value_and_nothing_to_keep(models, monkeypatch, tmp_path):
    ended(monkeypatch, 100)
    found = time_file.run(str(tmp_path), models, [HERE], [], [], 1, BRIEF, 0, 60, progress=lambda text, share: None)
    assert [m.value for m in found.measurements] == [None]
    assert "SIGKILL" in found.measurements[0].reason and "SIGKILL" in found.passing[0]


def test_a_model_that_a_runtime_refuses_is_no_passing_fault(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    found = time_models(
        {"model": str(tmp_path / "m.tflite")}, [HERE], [], [], 1, BRIEF, 0, 60, lambda text, share: None
    )
    assert found.passing == [] and found.timed[0].problem
