"""What a damaged file may cost."""

import resource
import signal
import time
from unittest.mock import Mock

import numpy as np
import pytest
from make_graph import Graph

from edgekit.errors import CrashError, LimitError, ModelError, WorkerError
from edgekit.flatbuffer import bounds
from edgekit.shrink.file import shrink_file
from edgekit.shrink.settings import Shrink


def test_what_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(bounds, "SECONDS", 0.2)
    with pytest.raises(bounds.Unbounded), bounds.bounded(100):
        while True:
            pass
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_waiting_is_not_work(monkeypatch):
    """A machine with other work, or a debugger, is no fault of the file."""
    monkeypatch.setattr(bounds, "SECONDS", 0.1)
    with bounds.guarded(100):
        time.sleep(0.3)


def test_a_limit_has_its_own_word(monkeypatch):
    monkeypatch.setattr(bounds, "SECONDS", 0.1)
    with pytest.raises(LimitError, match="takes more than 0 s of processor time") as told, bounds.guarded(100):
        while True:
            pass
    assert "damaged" not in str(told.value)
    with pytest.raises(LimitError, match="MiB of memory"), bounds.guarded(100):
        bytearray(1 << 30)
    with pytest.raises(ModelError, match="damaged"), bounds.guarded(100):
        [][1]


def test_nothing_is_written_of_a_file_that_ran_into_a_limit(monkeypatch, tmp_path):
    """So that no result is stored that another try would not find."""
    g = Graph()
    both = g.add(*(g.constant(np.zeros((1, 4), np.int8), 0.1) for _ in range(2)))
    (tmp_path / "in.tflite").write_bytes(g.finish(g.add(g.input([1, 4]), both)))
    (tmp_path / "out").mkdir()
    for broken in (CrashError("died"), WorkerError("no answer within the time limit")):
        monkeypatch.setattr("edgekit.engine.worker.call_confined", Mock(side_effect=broken))
        with pytest.raises(WorkerError):
            shrink_file.run(str(tmp_path / "out"), str(tmp_path / "in.tflite"), Shrink())
    monkeypatch.setattr("edgekit.flatbuffer.strip.harvested", Mock(side_effect=bounds.Unbounded))
    g = Graph()
    (tmp_path / "in.tflite").write_bytes(g.finish(g.unary("RELU", g.input([1, 4]), 0.1, 0)))
    with pytest.raises(LimitError, match=r"in\.tflite: takes more than"):
        shrink_file.run(str(tmp_path / "out"), str(tmp_path / "in.tflite"), Shrink())
    assert not list((tmp_path / "out").iterdir())


def test_what_takes_too_much_memory_is_ended():
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), bounds.bounded(1000):
        bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
    with bounds.bounded(200 << 20):
        assert len(bytearray(1 << 30)) == 1 << 30


def test_a_sound_file_of_more_than_100_megabytes_stays_within(tmp_path):
    weights = np.tile(np.arange(-125, 125, dtype=np.int8), (10_000, 42))
    weights[7] = 0
    g = Graph()
    x = g.dense(g.input([1, weights.shape[1]]), weights, np.arange(10_000))
    (tmp_path / "large.tflite").write_bytes(g.finish(x))
    shrink_file.run(str(tmp_path), str(tmp_path / "large.tflite"), Shrink())
    assert 100_000_000 < (tmp_path / "model.tflite").stat().st_size < (tmp_path / "large.tflite").stat().st_size
