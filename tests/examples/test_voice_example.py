"""`examples/voice`, copied as a reader copies it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "voice"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the folder, in which its target was built."""
    left_out = shutil.ignore_patterns("build", ".edgekit", "__pycache__")
    folder = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("copied") / "voice", ignore=left_out)
    built = run(folder, "-m", "edgekit", "build", "--target=wristband")
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_it_holds_its_budget_from_the_sensor_to_the_answer(project):
    report = json.loads((project / "build/wristband/voice/report.json").read_text())
    judged = {line["name"]: line["verdict"] for line in report["budget"]}
    assert report["verdict"] == "pass"
    assert {"accuracy", "accuracy_drop", "flash", "ram", "frontend_instructions", "detection_rate"} <= judged.keys()
    assert set(judged.values()) == {"pass"}


def test_golden_vectors_are_what_the_microphone_gave(project):
    golden = np.load(project / "build/wristband/voice/golden.npz")
    recorded = np.load(project / "voice.npz")["x_test"]
    assert golden["raw"].dtype == np.int16
    assert all((recorded == raw).all(axis=1).any() for raw in golden["raw"])


def test_who_judges_was_never_heard():
    data = np.load(EXAMPLE / "voice.npz")
    assert len(set(data["speaker_test"])) == 1
    assert not set(data["speaker_test"]) & set(data["speaker_train"])
    assert set(data["y_test"]) == set(data["y_train"]) == set(range(11))


def test_its_c_hears_what_the_build_counted(project):
    """`listen.c`, fed from the long recording, detects as often as TFLM did in the build."""
    c = project / "build/wristband/voice/c"
    sources = [project / "listen.c", *(c / name for name in ("voice.c", "voice_features.c", "voice_stream.c"))]
    subprocess.run(["gcc", "-std=c11", "-O2", f"-I{c}", "-o", project / "listen", *sources], check=True)
    pcm = (project / "stream/theo.wav").read_bytes()[44:]
    heard = (
        subprocess.run([project / "listen"], input=pcm, capture_output=True, check=True).stdout.decode().splitlines()
    )
    words = len((project / "stream/theo.txt").read_text().splitlines())
    found = {
        m["name"]: m for m in json.loads((project / "build/wristband/voice/report.json").read_text())["measurements"]
    }
    hours = len(pcm) / 2 / 8000 / 3600
    counted = found["detection_rate"]["value"] / 100 * words + found["false_accepts"]["value"] * hours
    assert len(heard) == round(counted)


@pytest.mark.slow
def test_the_script_trains_on_recordings(tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "voice", ignore=shutil.ignore_patterns("build", ".edgekit"))
    (folder / "voice.keras").unlink()
    data = np.load(folder / "voice.npz")
    again = 8  # each recording of the five speakers, so that there are steps enough
    parts = ["train"] * again + ["test"]
    x, y, speaker = (np.concatenate([data[f"{name}_{part}"] for part in parts]) for name in ("x", "y", "speaker"))
    length = x.shape[1] - (x[:, ::-1] != 0).argmax(axis=1)
    np.savez(tmp_path / "words.npz", x=x[y > 0], y=y[y > 0] - 1, speaker=speaker[y > 0], length=length[y > 0])
    trained = run(folder, "train.py", str(tmp_path / "words.npz"), "--copies=2")
    assert trained.returncode == 0, trained.stderr[-3000:]
    share = float(trained.stdout.split("theo, never heard: ")[1].split(" %")[0])
    assert share > 30  # from three recordings of each word by each of five speakers; by chance 10
    assert (folder / "voice.keras").is_file()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder."""
    environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
