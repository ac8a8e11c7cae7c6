"""What a damaged file may cost."""

import resource
import signal

import numpy as np
import pytest
from make_graph import Graph

from edgekit.flatbuffer import bounds
from edgekit.recipe import Shrink
from edgekit.shrink import shrink_file


def test_what_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(bounds, "SECONDS", 0.2)
    with pytest.raises(bounds.Unbounded), bounds.bounded(100):
        while True:
            pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


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
    shrink_file(str(tmp_path / "large.tflite"), Shrink(), str(tmp_path))
    assert 100_000_000 < (tmp_path / "model.tflite").stat().st_size < (tmp_path / "large.tflite").stat().st_size
