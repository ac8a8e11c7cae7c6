"""Looking at a file ends within processor time that grows with the file's size."""

import shutil
import time
from pathlib import Path

import confine_probe as probe
import pytest

from edgekit import errors
from edgekit.commands import carray, ccode, compare, compat, inspect
from edgekit.engine.limits import Look, limits
from edgekit.engine.worker import call_confined


@pytest.mark.parametrize("look", Look)
def test_limits_grow_with_the_file(tmp_path, look):
    (tmp_path / "m").write_bytes(b"")
    small = limits(tmp_path / "m", look)
    (tmp_path / "m").write_bytes(bytes(1 << 20))
    large = limits(tmp_path / "m", look)
    assert small["processor"] <= 60 and large["processor"] == small["processor"] + look.value[1]
    assert large["time_limit"] > large["processor"] and large["memory"] > small["memory"]
    assert limits(tmp_path, look) == large  # of a folder: all that is in it


@pytest.mark.parametrize("module", [compat, compare, inspect, ccode, carray])
def test_whatever_looks_at_a_file_has_limits(module):
    """Each of them asks for the limits of its file, and none has a time limit of its own."""
    assert module.limits is limits and not hasattr(module, "TIME_LIMIT")


def test_a_look_that_takes_longer_says_so():
    start = time.monotonic()
    with pytest.raises(errors.WorkerError, match=r"^m\.h5: no answer within 1 s of processor time$"):
        call_confined(probe.spin, returns=None, what="m.h5", processor=1.0, time_limit=60)
    assert time.monotonic() - start < 30


def test_a_look_that_waits_ends_too():
    with pytest.raises(errors.WorkerError, match="no answer within the time limit of 1 s"):
        call_confined("worker_probe:hang", returns=None, processor=60, time_limit=1)


def test_a_look_that_takes_more_memory_says_so():
    with pytest.raises(errors.WorkerError, match="not enough memory"):
        call_confined(probe.take, 600, returns=int, memory=512 << 20)
    assert call_confined(probe.take, 100, returns=int, memory=512 << 20) == 100 << 20


def test_inspect_of_a_model_that_loads_for_ever(tmp_path, monkeypatch):
    """The text of the file is described all the same."""
    shutil.copy(Path(__file__).parents[2] / "assets/digits.keras", tmp_path / "m.keras")
    monkeypatch.setattr(inspect, "limits", lambda path, look: limits(path, look) | {"processor": 1.0})
    from edgekit.types import Reading

    found = inspect.inspect(str(tmp_path / "m.keras"), Reading(), [])
    assert found.notes == ("not loaded: no answer within 1 s of processor time",) and found.parts
