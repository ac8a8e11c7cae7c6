"""A camera with an NPU."""

import json

import pytest
from command_line import typed


@pytest.mark.parametrize("target", ["camera", "camera-u55"])
def test_the_compiled_model_lies_beside_the_plain_one(everything, target):
    folder = everything / "build" / target / "digits"
    report = json.loads((folder / "report.json").read_text())
    lines = {line["name"]: line for line in report["budget"]}
    for name in ("npu_coverage", "arena", "latency"):
        assert lines[name]["verdict"] == "pass" and lines[name]["source"].startswith("simulated vela")
    assert {"model.tflite", "model_vela.tflite"} <= {a["path"] for a in report["artifacts"]}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert "model_vela.tflite" in {output["path"] for output in manifest["outputs"]}
    assert report["npu"]["layers"] and "## On the NPU" in (folder / "report.md").read_text()


def test_the_gate_sees_a_compiled_model_that_changed(released):
    (released / "build/camera/digits/model_vela.tflite").write_bytes(b"?")
    done = typed(released, "check", "--target=camera")
    assert done.returncode == 1 and "model_vela.tflite: changed since it was built" in done.stdout


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("hardware.npu=ethos-u65-25", 'did you mean "ethos-u65-256"'),
        ("hardware.npu_memory=Sram", "hardware.npu_memory"),
    ],
)
def test_unknown_hardware_ends_before_anything_is_built(cold, setting, words):
    done = typed(cold, "build", "--target=camera", f"--set={setting}")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1


def test_coverage_needs_an_npu(cold):
    done = typed(cold, "build", "--target=phone", "--set=budget.npu_coverage=90 %")
    assert done.returncode == 2 and "needs hardware.npu" in done.stderr
