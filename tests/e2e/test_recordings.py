"""`edgekit features` and builds from recordings, as a person runs them."""

import shutil
import subprocess
import wave

import msgspec
import numpy as np
import pytest
from command_line import edgekit

from edgekit.firmware.run import missing

TABLE = """[tool.edgekit.models.tones]
model = "make_tones:net"
data = "recordings"
preprocessing = {{ mean = -9.0, std = 3.0 }}

[tool.edgekit.models.tones.frontend]
kind = "log-mel"
sample_rate = 8000
mel_bands = {bands}
"""
NET = """
import keras
import numpy as np
from keras import layers


def net():
    data = np.load("features.npz")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        layers.Input((49, 10, 1)), layers.Conv2D(4, 3, strides=2, activation="relu"), layers.Flatten(),
        layers.Dense(2, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit((data["x"][..., None] + 9) / 3, data["y"], epochs=6, verbose=0)
    return model
"""


@pytest.fixture
def project(with_features, tmp_path):
    """A copy of the project, to be changed."""
    return shutil.copytree(with_features, tmp_path / "tones")


@pytest.fixture(scope="module")
def with_features(tmp_path_factory):
    """A project of recordings of two tones; its features were written."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(1)
    for label, hertz in (("high", 1800), ("low", 400)):
        (folder / "recordings" / label).mkdir(parents=True)
        for number in range(60):
            moments = np.arange(rng.integers(6000, 8001)) / 8000
            sound = 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * moments) + rng.normal(
                0, 0.02, len(moments)
            )
            with wave.open(str(folder / "recordings" / label / f"{number}.wav"), "wb") as out:
                out.setparams((1, 2, 8000, 0, "NONE", ""))
                out.writeframes((sound * 32767).astype("<i2").tobytes())
    (folder / "pyproject.toml").write_text(TABLE.format(bands=10))
    (folder / "make_tones.py").write_text(NET)
    done = edgekit(folder, "features", "--samples=8000")
    assert done.returncode == 0, done.stderr
    assert "filled up with zeros" in done.stdout and "120x49x10" in done.stdout
    return folder


def test_features_hold_the_settings_that_made_them(project):
    with np.load(project / "features.npz") as arrays:
        assert {"x", "y", "frontend", "frontend_sha256"} == {*arrays.files}
        settings = msgspec.json.decode(str(arrays["frontend"]))
    assert (settings["kind"], settings["sample_rate"], settings["mel_bands"]) == ("log-mel", 8000, 10)


def check_from_the_sensor(folder, report):
    """Golden vectors and the self-test start at the recordings, and so do the figures of the simulated core."""
    with np.load(folder / "golden.npz") as golden:
        assert len(golden["raw"]) == np.sum(golden["row"] >= 0) and golden["row"].max() < 64
    (folder / "c/main.c").write_text('#include "tones_selftest.h"\nint main(void) { return tones_selftest(); }\n')
    sources = ["main.c", "tones.c", *(f"tones_{part}.c" for part in ("features", "sensor", "golden", "selftest"))]
    subprocess.run(["gcc", "-std=c11", "-O1", *sources, "-o", "../t"], cwd=folder / "c", check=True)
    assert subprocess.run([folder / "t"], timeout=60).returncode == 0
    if not missing():
        found = {m["name"]: m["value"] for m in report["measurements"]}
        assert 0 < found["frontend_instructions"] < found["instructions"]
        assert found["frontend_instructions"] == found["instructions of log-mel front-end"]


@pytest.mark.parametrize("target", ["phone", "microcontroller"])
def test_a_model_of_features_is_built_from_recordings_until_the_front_end_changes(project, target):
    done = edgekit(project, "build", f"--target={target}", "--set=recipe.quantize.calibration_samples=60")
    assert done.returncode in (0, 1), done.stderr
    report = msgspec.json.decode((project / "build" / target / "tones" / "report.json").read_bytes())
    accuracy = next(m["value"] for m in report["measurements"] if m["name"] == "accuracy")
    assert accuracy >= 90
    assert any("features by log-mel: 49x10 from" in note for note in report["remarks"])
    files = {artifact["path"] for artifact in report["artifacts"]}
    assert {"c/tones_features.c", "c/tones_features.h"} <= files
    assert ("c/tones_sensor.c" in files) == (target == "microcontroller")
    if target == "microcontroller":
        check_from_the_sensor(project / "build" / target / "tones", report)
    (project / "pyproject.toml").write_text(TABLE.format(bands=10) + "pre_emphasis = 0.5\n")
    done = edgekit(project, "check", f"--target={target}")
    assert done.returncode == 1 and "tones: its front-end, " in done.stdout + done.stderr


def test_features_that_the_model_does_not_take_are_named_with_both_shapes(project):
    (project / "pyproject.toml").write_text(TABLE.format(bands=12))
    done = edgekit(project, "build", "--target=phone")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "tones.frontend: the front-end gives" in done.stderr and "the model takes 49x10x1" in done.stderr


def test_a_model_without_a_front_end_has_no_features(project):
    (project / "pyproject.toml").write_text(TABLE.format(bands=12).partition("\n\n")[0] + "\n")
    done = edgekit(project, "features")
    assert done.returncode == 2 and "has no front-end; add [tool.edgekit.models.tones.frontend]" in done.stderr
