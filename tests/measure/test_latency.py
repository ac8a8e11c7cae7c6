import platform
import time

import pytest

from edgekit import worker
from edgekit.measure.latency import latency, summary
from edgekit.measure.machine import machine
from edgekit.runtimes import installed
from edgekit.types import Measurement, Timing

BRIEF = Timing(seconds=0.1, warmup=0.1)


def measure(path, runtime, settings=BRIEF, threads=1):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    found = worker.call(latency, str(path), runtime, threads, settings, returns=list[Measurement])
    return {measurement.name: measurement for measurement in found}


@pytest.fixture
def wake_word(shared):
    return shared / "models" / "tflite" / "wake_word_int8.tflite"


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime", "tflm"])
def test_times_come_with_unit_runtime_and_interval(runtime, wake_word):
    found = measure(wake_word, runtime)
    times = [found[f"latency_{name}"] for name in ("min", "p50", "p90", "p99")]
    assert [time.value for time in times] == sorted(time.value for time in times)
    for measurement in [found["load_time"], *times]:
        assert measurement.unit == "ns" and measurement.value > 0
        assert measurement.runtime == f"{runtime} {installed(runtime)}"
    p50 = found["latency_p50"]
    assert p50.samples >= 100
    assert p50.low <= p50.value <= p50.high
    assert 1_000 < p50.value < 50_000_000
    assert found["resident_memory"].unit == "B" and "RSS" in found["resident_memory"].reason


def test_only_tflm_has_an_arena(wake_word):
    assert "arena" not in measure(wake_word, "litert")
    found = measure(wake_word, "tflm")
    assert found["arena"].unit == "B"
    assert 16_000 < found["arena_used"].value <= found["arena"].value < 18_000


def test_memory_grows_by_at_least_the_weights_that_are_read(shared):
    path = shared / "models" / "tflite" / "anomaly_autoencoder_int8.tflite"
    assert measure(path, "tflite-runtime")["resident_memory"].value > path.stat().st_size / 2


def test_two_threads_are_accepted(wake_word):
    assert measure(wake_word, "litert", threads=2)["latency_p50"].value > 0


def test_a_slow_model_ends_at_the_limit_with_fewer_runs(wake_word):
    start = time.monotonic()
    found = measure(wake_word, "tflm", Timing(runs=10**9, seconds=60, limit=0.2, warmup=0.1))
    assert time.monotonic() - start < 5
    assert 10 <= found["latency_min"].samples < 10_000


def test_ten_runs_are_made_whatever_the_limit(wake_word):
    found = measure(wake_word, "tflm", Timing(limit=0.0, warmup=0.0))
    p99 = found["latency_p99"]
    assert p99.samples >= 10
    assert p99.high is None and "too few" in p99.reason


def test_percentiles_are_samples_by_rank():
    found = {m.name: m for m in summary(list(range(1000, 0, -1)), "any 1.0")}
    assert [found[f"latency_{name}"].value for name in ("min", "p50", "p90", "p99")] == [1, 500, 900, 990]
    p50 = found["latency_p50"]
    assert (p50.low, p50.high, p50.samples, p50.runtime) == (469, 532, 1000, "any 1.0")


def test_the_machine_can_be_told_from_another():
    here = machine()
    assert here.cpu and not here.cpu.isdigit()
    assert here.cores >= 1
    assert here.system.startswith(platform.system())
    assert platform.python_version() in here.python
