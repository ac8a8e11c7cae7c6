"""`edgekit shrink`: a smaller file with the same outputs."""

import json

import pytest
from command_line import typed

from edgekit.shrink.proof import prove


@pytest.mark.parametrize(
    ("name", "most"), [("wake_word_int8", 61_000), ("mnist_lstm_int8", 12_500), ("two_signatures_float", 1_000)]
)
def test_a_file_from_elsewhere_is_proven_in_every_runtime(shared, tmp_path, name, most):
    file = shared / f"models/tflite/{name}.tflite"
    done = typed(tmp_path, "shrink", str(file), "--out=small", "--json")
    found = json.loads(done.stdout)
    assert found["kept"] and found["after"] == (tmp_path / "small" / file.name).stat().st_size <= most
    assert set(found["proven"].values()) == {"identical on 64 random inputs"}


def test_the_reference_model_loses_a_twentieth(cold, tmp_path):
    report = json.loads((cold / "build/phone/digits/report.json").read_text())
    sizes = {row["name"]: row["bytes"] for row in report["stages"]}
    (shipped,) = (a for a in report["artifacts"] if a["path"] == "model.tflite")
    assert shipped["bytes"] <= 0.95 * sizes["quantize"]
    done = typed(tmp_path, "shrink", str(cold / "build/phone/digits/model.tflite"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shrunk/model.tflite").stat().st_size == shipped["bytes"], "nothing is left to drop"
    assert "identical" in done.stdout


def test_the_folder_of_the_file_itself_may_be_named(shared, tmp_path):
    file = tmp_path / "m.tflite"
    file.write_bytes((shared / "models/tflite/hello_world_int8.tflite").read_bytes())
    assert typed(tmp_path, "shrink", "m.tflite", "--out=.").returncode == 0
    assert file.stat().st_size < 2_000


def test_other_outputs_and_refusals_are_noticed(shared, tmp_path):
    folder = shared / "models/tflite"
    pair = [folder / f"{name}_int8.tflite" for name in ("hello_world", "on_off")]
    assert prove(*pair, "litert").startswith("gives other outputs")
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3")
    assert prove(pair[0], tmp_path / "m.tflite", "tflm").startswith("refuses the smaller file: ")
    assert prove(tmp_path / "m.tflite", tmp_path / "m.tflite", "tflm") == "runs neither file"


@pytest.mark.parametrize(("content", "words"), [(None, "m.tflite"), (b"hello", "not a TensorFlow Lite model")])
def test_what_is_no_model_is_refused(tmp_path, content, words):
    if content:
        (tmp_path / "m.tflite").write_bytes(content)
    done = typed(tmp_path, "shrink", "m.tflite")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "shrunk").exists()
