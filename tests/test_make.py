import pytest
import worker_probe

from edgekit.errors import CrashError
from edgekit.make import EIGEN, Maker, Step
from edgekit.store import Store


class Silent:
    def headline(self, text): ...
    def begin(self, name): ...
    def progress(self, text, share): ...
    def end(self, row): ...


@pytest.fixture
def maker(tmp_path):
    with Maker(Store(tmp_path), Silent()) as maker:
        yield maker


def step(function, retry, **arguments):
    return Step("train", f"worker_probe:{function.__name__}", arguments, (), "tensorflow", str, False, retry)


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
