"""What a build hands to a firmware engineer, added to a project as its pages say."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from command_line import contents, edgekit, rebuilt, typed, verbose_build
from PIL import Image
from refusal import assert_refused
from tflm_shim import engine, write_shim

KIT = "build/microcontroller/digits"
NAMES = {
    *("digits.c", "digits.h", "digits_model.c", "digits_model.h", "digits_resolver.h", "digits_tflm.cpp"),
    *("digits_tflm.h", "digits_config.h", "digits_quantize.h", "digits_golden.c", "digits_golden.h"),
    *("digits_sensor.c", "digits_sensor.h"),
    *("digits_selftest.c", "digits_selftest.h"),
    *("digits_cmake.md", "digits_arduino.md", "digits_esp_idf.md", "digits_zephyr.md"),
}


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake not found (apt install cmake)")
@pytest.mark.parametrize("way", ["Standalone C", "With TensorFlow Lite for Microcontrollers"])
def test_the_page_for_cmake_makes_a_project_whose_selftest_passes(everything, tmp_path, way):
    shutil.copytree(everything / KIT / "c", tmp_path / "c")
    page = (tmp_path / "c/digits_cmake.md").read_text()
    section = page.split(f"## {way}\n")[1].split("\n## ")[0]
    blocks = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", section, re.DOTALL))
    assert blocks.keys() == {"CMakeLists.txt", "main.c"}
    for name, text in blocks.items():
        (tmp_path / name).write_text(text)
    if "add_subdirectory(tflm)" in blocks["CMakeLists.txt"]:
        # The interpreter is a stand-in, which computes with standalone C: see tflm_shim.
        write_shim(tmp_path / "tflm")
        (tmp_path / "tflm/shim.cpp").write_text(engine("digits", [("int8_t", 784)], [("int8_t", 10)], False))
        (tmp_path / "tflm/CMakeLists.txt").write_text(
            "add_library(tflm shim.cpp ../c/digits.c)\ntarget_include_directories(tflm PUBLIC . ../c)\n"
        )
    for command in (["cmake", "-S", ".", "-B", "b"], ["cmake", "--build", "b"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and "warning" not in done.stderr, done.stdout + done.stderr
    assert subprocess.run([tmp_path / "b/digits_app"]).returncode == 0


def test_every_file_is_reported_and_under_the_gate(everything, released):
    folder = everything / KIT
    assert {p.name for p in (folder / "c").iterdir()} == NAMES
    report, manifest = (json.loads((folder / f"{name}.json").read_bytes()) for name in ("report", "manifest"))
    for listed in ({a["path"] for a in report["artifacts"]}, {o["path"] for o in manifest["outputs"]}):
        assert {f"c/{name}" for name in NAMES} <= listed
    with (released / KIT / "c/digits_golden.c").open("a") as file:
        file.write("\n")
    done = typed(released, "check", "--target=microcontroller")
    assert done.returncode == 1 and "c/digits_golden.c" in done.stdout


def test_the_report_names_the_parts_of_the_arena_and_the_margin(everything):
    report = json.loads((everything / KIT / "report.json").read_bytes())
    found = {m["name"]: m for m in report["measurements"] if m["artifact"] == "model"}
    assert found["arena_persistent"]["value"] + found["arena_scratch"]["value"] == found["arena_used"]["value"]
    assert found["arena_device"]["value"] >= found["arena"]["value"] + 1024
    assert found["arena_device"]["source"] == "estimated" and "CMSIS-NN" in found["arena_device"]["reason"]
    assert found["operators"]["reason"] == "CONV_2D, FULLY_CONNECTED, MAX_POOL_2D, SOFTMAX"
    page = (everything / KIT / "report.md").read_text()
    for name in ("arena_persistent", "arena_scratch", "arena_device", "operators"):
        assert f"| {name} | model |" in page and f'data-name="{name}"' in (everything / KIT / "report.html").read_text()


def test_carray_takes_golden_vectors_of_tflm_that_lie_beside_the_file(everything, tmp_path):
    for target, there in (("microcontroller", True), ("phone", False)):
        model = everything / f"build/{target}/digits/model.tflite"
        done = typed(everything, "carray", str(model), "--name=digits", f"--out={tmp_path / target}")
        assert done.returncode == 0, done.stderr
        made = contents(tmp_path / target)
        assert ("digits_golden.c" in made) == ("digits_selftest.c" in made) == there
        assert {"digits_tflm.cpp", "digits_config.h", "digits_quantize.h", "digits_cmake.md"} <= made.keys()
    same = contents(everything / KIT / "c")
    made = contents(tmp_path / "microcontroller")
    assert all(made[name] == same[name] for name in ("digits_tflm.cpp", "digits_config.h"))
    vectors, and_raw = (
        (folder / "digits_golden.c").read_text() for folder in (tmp_path / "microcontroller", everything / KIT / "c")
    )
    assert and_raw.startswith(vectors) and "digits_golden_raw" in and_raw.removeprefix(vectors)


def test_labels_come_from_the_project(released):
    pyproject = released / "pyproject.toml"
    text, data = pyproject.read_text(), 'data = "assets/digits.npz"'
    names = json.dumps([f'"{n}' for n in range(10)])
    pyproject.write_text(text.replace(data, f"{data}\nlabels = {names}"))
    done = verbose_build(released, "--target=microcontroller")
    assert rebuilt(done.stdout) == ["emit"]
    assert '  "\\0429", \\\n}' in (released / KIT / "c/digits_config.h").read_text()
    shutil.rmtree(released / "build")
    pyproject.write_text(text.replace(data, f'{data}\nlabels = ["a"]'))
    done = edgekit(released, "build", "--target=microcontroller")
    assert_refused(done, released, "tool.edgekit.models.digits.labels: 1 names, but the model has 10 outputs")


def test_labels_come_from_the_folders_of_classes(released, tmp_path):
    rng = np.random.default_rng(0)
    for digit in range(10):
        place = tmp_path / f"images/class {digit}"
        place.mkdir(parents=True)
        for n in range(5):
            Image.fromarray(rng.integers(0, 255, (28, 28), np.uint8)).save(place / f"{n}.png")
    model = f"--model={KIT}/model.tflite"
    edgekit(released, "build", "--target=microcontroller", model, f"--data={tmp_path / 'images'}")
    text = (released / "build/microcontroller/model/c/model_config.h").read_text()
    assert "#define MODEL_CLASSES 10\n" in text and '  "class 9", \\\n}' in text
