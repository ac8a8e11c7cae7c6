import signal

import pytest
import worker_probe

from edgekit.engine.libraries import EIGEN, OWN, TENSORFLOW
from edgekit.engine.make import Maker, Silent
from edgekit.engine.stage import Stage
from edgekit.engine.store import Store
from edgekit.errors import CrashError


@pytest.fixture
def maker(tmp_path):
    with Maker(Store(tmp_path), Silent()) as maker:
        yield maker


def step(stage, retry, **arguments):
    return Stage(stage.function, "train", TENSORFLOW, (), retry)(**arguments)


class TestAStepWhoseProcessDies:
    def test_is_tried_again_without_onednn_and_the_row_says_so(self, maker):
        made = maker.make(step(worker_probe.die_with_onednn, EIGEN), "phone.digits")
        assert made.value == "alive"
        assert made.row.reason.startswith("first build; made in tensorflow without oneDNN, because ")
        assert "SIGSEGV" in made.row.reason

    def test_says_it_too_when_it_comes_from_the_store(self, maker):
        maker.make(step(worker_probe.die_with_onednn, EIGEN), "phone.digits")
        again = maker.make(step(worker_probe.die_with_onednn, EIGEN), "phone.digits")
        assert again.row.status == "cached"
        assert again.row.reason.startswith("made in tensorflow without oneDNN, because ")

    def test_is_an_error_where_there_is_no_other_way(self, maker):
        with pytest.raises(CrashError, match=r"^train: .*SIGSEGV"):
            maker.make(step(worker_probe.die_with_onednn, None), "phone.digits")


class TestPassingFaults:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_a_step_ended_from_outside_is_made_again_and_kept_as_any(self, maker, tmp_path, number):
        made = own_step(maker, worker_probe.die_once, place=str(tmp_path / "mark"), number=int(number))
        assert made.value == "alive" and "SIG" not in made.row.reason

    def test_one_crash_of_a_step_does_not_change_what_it_is_made_with(self, maker, tmp_path):
        arguments = {"place": str(tmp_path / "mark"), "number": int(signal.SIGSEGV)}
        made = maker.make(step(worker_probe.die_once, EIGEN, **arguments).within(OWN), "a.b")
        assert made.value == "alive" and made.row.reason == "first build"

    def test_a_result_that_holds_one_is_not_kept(self, maker, tmp_path):
        arguments = {"place": str(tmp_path / "mark")}
        first, second, third = (own_step(maker, worker_probe.fault_once, **arguments) for _ in range(3))
        assert [made.row.status for made in (first, second, third)] == ["built", "built", "cached"]
        assert [made.value.value for made in (first, second, third)] == [0, 1, 1]
        assert first.artifact.bytes == 1


def own_step(maker, stage, **arguments):
    """A stage that leaves a mark outside of its scratch folder, which a confined one cannot."""
    return maker.make(stage(**arguments).within(OWN), "phone.digits")
