"""Files that nobody thought of."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.flatbuffer.edit import move_inside, objects, packed
from edgekit.runtimes import RUNTIMES, installed
from edgekit.shrink.proof import prove

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed (the extra fuzz)")
def test_ten_seconds_of_fuzzing_find_nothing(tmp_path):
    command = [
        sys.executable,
        ROOT / "benchmarks/fuzz_shrink.py",
        "-max_total_time=10",
        f"-artifact_prefix={tmp_path}/",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_every_model_in_reach_is_written_as_it_was_read(shared, tmp_path):
    for file in sorted((shared / "models/tflite").glob("*.tflite")):
        content = file.read_bytes()
        model = objects(content)
        move_inside(model, content)
        (tmp_path / file.name).write_bytes(packed(model))
        again = objects(packed(model))
        assert len(again.buffers) == len(model.buffers) and len(again.subgraphs) == len(model.subgraphs)
        for runtime in filter(installed, RUNTIMES):
            said = prove(file, tmp_path / file.name, runtime)
            assert said in ("identical on 64 random inputs", "runs neither file"), (file.name, runtime, said)
