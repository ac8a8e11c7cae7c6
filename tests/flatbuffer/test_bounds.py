"""What a damaged file may cost."""

import resource
import signal

import pytest

from edgekit.flatbuffer import bounds


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
