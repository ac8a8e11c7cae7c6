import platform
import time

import pytest

from edgekit.engine import worker
from edgekit.errors import CrashError, ModelError
from edgekit.measure.arena import arena
from edgekit.measure.intervals import SHARES
from edgekit.measure.latency import resident_memory, timed
from edgekit.measure.machine import machine
from edgekit.runtimes import installed
from edgekit.types import Measurement, Run, Timing

BRIEF = Timing(seconds=0.1, warmup=0.1)


def measure(path, runtime, settings=BRIEF, threads=1):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    return worker.call(timed, str(path), runtime, threads, settings, returns=Run)


@pytest.fixture
def wake_word(shared):
    return shared / "models" / "tflite" / "wake_word_int8.tflite"


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime", "tflm"])
def test_a_run_gives_quantiles_time_to_load_and_memory(runtime, wake_word):
    run = measure(wake_word, runtime)
    assert len(run.quantiles) == len(SHARES) and run.quantiles == sorted(run.quantiles)
    assert run.count >= 30 and 1_000 < run.quantiles[SHARES.index(0.5)] < 50_000_000
    assert run.load_time > 0


def test_tflm_says_what_arena_it_needs(wake_word):
    found = {m.name: m for m in worker.call(arena, "", str(wake_word), returns=list[Measurement])}
    assert found["arena"].unit == "B"
    assert 16_000 < found["arena_used"].value <= found["arena"].value < 18_000


def test_memory_grows_by_at_least_the_weights_that_are_read(shared):
    path = shared / "models" / "tflite" / "anomaly_autoencoder_int8.tflite"
    with worker.Worker() as process:
        # Runs in copies leave nothing behind in the process whose growth is measured.
        process.call(timed, str(path), "tflite-runtime", 1, BRIEF, returns=Run)
        after = process.call(resident_memory, str(path), "tflite-runtime", 1, returns=int)
    alone = worker.call(resident_memory, str(path), "tflite-runtime", 1, returns=int)
    assert after > path.stat().st_size / 2 and abs(after - alone) < 2**20


def test_two_threads_are_accepted(wake_word):
    assert measure(wake_word, "litert", threads=2).quantiles[0] > 0


def test_a_slow_model_ends_at_the_limit_with_fewer_runs(wake_word):
    start = time.monotonic()
    run = measure(wake_word, "tflm", Timing(runs=10**9, seconds=60, limit=0.2, warmup=0.1))
    assert time.monotonic() - start < 5
    assert 10 <= run.count < 10_000


def test_ten_runs_are_made_whatever_the_limit(wake_word):
    assert measure(wake_word, "tflm", Timing(limit=0.0, warmup=0.0)).count >= 10


def test_what_the_copy_raises_or_dies_of_reaches_the_caller(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3")
    with pytest.raises((ModelError, CrashError)):
        measure(tmp_path / "m.tflite", "litert")
    with pytest.raises(CrashError, match="SIGSEGV"):
        worker.call("timing_probe:crash", returns=int)


def test_the_machine_can_be_told_from_another():
    here = machine()
    assert here.cpu and not here.cpu.isdigit()
    assert here.cores >= 1
    assert here.system.startswith(platform.system())
    assert platform.python_version() in here.python
