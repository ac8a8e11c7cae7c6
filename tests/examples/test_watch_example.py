"""`examples/watch`, copied as a reader copies it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "watch"
LEFT_OUT = shutil.ignore_patterns("build", ".edgekit", "__pycache__", "train.npz")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The output folder of a copy, in which the target was built."""
    folder = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("copied") / "watch", ignore=LEFT_OUT)
    done = run(folder, "-m", "edgekit", "build", "--target=fitness-watch")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "fitness-watch" / "activity"


def test_all_limits_hold_for_subjects_that_trained_nothing(built):
    report = json.loads((built / "report.json").read_text())
    judged = {line["name"]: line["verdict"] for line in report["budget"] if line["limit"] is not None}
    assert {"accuracy", "accuracy_drop", "flash", "ram", "frontend_instructions", "energy"} <= judged.keys()
    assert set(judged.values()) == {"pass"}
    assert "split by subject: 7 in training, 3 in evaluation, none in both" in report["remarks"]


def test_the_front_end_is_a_part_of_what_the_core_takes(built):
    figures = {m["name"]: m["value"] for m in json.loads((built / "report.json").read_text())["measurements"]}
    assert 0 < figures["frontend_instructions"] < figures["instructions"] / 10
    assert figures["stream_state"] > 0 and figures["detection_rate"] > 60
    assert 100 < figures["stream_days"] < 220_000 / 8.95 / 24  # no longer than asleep all the time


def test_golden_vectors_are_windows_of_the_recordings(built):
    golden = np.load(built / "golden.npz")["raw"]
    recorded = np.load(EXAMPLE / "data" / "activity.npz")["x_test"]
    windows = np.concatenate([recorded[:, start : start + 100] for start in range(0, 401, 50)])
    assert golden.dtype == np.int16
    assert all((windows == window).all(axis=(1, 2)).any() for window in golden)


def test_no_subject_is_in_two_parts():
    data = np.load(EXAMPLE / "data" / "activity.npz")
    train, test = (set(data[f"subject_{part}"].tolist()) for part in ("train", "test"))
    assert train == {1, 2, 3, 4, 5, 6, 7}
    assert test == {8, 9, 10}
    assert set(data["y_train"].tolist()) == set(data["y_test"].tolist()) == set(range(7))


@pytest.mark.slow
def test_the_script_trains_on_features_that_a_command_wrote(tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "watch", ignore=LEFT_OUT)
    (folder / "activity.keras").unlink()
    assert run(folder, "-m", "edgekit", "features", "--model=activity", "--out=train.npz").returncode == 0
    trained = run(folder, "train.py", "train.npz")
    assert trained.returncode == 0, trained.stderr[-3000:]
    share = float(trained.stdout.split("all: ")[1].split(" %")[0])
    assert share > 80
    assert (folder / "activity.keras").stat().st_size < 150_000


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder."""
    environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_STORE"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
