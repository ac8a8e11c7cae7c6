import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import worker_probe as probe

from edgekit import errors
from edgekit.engine import logs, worker
from edgekit.engine.worker import Worker
from edgekit.types import Artifact

ARTIFACT = Artifact("keras", "m.h5", 10, "ab")


@pytest.fixture
def process(tmp_path):
    with Worker(tmp_path / "log") as process:
        yield process


class TestCalls:
    def test_arguments_and_results_have_their_types(self, process):
        assert process.call(probe.larger, ARTIFACT, returns=Artifact) == Artifact("keras", "m.h5", 20, "ab")
        found = process.call(probe.larger, named={"artifact": ARTIFACT, "factor": 5}, returns=Artifact)
        assert found.bytes == 50

    def test_a_function_can_be_named_without_importing_it_here(self, process):
        assert process.call("os.path:basename", "/a/b", returns=str) == "b"

    def test_calls_go_to_one_process_that_is_not_this_one(self, process):
        first, second = (process.call(probe.process, returns=int) for _ in range(2))
        assert first == second != os.getpid()

    def test_an_answer_may_be_large(self, process):
        assert len(process.call(probe.large, 5_000_000, returns=str)) == 5_000_000

    def test_progress_arrives_in_order(self, process):
        told = []
        process.call(probe.count, 3, returns=int, progress=lambda text, share: told.append((text, round(share, 2))))
        assert told == [("step 1", 0.33), ("step 2", 0.67), ("step 3", 1.0)]

    def test_a_new_worker_has_neither_numpy_nor_a_runtime(self, process):
        modules = set(process.call(probe.imported, returns=list[str]))
        assert not modules & {"numpy", "tensorflow", "ai_edge_litert", "tflite_runtime", "keras"}

    def test_its_environment_silences_tensorflow_and_asks_for_keras_2(self, process):
        assert process.call(probe.environment, "TF_USE_LEGACY_KERAS", returns=str) == "1"
        assert process.call(probe.environment, "TF_CPP_MIN_LOG_LEVEL", returns=str) == "2"


class TestErrors:
    @pytest.mark.parametrize("kind", probe.KINDS.values())
    def test_errors_keep_their_kind_and_text(self, process, kind):
        with pytest.raises(errors.EdgekitError) as caught:
            process.call(probe.fail, kind.__name__, "m.h5: “wrong”\nsecond line", returns=None)
        assert type(caught.value) is kind
        assert str(caught.value) == "m.h5: “wrong”\nsecond line"

    def test_any_other_exception_becomes_one_line_and_its_traceback_goes_to_the_log(self, process, tmp_path):
        with pytest.raises(errors.WorkerError, match=r"^KeyError: ") as caught:
            process.call(probe.stumble, returns=None)
        assert "\n" not in str(caught.value)
        assert "Traceback" in (tmp_path / "log").read_text()

    def test_after_an_error_the_process_goes_on(self, process):
        first = process.call(probe.process, returns=int)
        with pytest.raises(errors.DataError):
            process.call(probe.fail, "DataError", "x", returns=None)
        assert process.call(probe.process, returns=int) == first


class TestCrashes:
    @pytest.mark.parametrize(
        ("function", "arguments", "says"),
        [
            (probe.abort, (), "SIGABRT"),
            (probe.read_nowhere, (), "SIGSEGV"),
            (probe.kill, (9,), "SIGKILL (out of memory?)"),
            (probe.kill, (15,), "SIGTERM"),
        ],
    )
    def test_a_signal_is_named_with_the_log(self, process, tmp_path, function, arguments, says):
        with pytest.raises(errors.WorkerError) as caught:
            process.call(function, *arguments, returns=None)
        assert says in str(caught.value) and str(tmp_path / "log") in str(caught.value)

    def test_an_early_end_is_told_with_its_status(self, process):
        with pytest.raises(errors.WorkerError, match="status 3"):
            process.call(probe.leave, 3, returns=None)

    def test_a_function_that_quits_is_told_as_that(self, process):
        with pytest.raises(errors.WorkerError, match=r"status 3|SystemExit: 3"):
            process.call(probe.quit_python, returns=None)

    def test_the_next_call_gets_a_new_process(self, process):
        first = process.call(probe.process, returns=int)
        with pytest.raises(errors.WorkerError):
            process.call(probe.abort, returns=None)
        assert process.call(probe.process, returns=int) != first

    @pytest.mark.parametrize("function", [probe.hang, probe.hang_in_c])
    def test_a_process_that_hangs_is_ended_at_its_time_limit(self, process, function):
        number = process.call(probe.process, returns=int)
        start = time.monotonic()
        with pytest.raises(errors.WorkerError, match=r"time limit of 0\.5 s"):
            process.call(function, returns=None, time_limit=0.5)
        assert time.monotonic() - start < 5
        assert not psutil.pid_exists(number)
        assert process.call(probe.process, returns=int) != number

    def test_a_process_that_is_gone_between_calls_is_replaced(self, process):
        number = process.call(probe.process, returns=int)
        psutil.Process(number).kill()
        time.sleep(0.5)
        assert process.call(probe.process, returns=int) != number

    def test_ctrl_c_ends_the_process(self, tmp_path):
        program = (
            "import sys, worker_probe\n"
            "from edgekit.engine.worker import Worker\n"
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "with Worker() as process:\n"
            "    print(process.call(worker_probe.process, returns=int), flush=True)\n"
            "    process.call(worker_probe.interrupt_parent, returns=None)\n"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=30
        )
        assert "KeyboardInterrupt" in done.stderr
        assert not psutil.pid_exists(int(done.stdout))


class TestLog:
    def test_what_is_printed_goes_there_and_answers_stay_whole(self, process, tmp_path, capfd):
        assert process.call(probe.chatter, "hello", returns=str) == "said"
        assert sorted((tmp_path / "log").read_text().split("\n")) == ["", "from C++", "from a child", "hello", "hello"]
        assert capfd.readouterr() == ("", "")

    def test_a_call_can_have_its_own(self, process, tmp_path):
        process.call(probe.chatter, "one", returns=str, log=tmp_path / "own")
        process.call(probe.chatter, "two", returns=str)
        assert "one" in (tmp_path / "own").read_text() and "two" not in (tmp_path / "own").read_text()
        assert "two" in (tmp_path / "log").read_text()


class TestTemporaryFiles:
    @pytest.mark.parametrize("writes", [None, ()], ids=["free", "confined"])
    @pytest.mark.parametrize("end", ["close", "kill", "die", "quit"])
    def test_they_go_with_the_process(self, tmp_path, writes, end):
        with Worker(writes=writes, room=tmp_path) as process:
            left = Path(process.call(probe.litter, returns=str))
            assert left.is_file() and left.is_relative_to(tmp_path)
            if end in ("die", "quit"):
                function, status = (probe.kill, 9) if end == "die" else (probe.leave, 3)
                with pytest.raises(errors.WorkerError):
                    process.call(function, status, returns=type(None))
            process.close(kill=end == "kill")
            assert list(tmp_path.iterdir()) == []

    def test_a_log_of_what_nobody_foresaw_is_kept_for_a_week(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        old, own = tmp_path / f"{logs.NAME}old.log", tmp_path / "edgekit-nightly.log"
        link = tmp_path / f"{logs.NAME}link.log"
        link.symlink_to(own)
        for file in (old, own):
            file.touch()
            os.utime(file, (0, time.time() - logs.WEEK - 60))
        new = logs.new_log()
        assert {*tmp_path.iterdir()} == {own, link, new} and {*logs.new_log().parent.iterdir()} > {own, link, new}


class TestEnds:
    def test_close_waits_until_the_process_is_gone(self):
        with Worker() as process:
            number = process.call(probe.process, returns=int)
        assert not psutil.pid_exists(number)

    def test_a_call_of_its_own_leaves_none(self):
        assert not psutil.pid_exists(worker.call(probe.process, returns=int))

    def test_a_worker_whose_parent_was_killed_ends_itself(self):
        program = (
            "import os, worker_probe\n"
            "from edgekit.engine.worker import Worker\n"
            "process = Worker()\n"
            "print(process.call(worker_probe.process, returns=int), flush=True)\n"
            "import threading; threading.Timer(0.3, lambda: os.kill(os.getpid(), 9)).start()\n"
            "process.call(worker_probe.hang, returns=None)\n"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
        assert done.returncode == -9
        number = int(done.stdout)
        deadline = time.monotonic() + 5
        while psutil.pid_exists(number) and psutil.Process(number).status() != "zombie":
            assert time.monotonic() < deadline, "the worker lives on"
            time.sleep(0.05)
